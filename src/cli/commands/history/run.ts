/** One run of `history`. */
import { withDeadline } from "../../../enrich/resolve.ts";
import { demandSet } from "../../../model/demand.ts";
import { stateGroups } from "../../../model/state.ts";
import { JsonWriter } from "../../../output/json.ts";
import { type OpenQuery, openQuery } from "../../../query/open.ts";
import { type Change, changesBetween } from "../../../store/changes.ts";
import { systemClock } from "../../../store/clock.ts";
import { connectionsOf } from "../../../store/connections.ts";
import { StoreError } from "../../../store/error.ts";
import { pastHost } from "../../../store/past.ts";
import { type Moment, type Span, type StoreCoverage, StoreReader } from "../../../store/reader.ts";
import { durationText, readTime, timeSpelling, timeText } from "../../../store/time.ts";
import { filterStop } from "../../filter.ts";
import { EXIT_USAGE, isStop, type Stop } from "../../getopt.ts";
import { halt } from "../../halt.ts";
import { storeFolder } from "../../past.ts";
import { planListing, viewFor } from "../../plan.ts";
import { reporter } from "../../report.ts";
import { chooseStates, chooseTables } from "../../select.ts";
import { show } from "../../show.ts";
import type { World } from "../../world.ts";
import type { Task } from "../command.ts";
import type { HistorySettings } from "./settings.ts";

const encoder = new TextEncoder();

/** The columns unless others are named. */
const DEFAULT_COLUMNS = [
  "closed",
  "durationMs",
  "netid",
  "local",
  "peer",
  "process",
  "bytes_acked",
  "bytes_received",
  "tcpInfo.totalRetrans",
  "reason",
];
/** How old the sample may be that says what was open at the end of a span. */
const STALE_MS = 60_000;
/** Gaps and notes that the last line names; the rest is counted. */
const NAMED = 3;
/** What the recorder notes, in words. */
const noteWords: Readonly<Record<string, string>> = {
  clock: "clock steps",
  suspend: "suspends",
  lost: "losses",
  slow: "slow samples",
  disk: "losses for want of space",
  owners: "samples without owners",
  damaged: "damaged files",
};

function stop(program: string, message: string): Stop {
  return { kind: "error", message: `${program}: history: ${message}`, usage: false, status: EXIT_USAGE };
}

/** The span of the settings; a Stop for times that are none. */
function spanOf({ program }: World, { since, until }: HistorySettings): Span | Stop {
  const nowMs = systemClock.wallMs();
  const fromMs = readTime(since, nowMs);
  const untilMs = readTime(until, nowMs);
  if (fromMs === undefined) return stop(program, `--since "${since}" is not ${timeSpelling}`);
  if (untilMs === undefined) return stop(program, `--until "${until}" is not ${timeSpelling}`);
  return fromMs > untilMs ? stop(program, "--since is after --until") : { fromMs, untilMs };
}

/** The line that ends every answer: what span it is about, and what is missing. */
export function coverageLine({ asked, recorded, gaps, notes, filters }: StoreCoverage): string {
  const span = `${timeText(asked.fromMs)} to ${timeText(asked.untilMs)}`;
  const parts: string[] = [];
  if (recorded.length === 0) parts.push("nothing was recorded");
  else if (gaps.length > 0) {
    const named = gaps
      .slice(0, NAMED)
      .map(({ fromMs, untilMs }) => `${timeText(fromMs)} for ${durationText(untilMs - fromMs)}`);
    const more = gaps.length - named.length;
    parts.push(`not recorded: ${named.join(", ")}${more > 0 ? ` and ${more} more gaps` : ""}`);
  } else parts.push("recorded without gaps");
  if (filters.length > 0) parts.push(`only ${filters.join("; ")}`);
  const counts = Map.groupBy(notes, ({ kind }) => kind);
  for (const [kind, list] of counts) parts.push(`${noteWords[kind] ?? kind}: ${list.length}`);
  return `${span}: ${parts.join("; ")}`;
}

/** Lists the past, or says how much of it is known. @returns the exit status */
export async function runHistory(task: Task<HistorySettings>): Promise<number> {
  const { world, settings, words } = task;
  const span = spanOf(world, settings);
  if ("kind" in span) return halt(world, span);
  const reader = new StoreReader(storeFolder(world, settings.store));
  const [first, ...rest] = words.args;
  const work = first === "coverage" ? showCoverage : first === "diff" ? showChanges : undefined;
  if (work !== undefined && rest.length > 0)
    return halt(world, stop(world.program, `"${first}" takes no filter`));
  const status = await (work ?? listConnections)(task, reader, span);
  const line = coverageLine(reader.coverage(span));
  if (first !== "coverage") world.stderr.write(encoder.encode(`${world.program}: history: ${line}\n`));
  return status;
}

