/** Writing without ever waiting in the kernel: a reader that is slow does not keep us from being interrupted. */
import type { Output } from "../../world.ts";

/** PIPE_BUF: what a pipe that has room at all takes at once. limits.h. */
const PIECE = 4096;
/** How long a full pipe is left alone. */
const WAIT_MS = 5;

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
