/** `doctor --host`: what both ends of connections show together, after what each host finds alone. */
import { escapeText } from "../../bytes/terminal.ts";
import { decodeBytes, encodeBytes } from "../../bytes/text.ts";
import type { End } from "../../fleet/ends.ts";
import { type Joined, joinEnds } from "../../fleet/join.ts";
import { findBetween, type PairFinding, pairRules } from "../../fleet/pair-rules.ts";
import { type AskAll, sampleEnds } from "../../fleet/samples.ts";
import type { Json } from "../../model/json.ts";
import { JsonWriter } from "../../output/json.ts";
import type { World } from "../world.ts";
import type { HostsTask } from "./task.ts";

/** Time between the two samples, in milliseconds. */
const APART_MS = 2000;
const COLUMNS = 100;

function cookieOf({ host, netns = "", cookie }: End): string {
  return `${host} ${netns} ${cookie}`;
}

/** What is wrong between hosts. @param ask asks hosts, and reports nothing of those that do not answer */
export async function between(
  ask: AskAll,
  task: HostsTask,
  hosts: readonly string[],
): Promise<{ readonly findings: readonly PairFinding[]; readonly joined: Joined }> {
  const { args: words, file } = task.source;
  const { allNetns, hostTimeoutMs: budgetMs } = task.draft;
  const all = { allNetns, containers: false, words: [], budgetMs };
  const matching = { ...all, words, ...(file === undefined ? {} : { filterFile: decodeBytes(file) }) };
  const [first, chosen] = await Promise.all([
    sampleEnds(ask, hosts, all),
    words.length > 0 || file !== undefined ? sampleEnds(ask, hosts, matching) : undefined,
  ]);
  await Bun.sleep(APART_MS);
  const second = await sampleEnds(ask, hosts, all);
  const joined = joinEnds(second.ends, second.addresses);
  const findings = findBetween(joinEnds(first.ends, first.addresses), joined);
  if (chosen === undefined) return { findings, joined };
  const cookies = new Set(chosen.ends.map(cookieOf));
  return { findings: findings.filter(({ ends }) => ends.some((end) => cookies.has(cookieOf(end)))), joined };
}

function numberText(label: string, value: number | undefined): string[] {
  return value === undefined || value === 0 ? [] : [`${label} ${value}`];
}

/** One end as a line of evidence. */
function endLine(end: End): string {
  const { host, netns, state, local, peer, process } = end;
  const address = ({ address, port }: End["local"]) =>
    `${address.includes(":") ? `[${address}]` : address}:${port === 0 ? "*" : port}`;
  const facts = [
    ...numberText("recv-q", state === "LISTEN" ? end.backlog : end.recvq),
    ...numberText("send-q", state === "LISTEN" ? end.maxBacklog : end.sendq),
    ...numberText("unacked", end.unacked),
    ...numberText("retransmits", end.retransmits),
    ...numberText("total-retrans", end.totalRetrans),
    ...(end.rttUs ? [`rtt ${end.rttUs / 1000} ms`] : []),
  ];
  const where = netns === undefined ? host : `${host} (${netns})`;
  return [`${where}:`, state, address(local), "→", address(peer), ...facts, process ?? ""]
    .join(" ")
    .trimEnd();
}

function wrap(text: string, indent: string): string {
  let line = indent;
  const lines: string[] = [];
  for (const word of text.split(" ")) {
    if (line.length > indent.length && line.length + 1 + word.length > COLUMNS) {
      lines.push(line);
      line = indent;
    }
    line += line.length > indent.length ? ` ${word}` : word;
  }
  return `${[...lines, line].join("\n")}\n`;
}

/** A finding as text. */
function findingText({ rule, severity, title, ends, connections }: PairFinding): string {
  const { why, advice } = pairRules[rule];
  const more = connections > 1 ? ` (${connections} connections)` : "";
  return [
    wrap(escapeText(`${severity}: ${title}${more} [${rule}]`), ""),
    ...ends.map((end) => wrap(escapeText(endLine(end)), "  ")),
    wrap(`Why: ${why}`, "  "),
    wrap(`- ${advice}`, "  "),
  ].join("");
}

/** A finding as an object. */
function findingObject({ rule, severity, title, ends, connections, values }: PairFinding): {
  [key: string]: Json;
} {
  return {
    rule,
    severity,
    title,
    connections,
    values: { ...values },
    ends: ends.map(({ host, netns, state, local, peer, process, recvq, sendq }) => ({
      host,
      ...(netns === undefined ? {} : { netns }),
      state,
      local: { ...local },
      peer: { ...peer },
      ...(process === undefined ? {} : { process }),
      ...(recvq === undefined ? {} : { recvQueueBytes: recvq }),
      ...(sendq === undefined ? {} : { sendQueueBytes: sendq }),
    })),
  };
}

/** Shows what is wrong between hosts, below what each host has found. */
export function showBetween(
  world: World,
  format: "text" | "json",
  { findings, joined }: Awaited<ReturnType<typeof between>>,
): void {
  const { pairs, missing, outside, ambiguous } = joined;
  if (format === "json") {
    const json = new JsonWriter("ndjson", (bytes) => world.stdout.write(bytes));
    json.write({
      between: findings.map(findingObject),
      joined: pairs.length,
      missing: missing.length,
      outside: outside.length,
      ambiguous: ambiguous.length,
    });
    json.end();
    return;
  }
  const counts = [
    `${pairs.length} connections joined`,
    ...(ambiguous.length > 0
      ? [`${ambiguous.length} ends ambiguous: their addresses are in use in several places`]
      : []),
  ];
  const head = `Between the hosts (${counts.join("; ")}):\n`;
  const body = findings.length === 0 ? "no findings\n" : findings.map(findingText).join("\n");
  world.stdout.write(encodeBytes(`\n${head}${body}`));
}
