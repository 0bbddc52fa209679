/** Where snapshots come from: the sampler for now, the store for times in the past. */
import { randomBytes } from "node:crypto";
import { SocketTable } from "../live/table.ts";
import type { OpenQuery } from "../query/open.ts";
import { StoreError } from "../store/error.ts";
import { factsOf, pastHost } from "../store/past.ts";
import { StoreReader } from "../store/reader.ts";
import { durationText, readTime, timeSpelling, timeText } from "../store/time.ts";
import type { ServeContext } from "./context.ts";
import { Refusal, wrongParameter } from "./problem.ts";
import { findOwners, openMachine, type Sampler, take } from "./sampler.ts";
import type { Snapshot, Wants } from "./snapshot.ts";

/** Where snapshots come from. */
export interface Moments {
  /** Differs from run to run, so that nobody takes a sample of one run for that of another. */
  readonly epoch: string;
  /**
   * Uses the snapshot of a time.
   *
   * @param at the time as typed; undefined for now
   * @param wants what the snapshot must have, once the query is open in which a filter is parsed
   * @param use gets the snapshot, whose sockets are valid until it has finished
   * @returns what `use` returns
   * @throws Refusal if nothing is known of the time
   */
  at<T>(
    at: string | undefined,
    wants: (query: OpenQuery) => Promise<Wants>,
    use: (snapshot: Snapshot) => T | Promise<T>,
  ): Promise<T>;
}

/** A sample stands for this many intervals after it, and for this long at least. */
const INTERVALS = 3;
const LEAST_MS = 15_000;
/** Snapshots of the past that are kept. */
const KEPT = 4;

/** Why nothing can be shown of a time. */
function unknownTime(message: string): Refusal {
  return new Refusal(404, message, { parameter: "at" });
}

/** The machine as it was, and a note that says how well it fits. @throws Refusal */
function pastContext(
  context: ServeContext,
  at: string,
): { readonly context: ServeContext; readonly timeMs: number; readonly note: string } {
  const atMs = readTime(at, Date.now());
  if (atMs === undefined) throw wrongParameter("at", `"${at}" is not ${timeSpelling}.`);
  if (context.store === undefined) throw unknownTime("There is no store: nothing was recorded.");
  try {
    const reader = new StoreReader(context.store);
    const moment = reader.moment(atMs);
    if (moment === undefined) throw unknownTime(`Nothing was recorded up to ${timeText(atMs)}.`);
    const ageMs = atMs - moment.wallMs;
    if (ageMs > Math.max(LEAST_MS, INTERVALS * moment.run.interval_ms))
      throw unknownTime(
        `Nothing was recorded at ${timeText(atMs)}: the last sample is ${durationText(ageMs)} before.`,
      );
    const { tables, filter } = moment.run;
    const restriction = [tables, filter].filter((each) => each !== null).join(" ");
    const host = pastHost(factsOf(moment), context.host.files, context.host.resolver);
    const note = `Sockets of ${timeText(moment.wallMs)}${restriction === "" ? "" : `; recorded were only ${restriction}`}.`;
    return { context: { ...context, host, live: false }, timeMs: moment.wallMs, note };
  } catch (error) {
    if (error instanceof StoreError) throw unknownTime(`${error.message}.`);
    throw error;
  }
}

/** Makes the source of snapshots of the past. */
export function openPastMoments(context: ServeContext): Moments {
  const kept = new Map<string, Snapshot>();

  async function past(at: string, wants: (query: OpenQuery) => Promise<Wants>): Promise<Snapshot> {
    const { context: then, timeMs, note } = pastContext(context, at);
    const machine = await openMachine(then);
    const wanted = await wants(machine.query);
    const name = `${timeMs} ${[...wanted.tables].sort()} ${[...wanted.demands].sort()}`;
    const known = kept.get(name);
    if (known !== undefined) return known;
    const table = new SocketTable();
    const taken = await take({ machine, table, wants: wanted, generation: 0, timeMs });
    await findOwners(taken);
    const snapshot = { ...taken, notes: [note, ...taken.notes] };
    if (kept.size >= KEPT) kept.delete(kept.keys().next().value!);
    kept.set(name, snapshot);
    return snapshot;
  }

  return {
    epoch: randomBytes(6).toString("base64url"),
    at: async (at, wants, use) => use(await past(at ?? "now", wants)),
  };
}

/** Makes the source of snapshots, of now and of the past. */
export function openMoments(context: ServeContext, sampler: Sampler): Moments {
  const past = openPastMoments(context);
  return {
    epoch: past.epoch,
    async at(at, wants, use) {
      if (at !== undefined) return past.at(at, wants, use);
      return sampler.sample(await wants(await sampler.query()), use);
    },
  };
}
