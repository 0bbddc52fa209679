/** Findings between hosts as text for people, and as plain objects for JSON. */
import { escapeText } from "../bytes/terminal.ts";
import type { Json } from "../model/json.ts";
import { type End, type EndAddress, valuesByColumn } from "./ends.ts";
import { writeHosts } from "./host-list.ts";
import { type AbsentEnd, type EndFact, factsOf, type PairFinding, pairRules } from "./pair-finding.ts";

const INDENT = "  ";
/** Lines that continue a line of evidence or advice. */
const HANGING = INDENT.repeat(2);

/** Breaks text into lines of at most `columns`, where words allow it. @param hanging begins each line but the first */
export function wrap(text: string, columns: number, indent = "", hanging = indent): string {
  let line = indent;
  let isEmpty = true;
  const lines: string[] = [];
  for (const word of text.split(" ")) {
    if (!isEmpty && line.length + 1 + word.length > columns) {
      lines.push(line);
      line = hanging;
      isEmpty = true;
    }
    line += isEmpty ? word : ` ${word}`;
    isEmpty = false;
  }
  return `${[...lines, line].join("\n")}\n`;
}

/** An address and port as ss writes them. */
function addressText({ address, port }: EndAddress): string {
  return `${address.includes(":") ? `[${address}]` : address}:${port === 0 ? "*" : port}`;
}

function numberText(label: string, value: number | undefined): string[] {
  return value === undefined ? [] : [`${label} ${value}`];
}

function countText(label: string, value: number | undefined): string[] {
  return numberText(label, value === 0 ? undefined : value);
}

/** The TCP options of an end in the words of ss. */
function optionsText({ options, sndWscale = 0, rcvWscale = 0 }: End): string[] {
  const { timestamps, sack, wscale, ecn } = options;
  const words = [
    ...(timestamps === true ? ["ts"] : []),
    ...(sack === true ? ["sack"] : []),
    ...(ecn === true ? ["ecn"] : []),
    ...(wscale === true ? [`wscale:${sndWscale},${rcvWscale}`] : []),
  ];
  return [`options ${words.length === 0 ? "none" : words.join(" ")}`];
}

/** How facts are written that only some rules show. */
const factTexts: Readonly<Record<EndFact, (end: End) => string[]>> = {
  acked: ({ bytesAcked }) => numberText("acked", bytesAcked),
  received: ({ bytesReceived }) => numberText("received", bytesReceived),
  window: ({ sndWndBytes }) => numberText("peer-window", sndWndBytes),
  buffer: ({ rcvbufBytes }) => numberText("receive-buffer", rcvbufBytes),
  "window-limit": ({ rcvSsthreshBytes }) => numberText("window-limit", rcvSsthreshBytes),
  drops: ({ drops }) => countText("drops", drops),
  mss: ({ sndMssBytes }) => numberText("mss", sndMssBytes),
  "announced-mss": ({ advmssBytes }) => numberText("announced-mss", advmssBytes),
  "path-mtu": ({ pmtuBytes }) => numberText("path-mtu", pmtuBytes),
  options: optionsText,
};

function placeText({ host, netns }: Pick<End, "host" | "netns">): string {
  return netns === undefined ? host : `${host} (${netns})`;
}

/** One end as a line of evidence. */
function endLine(end: End, facts: readonly EndFact[]): string {
  const { state, local, peer, process = "" } = end;
  const isListener = state === "LISTEN";
  const numbers = isListener
    ? [...numberText("recv-q", end.backlog), ...numberText("send-q", end.maxBacklog)]
    : [
        ...countText("recv-q", end.recvq),
        ...countText("send-q", end.sendq),
        ...countText("unsent", end.notsentBytes),
        ...countText("unacked", end.unacked),
        ...countText("retransmits", end.retransmits),
        ...countText("total-retrans", end.totalRetrans),
        ...(end.rttUs ? [`rtt ${end.rttUs / 1000} ms`] : []),
        ...facts.flatMap((fact) => factTexts[fact](end)),
      ];
  return [
    `${placeText(end)}:`,
    state,
    addressText(local),
    ...(isListener ? [] : ["→", addressText(peer)]),
    ...(process === "" ? [] : [process]),
    ...numbers,
  ].join(" ");
}

function absentLine({ host, local, peer }: AbsentEnd, rule: PairFinding["rule"]): string {
  if (rule === "nothing-listens") return `${host}: no listener on ${addressText(local)}`;
  return `${host}: no socket ${addressText(local)}${peer === undefined ? "" : ` → ${addressText(peer)}`}`;
}

/** The title and the evidence of a finding as lines. */
function evidenceText(finding: PairFinding, columns: number): string {
  const { rule, severity, title, ends, absent, nat, connections } = finding;
  const more = connections > 1 ? ` (${connections} connections; one is shown)` : "";
  const facts = factsOf(rule);
  const lines = [
    ...ends.map((end) => endLine(end, facts)),
    ...(absent === undefined ? [] : [absentLine(absent, rule)]),
    ...(nat === undefined ? [] : [`through NAT on ${writeHosts(nat)}`]),
  ];
  return [
    // Only our own words begin a line: a process may be named "critical:".
    wrap(escapeText(`${severity}: ${title}${more} [${rule}]`), columns, "", HANGING),
    ...lines.map((line) => wrap(escapeText(line), columns, INDENT, HANGING)),
  ].join("");
}

/** Findings as text. Why a rule matters, and what to do, stands once: below the last finding in a row. */
export function pairReportText(findings: readonly PairFinding[], columns: number): string {
  return findings
    .map((finding, index) => {
      const text = evidenceText(finding, columns);
      if (findings[index + 1]?.rule === finding.rule) return text;
      const { why, advice } = pairRules[finding.rule];
      return (
        text + wrap(`Why: ${why}`, columns, INDENT, HANGING) + wrap(`- ${advice}`, columns, INDENT, HANGING)
      );
    })
    .join("\n");
}

/** An end as an object, with the keys of `sockscope --json`. What the kernel did not report is left out. */
function endObject(end: End): { [key: string]: Json } {
  const { host, netns, state, local, peer, process } = end;
  const groups: { [group: string]: { [key: string]: Json } } = {};
  for (const [column, value] of valuesByColumn(end)) {
    const [group, key] = column.split(".");
    if (value !== undefined && group !== undefined && key !== undefined)
      groups[group] = { ...groups[group], [key]: value };
  }
  const counts = {
    recvQueueBytes: end.recvq,
    sendQueueBytes: end.sendq,
    backlog: end.backlog,
    maxBacklog: end.maxBacklog,
  };
  return {
    host,
    ...(netns === undefined ? {} : { netns }),
    state,
    local: { ...local },
    peer: { ...peer },
    ...(process === undefined ? {} : { process }),
    ...Object.fromEntries(
      Object.entries(counts).filter((entry): entry is [string, number] => entry[1] !== undefined),
    ),
    ...groups,
  };
}

/** A finding as an object. */
export function pairFindingObject(finding: PairFinding): { [key: string]: Json } {
  const { rule, severity, title, ends, absent, nat, connections, values } = finding;
  const { why, advice } = pairRules[rule];
  return {
    rule,
    severity,
    title,
    connections,
    values: { ...values },
    ...(nat === undefined ? {} : { nat }),
    ends: ends.map(endObject),
    ...(absent === undefined
      ? {}
      : {
          absent: {
            host: absent.host,
            local: { ...absent.local },
            ...(absent.peer === undefined ? {} : { peer: { ...absent.peer } }),
          },
        }),
    why,
    advice,
  };
}
