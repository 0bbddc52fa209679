/** `--explain`: what limits a TCP connection, and each field of its tcp_info with its meaning. */

import { escapeText } from "../bytes/terminal.ts";
import { withoutUnit } from "../catalogue/column-names.ts";
import { durationText, microsecondsText, rateText } from "../doctor/amounts.ts";
import { connectionOf } from "../doctor/connection.ts";
import { explain } from "../doctor/limits.ts";
import { inetColumns } from "../families/inet/fields.ts";
import type { InetSocket } from "../families/inet/socket.ts";
import type { Column } from "../fields/column.ts";
import { noNames } from "../fields/names.ts";
import { type Heading, headings } from "../model/fact.ts";
import { IPPROTO_TCP } from "../model/family.ts";
import type { Json } from "../model/json.ts";
import type { Explanation } from "../model/limits.ts";
import { SS_LISTEN, SS_NEW_SYN_RECV, SS_SYN_RECV, SS_SYN_SENT } from "../model/state.ts";

const opening: ReadonlySet<number> = new Set([SS_SYN_SENT, SS_SYN_RECV, SS_NEW_SYN_RECV]);

const INDENT = "    ";
const DEEPER = `${INDENT}  `;
const GAP = "  ";
/** The meaning of a field gets lines of its own if fewer columns than this are left for it. */
const NARROW = 24;

/** How an explanation is laid out. */
export interface ExplanationStyle {
  /** Columns of the screen; undefined or 0 for lines as long as they are. */
  readonly screen: number | undefined;
  /** Only the sentence, on the line of the socket. */
  readonly oneline: boolean;
}

/** The name of a column's field: the kernel's without its prefix. */
function nameOf({ key, unit }: Column<InetSocket>): string {
  const end = key.slice(key.lastIndexOf(".") + 1);
  // Without these two words of their unit, two fields would have the name of a third one.
  const bare = /C[eE]Bytes$|E[01]Bytes$/.test(end) ? end : withoutUnit(end, unit);
  return bare.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

/** A field that is explained. */
interface ExplainedField {
  readonly name: string;
  readonly column: Column<InetSocket>;
  /** What it means for a connection. */
  readonly doc: string;
}

/** The place of a column below its heading. */
function placeOf({ column }: ExplainedField): number {
  return column.group![1];
}

/** The fields below each heading, in the order in which they are shown. */
export const groupedFields: readonly {
  readonly heading: Heading;
  readonly fields: readonly ExplainedField[];
}[] = (() => {
  const byHeading = Map.groupBy(inetColumns(noNames), ({ group }) => group?.[0]);
  return headings.map((heading) => ({
    heading,
    fields: (byHeading.get(heading) ?? [])
      .map((column) => ({ name: nameOf(column), column, doc: column.field?.doc ?? column.doc }))
      .sort((a, b) => placeOf(a) - placeOf(b)),
  }));
})();

/** What limits a TCP socket now; undefined if it is not of TCP, or the kernel sent too little. */
export function explanationOf(socket: InetSocket): Explanation | undefined {
  return socket.protocol === IPPROTO_TCP ? explain(connectionOf(socket)) : undefined;
}

function valueText(value: Json, { unit }: Column<InetSocket>): string {
  if (typeof value === "boolean") return "yes";
  if (typeof value !== "number") return escapeText(String(value));
  if (unit === "us") return microsecondsText(value);
  if (unit === "ms") return durationText(value);
  if (unit === "bytes/s") return rateText(value);
  if (unit === undefined) return String(value);
  return `${value} ${value === 1 ? unit.replace(/s$/, "") : unit}`;
}

/** Text wrapped to a width. The first line begins with `first`, the others with `indent`. */
function wrapped(text: string, first: string, indent: string, columns: number): string {
  if (first.length + text.length <= columns) return `\n${first}${text}`;
  const lines: string[] = [];
  let line = first;
  let empty = true;
  for (const word of text.split(" ")) {
    if (!empty && line.length + 1 + word.length > columns) {
      lines.push(line);
      line = indent;
      empty = true;
    }
    line += empty ? word : ` ${word}`;
    empty = false;
  }
  lines.push(line);
  return lines.map((each) => `\n${each}`).join("");
}

/** A field that has a value. */
interface ShownField {
  readonly name: string;
  readonly value: string;
  readonly doc: string;
}

/** A group of fields of one socket. */
interface ShownGroup {
  readonly heading: string;
  readonly fields: readonly ShownField[];
  /** Fields that are zero or no. */
  readonly none: readonly string[];
}

function groupsOf(socket: InetSocket): ShownGroup[] {
  // The tcp_info of a listener holds nothing but its queue, which the sentence gives.
  if (socket.stateNumber === SS_LISTEN) return [];
  const unheard = opening.has(socket.stateNumber);
  return groupedFields.flatMap(({ heading, fields }) => {
    const shown: ShownField[] = [];
    const none: string[] = [];
    for (const { name, column, doc } of fields) {
      if (unheard && column.field?.age) continue;
      const value = column.read(socket);
      if (value === undefined || value === "") continue;
      if (value === 0 || value === false) none.push(name);
      else shown.push({ name, value: valueText(value, column), doc });
    }
    return shown.length + none.length === 0 ? [] : { heading, fields: shown, none };
  });
}

function longest(texts: readonly string[]): number {
  return texts.reduce((length, text) => Math.max(length, text.length), 0);
}

/** The text that follows the row of a socket; empty for a socket that cannot be explained. */
export function explanationText(socket: InetSocket, { screen, oneline }: ExplanationStyle): string {
  const explanation = explanationOf(socket);
  if (explanation === undefined) return "";
  if (oneline) return ` ${explanation.sentence}`;
  const columns = screen || Number.POSITIVE_INFINITY;
  const shown = groupsOf(socket);
  const all = shown.flatMap((group) => group.fields);
  const nameWidth = longest(all.map(({ name }) => name));
  const valueWidth = longest(all.map(({ value }) => value));
  const before = DEEPER.length + nameWidth + GAP.length + valueWidth + GAP.length;
  const narrow = columns - before < NARROW;
  const indent = narrow ? `${DEEPER}${GAP}` : " ".repeat(before);
  let text = wrapped(explanation.sentence, INDENT, INDENT, columns);
  for (const { heading, fields, none } of shown) {
    text += `\n${INDENT}${heading}`;
    for (const { name, value, doc } of fields) {
      const start = `${DEEPER}${name.padEnd(nameWidth)}${GAP}${value}`;
      text += narrow
        ? `\n${start}${wrapped(doc, indent, indent, columns)}`
        : wrapped(doc, start.padEnd(before), indent, columns);
    }
    if (none.length > 0)
      text += wrapped(`zero or no: ${none.join(", ")}`, DEEPER, `${DEEPER}${GAP}`, columns);
  }
  return text;
}
