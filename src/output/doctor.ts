/** Findings of the doctor: as text for people, and as plain objects for JSON. */

import { escapeText } from "../bytes/terminal.ts";
import { adviceFor, type CommandNetns } from "../doctor/advice.ts";
import { seconds } from "../doctor/amounts.ts";
import type { ChosenRule, Diagnosis, Report } from "../doctor/examine.ts";
import { plural } from "../doctor/plural.ts";
import { type Rule, severities } from "../doctor/rule.ts";
import { writeThreshold } from "../doctor/threshold.ts";
import type { Socket } from "../families/socket.ts";
import { netnsLabel } from "../host/namespaces.ts";
import type { InetTable } from "../model/inet-tables.ts";
import { inetTables } from "../model/inet-tables.ts";
import type { Json } from "../model/json.ts";
import type { Names, Style } from "../table/style.ts";
import { Table, type TableColumn } from "../table/table.ts";
import { writeRow } from "./row.ts";

const decoder = new TextDecoder();

/** The width of text where the width of the screen is not known, in columns. */
const TEXT_COLUMNS = 100;
const INDENT = "  ";
const COMMAND_INDENT = INDENT.repeat(3);

/** How findings are shown as text. */
export interface DoctorStyle {
  /** How rows of sockets look. */
  readonly style: Style;
  readonly names: Names;
  /** How many sockets of a finding are shown. */
  readonly shown: number;
  /** Columns of the terminal; undefined or 0 if there is none, or its width is unknown. */
  readonly screen: number | undefined;
  /** Whether rows name the container. */
  readonly container: boolean;
  /** The namespace that `-N` has entered, for commands in advice. */
  readonly netns: CommandNetns | undefined;
}

/** Breaks text into lines of at most `columns`: the first after `indent`, the others after `hanging`. */
function wrap(text: string, columns: number, indent: string, hanging = indent): string {
  let wrapped = "";
  let line = indent;
  let start = indent;
  for (const word of text.split(" ")) {
    if (line.length > start.length && line.length + 1 + word.length > columns) {
      wrapped += `${line}\n`;
      start = hanging;
      line = start;
    }
    line += line.length > start.length ? ` ${word}` : word;
  }
  return `${wrapped}${line}\n`;
}

/** An item of a list of advice, whose further lines begin below its text. */
function item(text: string, columns: number): string {
  return wrap(`- ${text}`, columns, INDENT, INDENT.repeat(2));
}

/** The advice of a finding, ready to paste. @param netns the namespace of all findings, if it is one */
function adviceOf(
  { rule, advice = rule.advice, fill = {}, place }: Diagnosis,
  netns: CommandNetns | undefined,
) {
  return adviceFor(advice, fill, place?.netns ?? netns);
}

/** How many sockets show a finding, kept or not. */
function socketCountOf({ sockets = [], socketCount = sockets.length }: Diagnosis): number {
  return socketCount;
}

/** The page of a rule, from the root of the repository. */
function pageOf({ id, page = `docs/doctor/${id}.md` }: Rule): string {
  return page;
}

/** The rows of sockets as the normal table shows them. */
function tableOf(sockets: readonly Socket[], { style, names, screen, container }: DoctorStyle): string {
  const hidden: [TableColumn, boolean][] = [
    ["netns", true],
    ["peerProcess", true],
    ["container", !container],
  ];
  let text = "";
  const table = new Table({
    hidden: new Set(hidden.flatMap(([column, isHidden]) => (isHidden ? column : []))),
    header: true,
    screen: screen ? screen - INDENT.length : undefined,
    write: (bytes) => {
      text += decoder.decode(bytes);
    },
  });
  for (const socket of sockets) {
    if (socket.kind === "inet") names.useTable(tableOfProtocol.get(socket.origin.protocol) ?? "tcp");
    writeRow(table, socket, style, names);
  }
  table.flush();
  return text.replace(/^(?=.)/gm, INDENT).replace(/ +$/gm, "");
}

const tableOfProtocol: ReadonlyMap<number, InetTable> = new Map(
  (Object.entries(inetTables) as [InetTable, number][]).map(([table, protocol]) => [protocol, table]),
);

