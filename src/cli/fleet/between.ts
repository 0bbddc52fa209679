/** `doctor --host`: what both ends of connections show together, after what each host finds alone. */
import { decodeBytes, encodeBytes } from "../../bytes/text.ts";
import { type Comparison, compareHosts, type HostClock } from "../../fleet/comparison.ts";
import type { End } from "../../fleet/ends.ts";
import { writeHosts } from "../../fleet/host-list.ts";
import type { PairFinding } from "../../fleet/pair-finding.ts";
import { pairFindingObject, pairReportText, wrap } from "../../fleet/pair-report.ts";
import { findBetween } from "../../fleet/pair-rules.ts";
import { type AskAll, sampleEnds } from "../../fleet/samples.ts";
import { JsonWriter } from "../../output/json.ts";
import { systemClock } from "../../store/clock.ts";
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
  readonly comparison: Comparison;
}

/** Finds what is wrong between hosts. @param ask queries hosts, and reports nothing of those that do not answer */
export async function between(ask: AskAll, task: HostsTask, hosts: readonly string[]): Promise<Between> {
  const { args: words, file } = task.source;
  const { allNetns, hostTimeoutMs: budgetMs } = task.draft;
  const all = { allNetns, containers: false, words: [], budgetMs };
  const matching = { ...all, words, ...(file === undefined ? {} : { filterFile: decodeBytes(file) }) };
  const [comparison, chosen] = await Promise.all([
    compareHosts(
      ask,
      hosts,
      all,
      () => Bun.sleep(APART_MS),
      () => systemClock.awakeMs(),
    ),
    words.length > 0 || file !== undefined ? sampleEnds(ask, hosts, matching) : undefined,
  ]);
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

function skewLine({ host, aheadMs, errorMs }: HostClock): string {
  const direction = aheadMs > 0 ? "ahead" : "behind";
  return `The clock of ${host} is ${secondsText(Math.abs(aheadMs))} ${direction} of ours (± ${secondsText(errorMs)}).`;
}

/** How many connections are joined, and how many ends are not, with the reason. */
function countsLine({ now: { pairs, ambiguous, uncertain, missing }, unreadNat }: Comparison): string {
  const translated = pairs.filter(({ translation }) => translation !== undefined).length;
  const hidden = missing.filter(({ mayBeTranslated }) => mayBeTranslated).length;
  const nat = unreadNat.length === 0 ? "" : ` on ${writeHosts(unreadNat)}, which only root can read`;
  const counts: readonly (readonly [count: number, text: string])[] = [
    [translated, `${translated} of them through NAT`],
    [ambiguous.length, `${ambiguous.length} ends ambiguous: their addresses are in use in several places`],
    [uncertain.length, `${uncertain.length} ends uncertain: the hosts answered at times too far apart`],
    [hidden, `${hidden} ends perhaps behind NAT${nat}`],
  ];
  const parts = counts.filter(([count]) => count > 0).map(([, text]) => text);
  return `Between the hosts (${[`${pairs.length} connections joined`, ...parts].join("; ")}):`;
}

/** Shows what is wrong between hosts, below what each host has found. */
export function showBetween(world: World, format: "text" | "json", { findings, comparison }: Between): void {
  const { now, clocks } = comparison;
  const columns = world.stdout.terminalColumns || COLUMNS;
  const { pairs, missing, outside, ambiguous, uncertain } = now;
  if (format === "json") {
    const json = new JsonWriter("ndjson", (bytes) => world.stdout.write(bytes));
    json.write({
      between: findings.map(pairFindingObject),
      joined: pairs.length,
      translated: pairs.filter(({ translation }) => translation !== undefined).length,
      missing: missing.length,
      outside: outside.length,
      ambiguous: ambiguous.length,
      uncertain: uncertain.length,
      perhapsTranslated: missing.filter(({ mayBeTranslated }) => mayBeTranslated).length,
      clocks: clocks.map(({ host, aheadMs, errorMs }) => ({ host, aheadMs, errorMs })),
    });
    json.end();
    return;
  }
  const head = [countsLine(comparison), ...skewed(comparison).map(skewLine)];
  const body = findings.length === 0 ? "no findings\n" : pairReportText(findings, columns);
  world.stdout.write(encodeBytes(`\n${head.map((line) => wrap(line, columns)).join("")}${body}`));
}
