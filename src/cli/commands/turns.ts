/** Divides long work into short turns, so that keys and signals are handled in between. */
import type { Breathe } from "../../live/owners.ts";

/** Milliseconds on a clock that never goes back. */
export type Clock = () => number;

/** How long the event loop may be kept waiting, in milliseconds. */
const TURN_MS = 10;

/**
 * Makes the function that long work calls often.
 *
 * @param signal ends the work: the function then throws its reason
 */
export function takeTurns(clock: Clock, signal: AbortSignal): Breathe {
  let turn = clock();
  return () => {
    signal.throwIfAborted();
    if (clock() - turn < TURN_MS) return undefined;
    return new Promise<void>((resolve) => setImmediate(resolve)).then(() => {
      signal.throwIfAborted();
      turn = clock();
    });
  };
}
