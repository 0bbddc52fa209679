/** The pauses of a recorder. */
import { libc } from "#libc";

/** The event loop is entered this often: for a signal that came between two pauses. */
const TURN_MS = 4000;

/**
 * Waits between rounds, most often in poll(2). Each time that the event loop of the runtime is entered and a second has
 * passed, it collects garbage, however little there is. A recorder makes little in a second, so that this would take
 * more time than all that it does with events.
 */
export class Pauses {
  readonly #needsLoop: () => boolean;
  #turnedMs = Number.NEGATIVE_INFINITY;

  /** @param needsLoop whether something waits for the event loop, such as the end of a child process */
  constructor(needsLoop: () => boolean) {
    this.#needsLoop = needsLoop;
  }

  /**
   * Waits so many milliseconds, or until a signal comes; 0 only enters the event loop.
   *
   * @param entersLoop whether to wait in the event loop: there is much garbage, or a signal may have come
   */
  async wait(ms: number, entersLoop = false): Promise<void> {
    let left = ms;
    if (ms > 0 && !entersLoop && !this.#needsLoop() && performance.now() - this.#turnedMs < TURN_MS) {
      if (libc.poll(-1, 0, Math.ceil(ms)) >= 0) return;
      // A signal came: the event loop hands it on.
      left = 1;
    }
    this.#turnedMs = performance.now();
    await new Promise<void>((resolve) => {
      if (left > 0) setTimeout(resolve, left);
      else setImmediate(resolve);
    });
  }
}
