/** The columns of a live row: of a socket, or of a group of sockets. */
import { netnsLabel } from "../host/namespaces.ts";
import type { FactField } from "../model/fact.ts";
import { SS_LISTEN, stateName } from "../model/state.ts";
import { isCounter, type MetricName, metricKey, metrics, type Shown } from "./metrics.ts";
import type { Holders } from "./owners.ts";
import type { NumberName, SocketTable } from "./table.ts";

/** What kind of value a column has: it decides how the value is written, and which way it is first sorted. */
export type ValueKind = "text" | "count" | "bytes" | "bytes/s" | "1/s" | "us";

/** A column. */
export interface LiveColumn {
  /** The word of `--sort`. */
  readonly key: string;
  readonly heading: string;
  readonly kind: ValueKind;
  /** What it means, in one line. */
  readonly doc: string;
  /** The number of the table that it shows. */
  readonly number?: NumberName;
  /** Whether a group shows the sum of its sockets' numbers. */
  readonly adds?: boolean;
  /** Its text, if it shows no number. */
  readonly text?: (table: SocketTable, slot: number, holders: Holders) => string | undefined;
  /** Its key in JSON; without one it is not in JSON, or in an object of its own. */
  readonly json?: string;
}

/** The kind of a gauge's value by its unit. */
const kindOfUnit: Readonly<Record<string, ValueKind>> = { bytes: "bytes", "bytes/s": "bytes/s", us: "us" };

/** The column of a metric: its change per second if it is a counter, else its value. */
function metricColumn(name: MetricName): LiveColumn {
  const { fact, shown }: { readonly fact: FactField; readonly shown: Shown } = metrics[name];
  const { word, heading, doc = fact.doc } = shown;
  const { unit = "" } = fact;
  const json = "json" in shown ? shown.json : metricKey(name);
  const common = { key: word, heading, doc, ...(json === undefined ? {} : { json }) };
  return isCounter(name)
    ? { ...common, kind: unit === "bytes" ? "bytes/s" : "1/s", number: `${name}Rate`, adds: true }
    : { ...common, kind: kindOfUnit[unit] ?? "count", number: name, adds: unit === "bytes" };
}

/** The columns of a socket, from left to right. */
export const socketColumns: readonly LiveColumn[] = [
  {
    key: "netid",
    heading: "Netid",
    kind: "text",
    doc: "the socket table",
    text: (table, slot) => table.dump(slot),
    json: "netid",
  },
  {
    key: "state",
    heading: "State",
    kind: "text",
    doc: "state of the connection",
    text: (table, slot) => stateName(table.state[slot]!),
    json: "state",
  },
  metricColumn("receiveQueue"),
  metricColumn("sendQueue"),
  {
    key: "local",
    heading: "Local Address:Port",
    kind: "text",
    doc: "own address and port",
    text: (table, slot) => table.local(slot),
  },
  {
    key: "peer",
    heading: "Peer Address:Port",
    kind: "text",
    doc: "the peer's address and port",
    text: (table, slot) => table.peer(slot),
  },
  metricColumn("received"),
  metricColumn("acked"),
  {
    key: "rate",
    heading: "Both/s",
    kind: "bytes/s",
    number: "transferRate",
    adds: true,
    doc: "received and acknowledged bytes per second together",
  },
  metricColumn("retransmitted"),
  metricColumn("dropped"),
  metricColumn("rtt"),
  metricColumn("deliveryRate"),
  {
    key: "process",
    heading: "Process",
    kind: "text",
    doc: "process that has the socket open, or had it last: name and process id",
    text: (table, slot, holders) => holders.label(table.process[slot]!),
  },
  {
    key: "container",
    heading: "Container",
    kind: "text",
    doc: "container of that process",
    text: (table, slot, holders) => holders.container(table.process[slot]!),
  },
  {
    key: "netns",
    heading: "Netns",
    kind: "text",
    doc: "network namespace, with --all-netns",
    text: (table, slot) => {
      const netns = table.netns(slot);
      return netns && netnsLabel(netns);
    },
  },
];

/** The columns of a group of sockets. Its numbers are sums. */
export const groupColumns: readonly LiveColumn[] = [
  { key: "group", heading: "Group", kind: "text", doc: "what the sockets have in common" },
  { key: "sockets", heading: "Sockets", kind: "count", doc: "how many sockets there are", json: "sockets" },
  ...socketColumns.filter(({ adds }) => adds),
];

/** Whether the queues of a socket count connections. */
export function listens(table: SocketTable, slot: number): boolean {
  return table.state[slot] === SS_LISTEN;
}
