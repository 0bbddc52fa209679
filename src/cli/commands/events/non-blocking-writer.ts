/** Writes without blocking in the kernel, so that a slow reader does not delay signals. */
import type { Output } from "../../world.ts";

/** PIPE_BUF: a pipe with any room takes this much at once. limits.h. */
const PIECE = 4096;
/** Time between two looks at a full pipe. */
const WAIT_MS = 5;

const encoder = new TextEncoder();
/** Most bytes of UTF-8 for one UTF-16 code unit. */
const MOST_BYTES = 3;
const NEWLINE = 0x0a;

/** Output that is waiting to be written, in memory that is reused. */
export class Pending {
  #bytes = new Uint8Array(1 << 16);
  #length = 0;

  /** How many bytes are pending. */
  get length(): number {
    return this.#length;
  }

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

  /** Takes all that was added. The bytes are valid until more is added. */
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

/** How a write ended. */
export type Written = "written" | "broken" | "interrupted";

/** Where a piece from `at` ends: behind its last line, or in a line that is longer. */
function pieceEnd(bytes: Uint8Array, at: number): number {
  const limit = Math.min(at + PIECE, bytes.length);
  const newline = bytes.subarray(at, limit).lastIndexOf(NEWLINE);
  return newline < 0 ? limit : at + newline + 1;
}

/** Writes all of the bytes, as fast as the reader takes them. A signal cuts no line that fits into PIPE_BUF. */
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
      const end = pieceEnd(bytes, at);
      write(bytes.subarray(at, end));
      at = end;
      continue;
    }
    if (interrupted.aborted) return "interrupted";
    await new Promise((resolve) => setTimeout(resolve, WAIT_MS));
  }
  return "written";
}
