/** Findings of the doctor: as text for people, and as plain objects for machines. */

import { escapeText } from "../bytes/terminal.ts";
import type { ChosenRule, Diagnosis, Report } from "../doctor/examine.ts";
import { type Advice, type Rule, severities } from "../doctor/rule.ts";
import { writeThreshold } from "../doctor/threshold.ts";
import { counted, seconds } from "../doctor/words.ts";
import type { Socket } from "../families/socket.ts";
import { netnsLabel } from "../host/namespaces.ts";
import type { InetTable } from "../model/inet-tables.ts";
import { inetTables } from "../model/inet-tables.ts";
import type { Json } from "../model/json.ts";
import type { Names, Style } from "../table/style.ts";
import { Table, type TableColumn } from "../table/table.ts";
import { writeRow } from "./row.ts";

const decoder = new TextDecoder();

/** Columns of text that is no table, where nothing says how wide a line may be. */
const TEXT_COLUMNS = 100;
const INDENT = "  ";

/** How findings are shown as text. */
export interface DoctorStyle {
  /** How rows of sockets look. */
  readonly style: Style;
  readonly names: Names;
  /** How many sockets of a finding are shown. */
  readonly shown: number;
  /** Columns of the screen; undefined or 0 if it is none, or does not tell. */
  readonly screen: number | undefined;
  /** Whether rows tell the container. */
  readonly container: boolean;
}

/** Words in lines of so many columns, each after `indent`. */
function wrap(text: string, columns: number, indent: string): string {
  let wrapped = "";
  let line = indent;
  for (const word of text.split(" ")) {
    if (line.length > indent.length && line.length + 1 + word.length > columns) {
      wrapped += `${line}\n`;
      line = indent;
    }
    line += line.length > indent.length ? ` ${word}` : word;
  }
  return `${wrapped}${line}\n`;
}

/** The advice of a finding, its words in capitals filled in. */
function adviceOf({ rule, fill = {} }: Diagnosis): readonly Advice[] {
  return rule.advice.map(({ text, command }) => ({
    text,
    ...(command === undefined
      ? {}
      : {
          command: command.replace(/\b[A-Z]+\b/g, (word) =>
            Object.hasOwn(fill, word) ? `${fill[word]}` : word,
          ),
        }),
  }));
}

/** The page of a rule, from the root of the repository. */
function pageOf({ id }: Rule): string {
  return `docs/doctor/${id}.md`;
}

/** The rows of sockets as the normal table has them. */
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

/** @param whole whether it says why this matters, and what to do */
function formatDiagnosis(diagnosis: Diagnosis, how: DoctorStyle, whole: boolean): string {
  const { severity, title, rule, place, sockets = [], evidence = [] } = diagnosis;
  const columns = how.screen || TEXT_COLUMNS;
  const where = place?.netns === undefined ? "" : ` in ${netnsLabel(place.netns)}`;
  let text = wrap(escapeText(`${severity}${where}: ${title} [${rule.id}]`), columns, "");
  if (sockets.length > 0 && how.shown > 0) {
    text += tableOf(sockets.slice(0, how.shown), how);
    const left = sockets.length - how.shown;
    if (left > 0) text += `${INDENT}and ${left.toLocaleString("en")} more\n`;
  }
  for (const line of evidence) text += wrap(escapeText(line), columns, INDENT);
  if (!whole) return text;
  text += wrap(`Why: ${rule.why}`, columns, INDENT);
  for (const { text: what, command } of adviceOf(diagnosis)) {
    text += wrap(`- ${escapeText(what)}${command === undefined ? "" : ":"}`, columns, INDENT);
    if (command !== undefined) text += `${INDENT}${INDENT}${INDENT}${escapeText(command)}\n`;
  }
  return text + wrap(`See ${pageOf(rule)}`, columns, INDENT);
}

/** What was looked at, and what could not be checked. */
function summary({ diagnoses, elapsedMs, sockets, checked, unchecked }: Report): string {
  const looked = `${counted(checked.length, "rule")} on ${counted(sockets, "socket")}`;
  const apart = elapsedMs > 0 ? `, two samples ${seconds(elapsedMs)} apart` : ", one sample";
  const not =
    unchecked.length > 0 ? `; not checked, as it takes two: ${unchecked.map(({ id }) => id).join(", ")}` : "";
  const kinds = severities
    .toReversed()
    .map((severity) => [severity, diagnoses.filter((each) => each.severity === severity).length] as const)
    .filter(([, count]) => count > 0)
    .map(([severity, count]) => `${count} ${severity}`);
  const found =
    diagnoses.length === 0 ? "No findings" : `${counted(diagnoses.length, "finding")} (${kinds.join(", ")})`;
  return `${found}: ${looked}${apart}${not}\n`;
}

