/** A past machine that moves from sample to sample. */
import type { Files, Host, PastCoverage, PastTime, Resolver } from "../host/host.ts";
import { factsOf, movingHost, type PastFacts } from "./past.ts";
import type { Moment, StoreReader } from "./reader.ts";

/** A sample stands for this many intervals after it; later, nothing is known. */
const INTERVALS = 3;
/** And for this long at least: a run may be killed before its last samples are written. */
const LEAST_MS = 15_000;

/** Notes that say why nothing was recorded. */
const GAP_CAUSES: ReadonlySet<string> = new Set(["restart", "suspend", "clock", "disk", "damaged"]);

/** How long after a sample its sockets may still count as those of the time. */
export function longestAgeMs({ run }: Moment): number {
  return Math.max(LEAST_MS, INTERVALS * run.interval_ms);
}

/** The tables and the filter that a recorder was limited to; empty if it kept everything. */
export function limitsOf({ run: { tables, filter } }: Moment): string {
  return [tables, filter].filter((each) => each !== null).join(" ");
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

  const neighbour = (by: 1 | -1) =>
    by > 0 ? reader.sampleAfter(moment.wallMs) : reader.sampleBefore(moment.wallMs);
  const isSoon = (atMs: number) => Math.abs(atMs - moment.wallMs) <= longestAgeMs(moment);

  function moveTo(atMs: number): boolean {
    const found = reader.moment(atMs);
    if (found === undefined) return false;
    moment = found;
    facts = factsOf(found);
    return true;
  }

  function coverageOf({ wallMs, damaged }: Moment): PastCoverage {
    const before = reader.sampleBefore(wallMs);
    const fromMs = before !== undefined && isSoon(before) ? before + 1 : wallMs;
    const notes = reader
      .coverage({ fromMs, untilMs: wallMs })
      // How long a sample took is noted from its beginning on: that of the sample before has ended.
      .notes.filter(({ kind, untilMs }) => kind !== "damaged" && (kind !== "slow" || untilMs >= wallMs));
    const damage = { kind: "damaged", fromMs: wallMs, untilMs: wallMs, count: undefined, detail: undefined };
    return {
      limits: limitsOf(moment),
      notes: damaged ? [...notes, damage] : notes,
    };
  }

  const past: PastTime = {
    get wallMs() {
      return moment.wallMs;
    },
    get bootMs() {
      return moment.bootMs;
    },
    get bootId() {
      return moment.run.boot_id;
    },
    netns: first.places[0]?.inode ?? 0,
    get intervalMs() {
      return moment.run.interval_ms;
    },
    get coverage() {
      return coverageOf(moment);
    },
    step(by) {
      const atMs = neighbour(by);
      if (atMs === undefined || !isSoon(atMs)) return false;
      const { wallMs } = moment;
      return moveTo(atMs) && moment.wallMs !== wallMs;
    },
    gap(by) {
      const atMs = neighbour(by);
      const { wallMs } = moment;
      const { notes } = reader.coverage({
        fromMs: Math.min(wallMs, atMs ?? wallMs) + 1,
        untilMs: Math.max(wallMs, atMs ?? wallMs),
      });
      const causes = notes.filter(({ kind }) => GAP_CAUSES.has(kind));
      return by > 0
        ? { fromMs: wallMs, untilMs: atMs, notes: causes }
        : { fromMs: atMs, untilMs: wallMs, notes: causes };
    },
    seek: moveTo,
  };
  return { ...movingHost(() => facts, elsewhere, resolver), past };
}
