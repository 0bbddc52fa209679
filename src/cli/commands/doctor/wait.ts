/** Waits between two samples, with a countdown on the terminal. */
import type { World } from "../../world.ts";

const encoder = new TextEncoder();

/** How often the countdown is rewritten. */
const TICK_MS = 200;

/**
 * Waits, and counts down on standard error if that is a terminal.
 *
 * @returns the exit status after SIGINT, SIGTERM or SIGHUP; undefined if the time has passed
 */
export function waitShowing(world: World, ms: number): Promise<number | undefined> {
  const signal = world.interrupted();
  const end = performance.now() + ms;
  const say = (text: string) => {
    if (world.stderr.eraseLine === undefined) return;
    world.stderr.eraseLine();
    world.stderr.write(encoder.encode(text));
  };
  const { promise, resolve } = Promise.withResolvers<number | undefined>();
  const tick = () => {
    const left = Math.max(0, end - performance.now());
    say(`Second sample in ${(left / 1000).toFixed(1)} s`);
  };
  const stop = () => resolve(signal.reason as number);
  const ticker = setInterval(tick, TICK_MS);
  const timer = setTimeout(resolve, ms, undefined);
  tick();
  if (signal.aborted) stop();
  else signal.addEventListener("abort", stop);
  return promise.finally(() => {
    clearInterval(ticker);
    clearTimeout(timer);
    signal.removeEventListener("abort", stop);
    say("");
  });
}
