/** Long work in short turns, so that keys and signals are let in meanwhile. */
import type { Breathe } from "../../../live/owners.ts";

/** Milliseconds on a clock that never goes back. */
export type Clock = () => number;

/** How long the event loop may be kept waiting, in milliseconds. */
const TURN_MS = 10;

/**
 * Makes what long work calls often.
 *
 * @param signal ends the work: what is made here then throws its reason
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
