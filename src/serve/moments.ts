/** Where snapshots come from: the sampler for now, the store for moments and spans of the past. */
import { randomBytes } from "node:crypto";
import { SocketTable } from "../live/table.ts";
import type { Demand } from "../model/demand.ts";
import type { OpenQuery } from "../query/open.ts";
import { connectionsOf } from "../store/connections.ts";
import { StoreError } from "../store/error.ts";
import { factsOf, type PastFacts, pastHost } from "../store/past.ts";
import { pastMachine } from "../store/past-machine.ts";
import { type Moment, type Span, StoreReader } from "../store/reader.ts";
import { durationText, readTime, timeSpelling, timeText } from "../store/time.ts";
import type { ServeContext } from "./context.ts";
import { Refusal, wrongParameter } from "./problem.ts";
import type { Call } from "./route.ts";
import { findOwners, type OpenMachine, openMachine, type Sampler, take } from "./sampler.ts";
import type { Snapshot, Wants } from "./snapshot.ts";

/** A time of the past: a moment, or a span. */
export type When = { readonly atMs: number } | Span;

/** Where snapshots come from. */
export interface Moments {
  /** Differs from run to run, so that nobody takes a sample of one run for that of another. */
  readonly epoch: string;
  /**
   * Uses the snapshot of a time.
   *
   * @param when undefined for now
   * @param wants what the snapshot must have, once the query is open in which a filter is parsed
   * @param use gets the snapshot, whose sockets are valid until it has finished
   * @returns what `use` returns
   * @throws Refusal if nothing is known of the time
   */
  at<T>(
    when: When | undefined,
    wants: (query: OpenQuery) => Promise<Wants>,
    use: (snapshot: Snapshot) => T | Promise<T>,
  ): Promise<T>;
}

/** A sample stands for this many intervals after it, and for this long at least. */
const INTERVALS = 3;
const LEAST_MS = 15_000;
/** Snapshots of the past that are kept, and for how long: a span up to now goes on. */
const KEPT = 4;
const KEPT_MS = 10_000;

/** Why nothing can be shown of a time. */
function unknownTime(message: string): Refusal {
  return new Refusal(404, message, { parameter: "at" });
}

/** Reads a time. @throws Refusal */
export function readMoment(name: string, text: string): number {
  const ms = readTime(text, Date.now());
  if (ms === undefined) throw wrongParameter(name, `"${text}" is not ${timeSpelling}.`);
  return ms;
}

/** Reads `since` and `until`. @throws Refusal */
export function readSpan({ since = "-1h", until = "now" }: Call["values"]): Span {
  const span = { fromMs: readMoment("since", since), untilMs: readMoment("until", until) };
  if (span.fromMs > span.untilMs) throw wrongParameter("since", "The span ends before it begins.");
  return span;
}

/** Whether a request is about the past. */
export function isPast({ at, since, until }: Call["values"]): boolean {
  return at !== undefined || since !== undefined || until !== undefined;
}

/** The time that a request is about; undefined for now. @throws Refusal */
export function readWhen(values: Call["values"]): When | undefined {
  const { at, since, until } = values;
  if (at !== undefined) {
    if (since !== undefined || until !== undefined)
      throw wrongParameter("at", "A request has either a moment (at) or a span (since, until).");
    return { atMs: readMoment("at", at) };
  }
  return isPast(values) ? readSpan(values) : undefined;
}

/** The store. @throws Refusal if there is none */
function readerOf({ store }: ServeContext): StoreReader {
  if (store === undefined) throw unknownTime("There is no store: nothing was recorded.");
  try {
    return new StoreReader(store);
  } catch (error) {
    if (error instanceof StoreError) throw unknownTime(`${error.message}.`);
    throw error;
  }
}

/** The machine of some facts. */
function contextOf(context: ServeContext, facts: PastFacts): ServeContext {
  const { files, resolver } = context.host;
  return { ...context, host: pastHost(facts, files, resolver), live: false };
}

/** The sample that shows a moment. @throws Refusal */
function momentAt(reader: StoreReader, atMs: number): Moment {
  const moment = reader.moment(atMs);
  if (moment === undefined) throw unknownTime(`Nothing was recorded up to ${timeText(atMs)}.`);
  const ageMs = atMs - moment.wallMs;
  if (ageMs > Math.max(LEAST_MS, INTERVALS * moment.run.interval_ms))
    throw unknownTime(
      `Nothing was recorded at ${timeText(atMs)}: the last sample is ${durationText(ageMs)} before.`,
    );
  return moment;
}

/** The sample before a moment, for rates; undefined if there is none of the same run shortly before. */
function momentBefore(reader: StoreReader, { wallMs, run }: Moment): Moment | undefined {
  const beforeMs = reader.sampleBefore(wallMs);
  if (beforeMs === undefined || wallMs - beforeMs > Math.max(LEAST_MS, INTERVALS * run.interval_ms))
    return undefined;
  const before = reader.moment(beforeMs);
  return before?.run.boot_id === run.boot_id ? before : undefined;
}

