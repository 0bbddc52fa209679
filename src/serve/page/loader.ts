/** Requests that never pile up. */

/** Loads something again and again. */
export interface Loader {
  /** Loads what is wanted now, and drops a request under way, as its answer is wanted no more. */
  restart(): void;
  /** Loads it again: after the request under way, if there is one. */
  refresh(): void;
}

/** A loader. @param load requests and shows; its signal aborts when nobody waits for it any more */
export function loader(load: (signal: AbortSignal) => Promise<void>): Loader {
  let running: AbortController | undefined;
  let again = false;
  async function run(): Promise<void> {
    const mine = new AbortController();
    running = mine;
    again = false;
    try {
      await load(mine.signal);
    } catch (error) {
      if (!mine.signal.aborted) throw error;
    } finally {
      if (running === mine) {
        running = undefined;
        if (again) void run();
      }
    }
  }
  return {
    restart() {
      running?.abort();
      void run();
    },
    refresh() {
      if (running === undefined) void run();
      else again = true;
    },
  };
}
