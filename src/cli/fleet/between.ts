/** `doctor --host`: what both ends of connections show together, after what each host finds alone. */
import { escapeText } from "../../bytes/terminal.ts";
import { decodeBytes, encodeBytes } from "../../bytes/text.ts";
import { type Comparison, compareHosts, type HostClock } from "../../fleet/comparison.ts";
import type { End } from "../../fleet/ends.ts";
import { writeHosts } from "../../fleet/host-list.ts";
import type { PairFinding } from "../../fleet/pair-finding.ts";
import { pairFindingObject, pairReportText, wrap } from "../../fleet/pair-report.ts";
import { findBetween } from "../../fleet/pair-rules.ts";
import { compareHostsAt, type PastComparison, sampleEach } from "../../fleet/past-comparison.ts";
import { type AskAll, type EndsRequest, type Sample, sampleEnds } from "../../fleet/samples.ts";
import { JsonWriter } from "../../output/json.ts";
import { systemClock } from "../../store/clock.ts";
import { timeText } from "../../store/time.ts";
import type { World } from "../world.ts";
import type { HostsTask } from "./task.ts";

/** Time between the two samples, in milliseconds. */
const APART_MS = 2000;
const COLUMNS = 100;

function cookieOf({ host, netns = "", cookie }: End): string {
  return `${host} ${netns} ${cookie}`;
}

/** The findings between hosts, and what they rest on. */
export interface Between {
  readonly findings: readonly PairFinding[];
  readonly comparison: Comparison | PastComparison;
}

/** Takes the samples: of the present, or of the time of `--at`. */
function compare(
  ask: AskAll,
  hosts: readonly string[],
  request: EndsRequest,
  atMs: number | undefined,
): Promise<Between["comparison"]> {
  if (atMs !== undefined) return compareHostsAt(ask, hosts, request, atMs);
  return compareHosts(
    ask,
    hosts,
    request,
    () => Bun.sleep(APART_MS),
    () => systemClock.awakeMs(),
  );
}

/** The sockets that the filter of a command line matches, at the time of a comparison. */
function chosenEnds(
  ask: AskAll,
  hosts: readonly string[],
  request: EndsRequest,
  comparison: Between["comparison"],
): Promise<Sample> {
  if (!("times" in comparison)) return sampleEnds(ask, hosts, request);
  const times = comparison.times.map(({ host, atMs, clock }) => [host, atMs + clock.aheadMs] as const);
  return sampleEach(ask, new Map(times), request);
}

/** Finds what is wrong between hosts. @param ask queries hosts, and reports nothing of those that do not answer */
export async function between(
  ask: AskAll,
  task: HostsTask & { readonly atMs: number | undefined },
  hosts: readonly string[],
): Promise<Between> {
  const { args: words, file } = task.source;
  const { allNetns, hostTimeoutMs: budgetMs } = task.draft;
  const all = { allNetns, containers: false, words: [], budgetMs };
  const matching = { ...all, words, ...(file === undefined ? {} : { filterFile: decodeBytes(file) }) };
  const comparison = await compare(ask, hosts, all, task.atMs);
  const isFiltered = words.length > 0 || file !== undefined;
  const chosen = isFiltered ? await chosenEnds(ask, hosts, matching, comparison) : undefined;
  const findings = findBetween(comparison.before, comparison.now, comparison.seconds);
  if (chosen === undefined) return { findings, comparison };
  const cookies = new Set(chosen.ends.map(cookieOf));
  const isChosen = ({ ends }: PairFinding) => ends.some((end) => cookies.has(cookieOf(end)));
  return { findings: findings.filter(isChosen), comparison };
}

/** Offsets of clocks that are reported, in milliseconds. */
const SKEW_MS = 50;

/** The clocks that are wrong by more than the measurement may be. */
function skewed({ clocks }: Comparison): readonly HostClock[] {
  return clocks.filter(({ aheadMs, errorMs }) => Math.abs(aheadMs) > Math.max(SKEW_MS, errorMs));
}

function secondsText(ms: number): string {
  return `${(ms / 1000).toFixed(Math.abs(ms) < 10_000 ? 2 : 0)} s`;
}

function skewLine({ host, aheadMs, errorMs }: HostClock, isPast: boolean): string {
  const direction = aheadMs > 0 ? "ahead" : "behind";
  return `The clock of ${host} ${isPast ? "was" : "is"} ${secondsText(Math.abs(aheadMs))} ${direction} of ours${isPast ? " then" : ""} (± ${secondsText(errorMs)}).`;
}