/** The machine at a moment: `past` of its host moves it. @throws Refusal */
export function machineAt(
  context: ServeContext,
  atMs: number,
): {
  readonly context: ServeContext;
  readonly reader: StoreReader;
  /** When the moment was recorded, in milliseconds since 1970. */
  readonly timeMs: number;
} {
  const reader = readerOf(context);
  const moment = momentAt(reader, atMs);
  const { files, resolver } = context.host;
  const host = pastMachine(reader, moment, files, resolver);
  return { context: { ...context, host, live: false }, reader, timeMs: moment.wallMs };
}

/** What has to be known before a snapshot can be taken, and the snapshot. */
interface PastSource {
  /** The same for the same snapshot. */
  readonly name: string;
  readonly context: ServeContext;
  readonly demands: readonly Demand[];
  readonly note: string;
  /** When the snapshot was, in milliseconds since 1970. */
  readonly timeMs: number;
  /** The sample before it. */
  readonly before?: { readonly context: ServeContext; readonly timeMs: number } | undefined;
  readonly span?: Span;
  readonly cut?: boolean;
}

/** A moment as a source. @throws Refusal */
function sourceOfMoment(context: ServeContext, atMs: number): PastSource {
  const reader = readerOf(context);
  const moment = momentAt(reader, atMs);
  const before = momentBefore(reader, moment);
  const { wallMs, run } = moment;
  const restriction = [run.tables, run.filter].filter((each) => each !== null).join(" ");
  return {
    name: `${wallMs}`,
    context: contextOf(context, factsOf(moment)),
    demands: [],
    timeMs: wallMs,
    note: `Sockets of ${timeText(wallMs)}${restriction === "" ? "" : `; recorded were only ${restriction}`}.`,
    before: before && { context: contextOf(context, factsOf(before)), timeMs: before.wallMs },
  };
}

/** A span as a source: its sockets are the connections that were open at any time of it. @throws Refusal */
function sourceOfSpan(context: ServeContext, span: Span): PastSource {
  const { fromMs, untilMs } = span;
  const { facts, cut, ended } = connectionsOf(readerOf(context), span);
  const tail = cut ? `; only the first ${ended} of those that ended` : "";
  return {
    name: `${fromMs} ${untilMs}`,
    context: contextOf(context, facts),
    demands: ["past"],
    timeMs: untilMs,
    note: `Connections from ${timeText(fromMs)} to ${timeText(untilMs)}${tail}.`,
    span,
    cut,
  };
}

async function snapshotOf(
  { context, demands, timeMs, before, note, span, cut = false }: PastSource,
  { tables, demands: wanted }: Wants,
): Promise<Snapshot> {
  const wants = { tables, demands: new Set([...wanted, ...demands, "info" as const]) };
  const table = new SocketTable();
  const common = { table, wants, generation: 0 };
  if (before !== undefined) {
    using machine = await openMachine(before.context, undefined, demands);
    await take({ ...common, machine, timeMs: before.timeMs, clock: () => before.timeMs });
  }
  const machine = await openMachine(context, undefined, demands);
  const taken = await take({ ...common, machine, timeMs, clock: () => timeMs });
  await findOwners(taken);
  return { ...taken, notes: [note, ...taken.notes], ...(span && { span, cut }) };
}

/** Makes the source of snapshots of the past. */
export function openPastMoments(context: ServeContext): Moments {
  const kept: { readonly name: string; readonly untilMs: number; readonly snapshot: Promise<Snapshot> }[] =
    [];

  /** The words of a span up to now give another time in every request. */
  const rounded = (ms: number) => Math.floor(ms / KEPT_MS) * KEPT_MS;

  /** In which filters are parsed before the past is read. */
  let parsing: Promise<OpenMachine> | undefined;

  async function past(when: When, wants: (query: OpenQuery) => Promise<Wants>): Promise<Snapshot> {
    parsing ??= openMachine({ ...context, allNetns: false, live: false });
    const wanted = await wants((await parsing).query);
    const time = "atMs" in when ? `${when.atMs}` : `${rounded(when.fromMs)} ${rounded(when.untilMs)}`;
    const name = `${time} ${[...wanted.tables].sort()} ${[...wanted.demands].sort()}`;
    const nowMs = performance.now();
    const known = kept.find((each) => each.name === name && nowMs < each.untilMs);
    if (known !== undefined) return known.snapshot;
    const source = "atMs" in when ? sourceOfMoment(context, when.atMs) : sourceOfSpan(context, when);
    const snapshot = snapshotOf(source, wanted);
    kept.unshift({ name, untilMs: nowMs + KEPT_MS, snapshot });
    kept.length = Math.min(kept.length, KEPT);
    snapshot.catch(() => kept.splice(0));
    return snapshot;
  }

  return {
    epoch: randomBytes(6).toString("base64url"),
    at: async (when, wants, use) => use(await past(when ?? { atMs: Date.now() }, wants)),
  };
}

/** Makes the source of snapshots, of now and of the past. */
export function openMoments(context: ServeContext, sampler: Sampler): Moments {
  const past = openPastMoments(context);
  return {
    epoch: past.epoch,
    async at(when, wants, use) {
      if (when !== undefined) return past.at(when, wants, use);
      return sampler.sample(await wants(await sampler.query()), use);
    },
  };
}