/** The first line of a finding, without its line end: `warning in web: Port 80 … [rule]`. */
export function findingLine({ severity, title, rule, place }: Diagnosis): string {
  const where = place?.netns === undefined ? "" : ` in ${netnsLabel(place.netns)}`;
  return escapeText(`${severity}${where}: ${title} [${rule.id}]`);
}

/** One finding as text. @param explained whether to say why it matters and what to do */
export function formatFinding(diagnosis: Diagnosis, how: DoctorStyle, explained: boolean): string {
  const { rule, sockets = [], evidence = [] } = diagnosis;
  const columns = how.screen || TEXT_COLUMNS;
  let text = wrap(findingLine(diagnosis), columns, "");
  if (sockets.length > 0 && how.shown > 0) {
    const shown = sockets.slice(0, how.shown);
    text += tableOf(shown, how);
    const left = socketCountOf(diagnosis) - shown.length;
    if (left > 0) text += `${INDENT}and ${left.toLocaleString("en")} more\n`;
  }
  for (const line of evidence) text += wrap(escapeText(line), columns, INDENT);
  if (!explained) return text;
  text += wrap(`Why: ${rule.why}`, columns, INDENT);
  for (const { text: what, command } of adviceOf(diagnosis, how.netns)) {
    text += item(`${escapeText(what)}${command === undefined ? "" : ":"}`, columns);
    if (command !== undefined) text += `${COMMAND_INDENT}${escapeText(command)}\n`;
  }
  return text + wrap(`More: sockscope doctor --explain ${rule.id}`, columns, INDENT);
}

/** One line about what was examined, and which rules need a second sample. */
function summary({ diagnoses, elapsedMs, sockets, checked, unchecked }: Report): string {
  const examined = `${plural(checked.length, "rule")} on ${plural(sockets, "socket")}`;
  const samples = elapsedMs > 0 ? `, two samples ${seconds(elapsedMs)} apart` : ", one sample";
  const not =
    unchecked.length > 0
      ? `; not checked, as they need two samples: ${unchecked.map(({ id }) => id).join(", ")}`
      : "";
  const kinds = severities
    .toReversed()
    .map((severity) => [severity, diagnoses.filter((each) => each.severity === severity).length] as const)
    .filter(([, count]) => count > 0)
    .map(([severity, count]) => `${count} ${severity}`);
  const found =
    diagnoses.length === 0 ? "No findings" : `${plural(diagnoses.length, "finding")} (${kinds.join(", ")})`;
  return `${found}: ${examined}${samples}${not}\n`;
}

/** The report as text: each finding, then one line about what was examined. */
export function formatReport(report: Report, how: DoctorStyle): string {
  // Only the first finding of a rule explains it, unless the advice for another one differs.
  const explained = new Set<string>();
  const findings = report.diagnoses.map((diagnosis) => {
    const { rule, advice = rule.advice } = diagnosis;
    const key = [rule.id, ...advice.map(({ text }) => text)].join("\n");
    const text = formatFinding(diagnosis, how, !explained.has(key));
    explained.add(key);
    return `${text}\n`;
  });
  return `${findings.join("")}${summary(report)}`;
}

/** How findings become plain objects. */
export interface ReportDetail {
  /** How many sockets of a finding are included. */
  readonly shown: number;
  /** The namespace that `-N` has entered, for commands in advice. */
  readonly netns: CommandNetns | undefined;
  /** The plain object of a socket. */
  describe(socket: Socket): Json;
}

/** A finding as a plain object, as docs/doctor-schema.json describes it. */
export function findingObject(
  diagnosis: Diagnosis,
  { shown, netns: entered, describe }: ReportDetail,
): { readonly [key: string]: Json } {
  const { rule, place, severity, subject, title, values = {}, evidence = [], sockets = [] } = diagnosis;
  const netns = place?.netns;
  return {
    rule: rule.id,
    severity,
    subject,
    title,
    ...(netns === undefined ? {} : { netns: netnsObject(netns) }),
    values,
    evidence,
    socketCount: socketCountOf(diagnosis),
    sockets: sockets.slice(0, shown).map(describe),
    why: rule.why,
    advice: adviceOf(diagnosis, entered).map((each) => ({ ...each })),
    page: pageOf(rule),
  };
}

