/** `--explain`: what limits a TCP connection, and each field of its tcp_info in words. */

import { escapeText } from "../bytes/terminal.ts";
import { withoutUnit } from "../catalogue/catalog.ts";
import { durationText, microsecondsText, rateText } from "../doctor/amounts.ts";
import { connectionOf } from "../doctor/connection.ts";
import { explain } from "../doctor/limits.ts";
import { inetColumns } from "../families/inet/fields.ts";
import type { InetSocket } from "../families/inet/socket.ts";
import type { Column } from "../fields/column.ts";
import { noNames } from "../fields/names.ts";
import { IPPROTO_TCP } from "../model/family.ts";
import type { Json } from "../model/json.ts";
import type { Explanation } from "../model/limits.ts";
import { SS_LISTEN, SS_NEW_SYN_RECV, SS_SYN_RECV, SS_SYN_SENT } from "../model/state.ts";

/** The fields by what they are about; every field of struct tcp_info is in one group. */
export const groups: Readonly<Record<string, readonly string[]>> = {
  "Round trip": ["rtt", "rttvar", "min_rtt", "rcv_rtt"],
  Windows: [
    "congestion",
    "snd_cwnd",
    "snd_ssthresh",
    "snd_wnd",
    "rcv_wnd",
    "rcv_ssthresh",
    "rcv_space",
    "snd_mss",
    "rcv_mss",
    "advmss",
    "pmtu",
  ],
  Rates: ["delivery_rate", "delivery_rate_app_limited", "pacing_rate", "max_pacing_rate"],
  Loss: [
    "ca_state",
    "lost",
    "retrans",
    "total_retrans",
    "bytes_retrans",
    "sacked",
    "fackets",
    "dsack_dups",
    "reordering",
    "reord_seen",
    "rcv_ooopack",
    "total_rto",
    "total_rto_recoveries",
    "total_rto_time",
    "rehash",
    "delivered_ce",
    "received_ce",
    "delivered_ce_bytes",
    "received_ce_bytes",
  ],
  Queues: [
    "unacked",
    "notsent",
    "rmem_alloc",
    "rcvbuf",
    "wmem_queued",
    "wmem_alloc",
    "sndbuf",
    "backlog",
    "drops",
  ],
  Traffic: [
    "bytes_sent",
    "bytes_acked",
    "bytes_received",
    "segs_out",
    "segs_in",
    "data_segs_out",
    "data_segs_in",
    "delivered",
    "delivered_e1_bytes",
    "delivered_e0_bytes",
    "received_e1_bytes",
    "received_e0_bytes",
  ],
  Limits: ["busy_time", "rwnd_limited", "sndbuf_limited"],
  Timers: [
    "rto",
    "ato",
    "retransmits",
    "backoff",
    "probes",
    "last_data_sent",
    "last_data_recv",
    "last_ack_sent",
    "last_ack_recv",
  ],
  Options: [
    "timestamps",
    "usec_ts",
    "sack",
    "wscale",
    "snd_wscale",
    "rcv_wscale",
    "ecn",
    "ecn_seen",
    "syn_data",
    "fastopen_client_fail",
    "accecn_fail_mode",
    "accecn_opt_seen",
  ],
};

/** What the kernel tells of a connection that never heard of its peer counts from when the host started. */
const sinceEvents: ReadonlySet<string> = new Set(["last_data_sent", "last_data_recv", "last_ack_recv"]);
const opening: ReadonlySet<number> = new Set([SS_SYN_SENT, SS_SYN_RECV, SS_NEW_SYN_RECV]);

/** What a field means of listeners, whose fields are not told. */
const OF_LISTENERS = /; for LISTEN: .*/;

const INDENT = "    ";
const DEEPER = `${INDENT}  `;
const GAP = "  ";
/** What a field means is put on lines of its own where it would have fewer columns than this. */
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

/** The columns that can be told in words, by the names of their fields. */
const columnsByName: ReadonlyMap<string, Column<InetSocket>> = new Map(
  inetColumns(noNames)
    .filter(({ key }) => key === "congestion" || key.startsWith("tcpInfo.") || key.startsWith("memory."))
    .map((column) => [nameOf(column), column]),
);

/** The names of all fields that can be told. */
export const fieldNames: readonly string[] = [...columnsByName.keys()];

/** The fields of each group. */
const groupedFields = Object.entries(groups).map(([heading, names]) => ({
  heading,
  fields: names.map((name) => {
    const column = columnsByName.get(name)!;
    return { name, column, doc: column.doc.replace(OF_LISTENERS, "") };
  }),
}));

/** What a TCP socket is limited by; undefined for one that is not of TCP, or where the kernel does not tell enough. */
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

/** Text in lines of so many columns, the first of which begins with `first` and the others with `indent`. */
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
  // Of a listener, struct tcp_info has nothing but the queue that the sentence tells.
  if (socket.stateNumber === SS_LISTEN) return [];
  const unheard = opening.has(socket.stateNumber);
  return groupedFields.flatMap(({ heading, fields }) => {
    const shown: ShownField[] = [];
    const none: string[] = [];
    for (const { name, column, doc } of fields) {
      if (unheard && sinceEvents.has(name)) continue;
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

/** What is put behind the row of a socket; empty for one that cannot be explained. */
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