async function listConnections(
  { world, host, draft: given, words }: Task<HistorySettings>,
  reader: StoreReader,
  span: Span,
): Promise<number> {
  const tables = given.choice.made ? given.choice : chooseTables(given.choice, "tcp,udp");
  if ("illegal" in tables) throw new TypeError("tcp and udp are tables");
  // Columns bring what they need. Owners of a hundred thousand connections are not looked up for nothing.
  const isChosen = given.columns !== undefined || given.by !== undefined;
  const isPlain = given.format === "table" && !isChosen;
  const draft = {
    ...given,
    choice: chooseStates(tables, stateGroups.all),
    demands: demandSet(given.demands, isChosen ? ["past"] : ["past", "info", "owners"]),
    ...(isPlain ? { columns: DEFAULT_COLUMNS } : {}),
  };
  const view = await viewFor(world, draft);
  if (isStop(view)) return halt(world, view);
  const planned = await planListing(world, draft, view, words);
  if (isStop(planned)) return halt(world, planned);
  const { plan, presentation } = planned;
  const { facts, cut } = connectionsOf(reader, span, STALE_MS);
  const past = pastHost(facts, host.files, withDeadline(host.resolver, draft.resolveTimeoutMs));
  let opened: OpenQuery;
  try {
    opened = await openQuery({ host: past, report: reporter(world, past, plan.sources) }, plan);
  } catch (error) {
    return halt(world, filterStop(world, error, plan.filter));
  }
  using query = opened;
  const kept = await query.complete(query.socketsAsync());
  await show(world, query, presentation, () => kept);
  if (cut)
    world.stderr.write(encoder.encode(`${world.program}: history: only the first connections are shown\n`));
  return 0;
}

/** A span as an object of JSON. */
function spanObject({ fromMs, untilMs }: Span) {
  return { from: new Date(fromMs).toISOString(), until: new Date(untilMs).toISOString() };
}

/** `history coverage`. */
async function showCoverage(
  { world, draft }: Task<HistorySettings>,
  reader: StoreReader,
  span: Span,
): Promise<number> {
  const found = reader.coverage(span);
  const { recorded, gaps, notes, sources, filters } = found;
  if (draft.format !== "table") {
    const json = new JsonWriter("ndjson", (bytes) => world.stdout.write(bytes));
    json.write({
      asked: spanObject(span),
      recorded: recorded.map(spanObject),
      gaps: gaps.map(spanObject),
      notes: notes.map(({ kind, count, detail, ...times }) => ({
        kind,
        ...spanObject(times),
        ...(count === undefined ? {} : { count }),
        ...(detail === undefined ? {} : { detail }),
      })),
      sources: [...sources],
      filters: [...filters],
    });
    json.end();
    return 0;
  }
  const rows = [
    ...recorded.map((each) => ({ ...each, what: "recorded" })),
    ...gaps.map((each) => ({ ...each, what: "not recorded" })),
    ...notes.map(({ kind, count, detail, ...each }) => ({
      ...each,
      what: [kind, count, detail].filter((part) => part !== undefined).join(" "),
    })),
  ].sort((a, b) => a.fromMs - b.fromMs);
  const lines = rows.map(
    ({ fromMs, untilMs, what }) =>
      `${timeText(fromMs)}  ${timeText(untilMs)}  ${durationText(untilMs - fromMs).padEnd(8)} ${what}\n`,
  );
  world.stdout.write(encoder.encode(lines.join("")));
  if (sources.length > 0) world.stdout.write(encoder.encode(`sources: ${sources.join(", ")}\n`));
  world.stdout.write(encoder.encode(`${coverageLine(found)}\n`));
  return 0;
}

/** One change in a line of text. */
function changeLine({ sign, what, netid, end, process }: Change): string {
  return `${sign} ${what.padEnd(10)} ${netid.padEnd(4)} ${end}${process === undefined ? "" : `  ${process}`}\n`;
}

/** `history diff`: what differs between the two ends of the span. */
async function showChanges(
  { world, draft }: Task<HistorySettings>,
  reader: StoreReader,
  span: Span,
): Promise<number> {
  const momentAt = (ms: number): Moment => {
    const found = reader.moment(ms);
    if (found === undefined || found.wallMs < ms - STALE_MS)
      throw new StoreError(`nothing was recorded at ${timeText(ms)}`);
    return found;
  };
  const before = momentAt(span.fromMs);
  const after = momentAt(span.untilMs);
  const changes = changesBetween(before, after);
  if (draft.format !== "table") {
    const json = new JsonWriter("ndjson", (bytes) => world.stdout.write(bytes));
    for (const { sign, what, netid, end, process } of changes)
      json.write({
        change: sign === "+" ? "appeared" : "gone",
        what,
        netid,
        end,
        ...(process === undefined ? {} : { process }),
      });
    json.end();
  } else {
    const times = `--- ${timeText(before.wallMs)}\n+++ ${timeText(after.wallMs)}\n`;
    world.stdout.write(encoder.encode(times + changes.map(changeLine).join("")));
  }
  return 0;
}