/** The report as a plain object, as docs/doctor-schema.json describes it. */
export function reportObject(
  { diagnoses, elapsedMs, sockets, checked, unchecked }: Report,
  detail: ReportDetail,
): { readonly [key: string]: Json } {
  return {
    findings: diagnoses.map((diagnosis) => findingObject(diagnosis, detail)),
    rulesChecked: checked.map(({ id }) => id),
    rulesUnchecked: unchecked.map(({ id }) => id),
    socketsExamined: sockets,
    elapsedMs: Math.round(elapsedMs),
  };
}

function netnsObject({ name, pid, inode }: NonNullable<NonNullable<Diagnosis["place"]>["netns"]>): Json {
  return { ...(name === undefined ? {} : { name }), ...(pid === undefined ? {} : { pid }), inode };
}

/** The thresholds of a rule, each on a line of its own that may continue deeper below. */
function thresholdLines({ rule, thresholds }: ChosenRule): string {
  return Object.entries(rule.thresholds)
    .map(([name, { quantity, doc }]) => {
      const value = `${rule.id}.${name}=${writeThreshold(thresholds[name]!, quantity)}`;
      return wrap(`${value}  ${doc}`, TEXT_COLUMNS, INDENT, INDENT.repeat(3));
    })
    .join("");
}

/** The rules, each with its thresholds. */
export function listRules(chosen: readonly ChosenRule[]): string {
  return chosen
    .map((each) => `${each.rule.id} (${each.rule.severity}): ${each.rule.title}\n${thresholdLines(each)}`)
    .join("");
}

/** What `--watch` reports of a finding: it is new, has another severity, or is gone. */
export const changeKinds = ["appeared", "worsened", "improved", "cleared"] as const;

/** One of {@link changeKinds}. */
export type ChangeKind = (typeof changeKinds)[number];

/** How many samples a rule uses, in a sentence. */
const rates: Readonly<Record<string, string>> = {
  true: "It needs two samples.",
  better: "It needs one sample, and finds more with two.",
  undefined: "It needs one sample.",
};

/** Everything about one rule. */
export function explainRule(chosen: ChosenRule): string {
  const { rule } = chosen;
  const advice = rule.advice
    .map(
      ({ text, command }) =>
        item(`${text}${command === undefined ? "" : ":"}`, TEXT_COLUMNS) +
        (command === undefined ? "" : `${COMMAND_INDENT}${command}\n`),
    )
    .join("");
  const thresholds = thresholdLines(chosen);
  return [
    `${rule.id} (up to ${rule.severity}): ${rule.title}\n`,
    wrap(rule.why, TEXT_COLUMNS, ""),
    wrap(`Reads ${rule.reads.join("; ")}. ${rates[`${rule.rate}`]}`, TEXT_COLUMNS, ""),
    ...(thresholds === "" ? [] : [`Thresholds, which --set changes:\n${thresholds}`]),
    `What to check or do:\n${advice}`,
    rule.page === undefined
      ? `${pageOf(rule)} of the documentation explains how it arises and how to reproduce it.\n`
      : `${rule.page} of the documentation has more.\n`,
  ].join("\n");
}

/** A rule as a plain object. */
export function ruleObject({ rule, thresholds }: ChosenRule): { readonly [key: string]: Json } {
  const { id, title, severity, reads, why, advice, rate } = rule;
  return {
    id,
    title,
    severity,
    reads,
    samples: rate === true ? 2 : 1,
    thresholds: Object.entries(rule.thresholds).map(([name, { value, quantity, doc }]) => ({
      name,
      value: thresholds[name]!,
      default: value,
      quantity,
      doc,
    })),
    why,
    advice: advice.map(({ text, command }) => ({ text, ...(command === undefined ? {} : { command }) })),
    page: pageOf(rule),
  };
}