/** An address of an ambiguous end, and the hosts that use it. */
function example([first, ...others]: readonly End[]): string {
  if (first === undefined) return "";
  const { address } = first.local;
  const hosts = [first, ...others].filter(({ local }) => local.address === address).map(({ host }) => host);
  return escapeText(`, such as ${address} on ${writeHosts([...new Set(hosts)])}`);
}

/** How many connections are joined, and how many ends are not, with the reason. */
function countsText({ now: { pairs, ambiguous, uncertain, missing }, unreadNat }: Comparison): string {
  const translated = pairs.filter(({ translation }) => translation !== undefined).length;
  const hidden = missing.filter(({ mayBeTranslated }) => mayBeTranslated).length;
  const nat = unreadNat.length === 0 ? "" : ` on ${writeHosts(unreadNat)}, which cannot be read`;
  const counts: readonly (readonly [count: number, text: string])[] = [
    [translated, `${translated} of them through NAT`],
    [
      ambiguous.length,
      `${ambiguous.length} ends ambiguous: their addresses are in use in several places${example(ambiguous)}`,
    ],
    [uncertain.length, `${uncertain.length} ends uncertain: the samples are too far apart`],
    [hidden, `${hidden} ends perhaps behind NAT${nat}`],
  ];
  const parts = counts.filter(([count]) => count > 0).map(([, text]) => text);
  return [`${pairs.length} connections joined`, ...parts].join("; ");
}

/** The lines above the findings. */
function headLines(comparison: Comparison | PastComparison, atMs: number | undefined): readonly string[] {
  const isPast = "times" in comparison;
  const counts = countsText(comparison);
  const skews = skewed(comparison).map((clock) => skewLine(clock, isPast));
  const reasons = Map.groupBy(comparison.leftOut, ([, reason]) => reason);
  const leftOut = Array.from(
    reasons,
    ([reason, hosts]) => `Not compared: ${writeHosts(hosts.map(([host]) => host))}: ${escapeText(reason)}`,
  );
  if (!isPast || atMs === undefined) return [`Between the hosts (${counts}):`, ...leftOut, ...skews];
  const { times } = comparison;
  const ages = times.map((time) => atMs - time.atMs).sort((a, b) => a - b);
  const taken =
    ages.length === 0 ? "" : `samples of ${secondsText(ages[0]!)} to ${secondsText(ages.at(-1)!)} before; `;
  return [`Between the hosts at ${timeText(atMs)} (${taken}${counts}):`, ...leftOut, ...skews];
}

/** What JSON says of a comparison in the past. */
function pastObject(comparison: Comparison | PastComparison, atMs: number | undefined) {
  if (!("times" in comparison) || atMs === undefined) return {};
  const { times } = comparison;
  return {
    at: new Date(atMs).toISOString(),
    samples: times.map((time) => ({ host: time.host, time: new Date(time.atMs).toISOString() })),
  };
}

/** Shows what is wrong between hosts, below what each host has found. */
export function showBetween(
  world: World,
  format: "text" | "json",
  { findings, comparison }: Between,
  atMs: number | undefined,
): void {
  const { now, clocks } = comparison;
  const columns = world.stdout.terminalColumns || COLUMNS;
  const { pairs, missing, outside, ambiguous, uncertain } = now;
  if (format === "json") {
    const json = new JsonWriter("ndjson", (bytes) => world.stdout.write(bytes));
    json.write({
      ...pastObject(comparison, atMs),
      between: findings.map(pairFindingObject),
      joined: pairs.length,
      translated: pairs.filter(({ translation }) => translation !== undefined).length,
      missing: missing.length,
      outside: outside.length,
      ambiguous: ambiguous.length,
      uncertain: uncertain.length,
      perhapsTranslated: missing.filter(({ mayBeTranslated }) => mayBeTranslated).length,
      leftOut: Array.from(comparison.leftOut, ([host, reason]) => ({ host, reason })),
      clocks: clocks.map(({ host, aheadMs, errorMs }) => ({ host, aheadMs, errorMs })),
    });
    json.end();
    return;
  }
  const head = headLines(comparison, atMs);
  const body = findings.length === 0 ? "no findings\n" : pairReportText(findings, columns);
  world.stdout.write(encodeBytes(`\n${head.map((line) => wrap(line, columns)).join("")}${body}`));
}
