/** Writing without ever waiting in the kernel: a reader that is slow does not keep us from being interrupted. */
import type { Output } from "../../world.ts";

/** PIPE_BUF: what a pipe that has room at all takes at once. limits.h. */
const PIECE = 4096;
/** How long a full pipe is left alone. */
const WAIT_MS = 5;

const encoder = new TextEncoder();
/** UTF-8 takes at most so many bytes for a unit of a string. */
const MOST_BYTES = 3;
const NEWLINE = 0x0a;

/** What is to be written, in memory that is used again. */
export class Pending {
  #bytes = new Uint8Array(1 << 16);
  #length = 0;

  /** Adds a line. */
  line(text: string): void {
    this.#makeRoom(text.length * MOST_BYTES + 1);
    this.#length += encoder.encodeInto(text, this.#bytes.subarray(this.#length)).written;
    this.#bytes[this.#length++] = NEWLINE;
  }

  /** Adds bytes. */
  bytes(bytes: Uint8Array): void {
    this.#makeRoom(bytes.length);
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  /** Takes all that was added, valid until more is. */
  take(): Uint8Array {
    const taken = this.#bytes.subarray(0, this.#length);
    this.#length = 0;
    return taken;
  }

  #makeRoom(count: number): void {
    if (this.#length + count <= this.#bytes.length) return;
    const grown = new Uint8Array(Math.max(this.#bytes.length * 2, this.#length + count));
    grown.set(this.#bytes);
    this.#bytes = grown;
  }
}

/** How a piece of writing ended. */
export type Written = "written" | "broken" | "interrupted";

/** Writes all of the bytes as there is room for them. */
export async function writeWhenFree(
  { write, room }: Output,
  bytes: Uint8Array,
  interrupted: AbortSignal,
): Promise<Written> {
  if (room === undefined) {
    write(bytes);
    return "written";
  }
  for (let at = 0; at < bytes.length; ) {
    const state = room();
    if (state === "broken") return "broken";
    if (state === "free") {
      write(bytes.subarray(at, at + PIECE));
      at += PIECE;
      continue;
    }
    if (interrupted.aborted) return "interrupted";
    await new Promise((resolve) => setTimeout(resolve, WAIT_MS));
  }
  return "written";
}