/** The report as text: each finding, then one line of what was looked at. */
export function formatReport(report: Report, how: DoctorStyle): string {
  // What is true of every finding of a rule is said once.
  const told = new Set<unknown>();
  const findings = report.diagnoses.map((diagnosis) => {
    const text = formatDiagnosis(diagnosis, how, !told.has(diagnosis.rule));
    told.add(diagnosis.rule);
    return `${text}\n`;
  });
  return `${findings.join("")}${summary(report)}`;
}

/** How findings are told to machines. */
export interface ReportDetail {
  /** How many sockets of a finding are told. */
  readonly shown: number;
  /** The plain object of a socket. */
  describe(socket: Socket): Json;
}

/** The report as a plain object. */
export function reportObject(
  { diagnoses, elapsedMs, sockets, checked, unchecked }: Report,
  { shown, describe }: ReportDetail,
): { readonly [key: string]: Json } {
  return {
    findings: diagnoses.map((diagnosis) => {
      const { rule, place, severity, title, values = {}, evidence = [] } = diagnosis;
      const netns = place?.netns;
      const found = diagnosis.sockets ?? [];
      return {
        rule: rule.id,
        severity,
        title,
        ...(netns === undefined ? {} : { netns: netnsObject(netns) }),
        values,
        evidence,
        socketCount: found.length,
        sockets: found.slice(0, shown).map(describe),
        why: rule.why,
        advice: adviceOf(diagnosis).map((each) => ({ ...each })),
        page: pageOf(rule),
      };
    }),
    rulesChecked: checked.map(({ id }) => id),
    rulesUnchecked: unchecked.map(({ id }) => id),
    socketsExamined: sockets,
    elapsedMs: Math.round(elapsedMs),
  };
}

function netnsObject({ name, pid, inode }: NonNullable<NonNullable<Diagnosis["place"]>["netns"]>): Json {
  return { ...(name === undefined ? {} : { name }), ...(pid === undefined ? {} : { pid }), inode };
}

/** The thresholds of a rule, a line each. */
function thresholdLines({ rule, thresholds }: ChosenRule): string {
  return Object.entries(rule.thresholds)
    .map(([name, { quantity, doc }]) =>
      wrap(`${rule.id}.${name}=${writeThreshold(thresholds[name]!, quantity)}  ${doc}`, TEXT_COLUMNS, INDENT),
    )
    .join("");
}

/** The rules, each with its thresholds. */
export function listRules(chosen: readonly ChosenRule[]): string {
  return chosen
    .map((each) => `${each.rule.id} (${each.rule.severity}): ${each.rule.title}\n${thresholdLines(each)}`)
    .join("");
}

/** How many samples a rule takes, in a sentence. */
const rates: Readonly<Record<string, string>> = {
  true: "Takes two samples.",
  better: "Takes one sample, and finds more by two.",
  undefined: "Takes one sample.",
};

/** All about one rule. */
export function explainRule(chosen: ChosenRule): string {
  const { rule } = chosen;
  const advice = rule.advice
    .map(
      ({ text, command }) =>
        wrap(`- ${text}${command === undefined ? "" : ":"}`, TEXT_COLUMNS, INDENT) +
        (command === undefined ? "" : `${INDENT}${INDENT}${INDENT}${command}\n`),
    )
    .join("");
  const thresholds = thresholdLines(chosen);
  return [
    `${rule.id} (up to ${rule.severity}): ${rule.title}\n`,
    wrap(rule.why, TEXT_COLUMNS, ""),
    wrap(`Reads ${rule.reads.join("; ")}. ${rates[`${rule.rate}`]}`, TEXT_COLUMNS, ""),
    ...(thresholds === "" ? [] : [`Thresholds, each changed by --set:\n${thresholds}`]),
    `What to check or do:\n${advice}`,
    `See ${pageOf(rule)} for how it arises, and how to reproduce it.\n`,
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
    advice: advice.map((each) => ({ ...each })),
    page: pageOf(rule),
  };
}
