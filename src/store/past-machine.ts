/** A past machine that moves from sample to sample. */
import type { Files, Host, PastTime, Resolver } from "../host/host.ts";
import { factsOf, movingHost, type PastFacts } from "./past.ts";
import type { Moment, StoreReader } from "./reader.ts";

/** A sample stands for this many intervals after it; later, nothing is known. */
const INTERVALS = 3;
/** And for this long at least: a run may be killed before its last samples are written. */
const LEAST_MS = 15_000;

/** How long after a sample its sockets may still count as those of the time. */
export function longestAgeMs({ run }: Moment): number {
  return Math.max(LEAST_MS, INTERVALS * run.interval_ms);
}

/** The machine of a moment. `past` of the host moves it. */
export function pastMachine(
  reader: StoreReader,
  first: Moment,
  elsewhere: Files,
  resolver: Resolver,
): Host & { readonly past: PastTime } {
  let moment = first;
  let facts: PastFacts = factsOf(first);
  const past: PastTime = {
    get wallMs() {
      return moment.wallMs;
    },
    get bootMs() {
      return moment.bootMs;
    },
    netns: first.places[0]?.inode ?? 0,
    step(by) {
      const atMs = by > 0 ? reader.sampleAfter(moment.wallMs) : reader.sampleBefore(moment.wallMs);
      if (atMs === undefined || Math.abs(atMs - moment.wallMs) > longestAgeMs(moment)) return false;
      const found = reader.moment(atMs);
      if (found === undefined || found.wallMs === moment.wallMs) return false;
      moment = found;
      facts = factsOf(found);
      return true;
    },
  };
  return { ...movingHost(() => facts, elsewhere, resolver), past };
}
