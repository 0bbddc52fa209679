/** Divides long work into short turns, so that other requests are answered in between. */
import type { Breathe } from "../live/owners.ts";

/** How long the event loop may be kept waiting, in milliseconds. */
const TURN_MS = 10;

/** Makes the function that long work calls often. @param signal ends the work: the function then throws its reason */
export function turns(signal?: AbortSignal): Breathe {
  let turn = performance.now();
  return () => {
    signal?.throwIfAborted();
    if (performance.now() - turn < TURN_MS) return undefined;
    return new Promise<void>((resolve) => setImmediate(resolve)).then(() => {
      signal?.throwIfAborted();
      turn = performance.now();
    });
  };
}
