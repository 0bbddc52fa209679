/** What a live row can show: of a socket, or of a group of sockets. */
import { suffixOf } from "../fields/column.ts";
import { netnsLabel } from "../host/namespaces.ts";
import { SS_LISTEN, stateName } from "../model/state.ts";
import type { Holders } from "./owners.ts";
import type { NumberName, SocketTable } from "./table.ts";

/** What kind of value a column has, which decides how it is written and which way it is sorted at first. */
export type ValueKind = "text" | "count" | "bytes" | "bytes/s" | "1/s" | "us";

/** A column. */
export interface LiveColumn {
  /** What `--sort` calls it. */
  readonly key: string;
  readonly heading: string;
  readonly kind: ValueKind;
  /** What it means, in one line. */
  readonly doc: string;
  /** The number of the table that it shows. */
  readonly number?: NumberName;
  /** Its text, where it is none. */
  readonly text?: (table: SocketTable, slot: number, holders: Holders) => string | undefined;
  /** Its key in JSON, if that has it. */
  readonly json?: string;
}

/** The columns of a socket. */
export const socketColumns = [
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
  {
    key: "recvq",
    heading: "Recv-Q",
    kind: "bytes",
    number: "receiveQueue",
    doc: "bytes received and not yet read by the application; for LISTEN: connections that wait to be accepted",
  },
  {
    key: "sendq",
    heading: "Send-Q",
    kind: "bytes",
    number: "sendQueue",
    doc: "bytes written and not yet acknowledged; for LISTEN: how many connections may wait",
  },
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
  {
    key: "rx",
    heading: "Recv/s",
    kind: "bytes/s",
    number: "receivedRate",
    doc: "bytes received in order per second",
    json: "receivedBytesPerSecond",
  },
  {
    key: "tx",
    heading: "Acked/s",
    kind: "bytes/s",
    number: "ackedRate",
    doc: "bytes sent that the peer acknowledged per second",
    json: "ackedBytesPerSecond",
  },
  {
    key: "rate",
    heading: "Both/s",
    kind: "bytes/s",
    number: "transferRate",
    doc: "received and acknowledged bytes per second together",
  },
  {
    key: "retrans",
    heading: "Retr/s",
    kind: "1/s",
    number: "retransmitRate",
    doc: "segments retransmitted per second",
    json: "retransmitsPerSecond",
  },
  {
    key: "drops",
    heading: "Drop/s",
    kind: "1/s",
    number: "dropRate",
    doc: "packets per second dropped before they reached the application: of UDP and others",
    json: "dropsPerSecond",
  },
  {
    key: "rtt",
    heading: "RTT ms",
    kind: "us",
    number: "rtt",
    doc: "smoothed round trip time",
    json: "rttUs",
  },
  {
    key: "delivery",
    heading: "Deliv/s",
    kind: "bytes/s",
    number: "deliveryRate",
    doc: "rate at which data lately reached the peer, as TCP estimates it",
    json: `deliveryRate${suffixOf("bytes/s")}`,
  },
  {
    key: "process",
    heading: "Process",
    kind: "text",
    doc: "who has the socket open, or had it last: name and process id",
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
] as const satisfies readonly LiveColumn[];

/** The key of a column of sockets. */
export type SocketColumnKey = (typeof socketColumns)[number]["key"];

/** The numbers of groups are sums of those of their sockets. */
const summed = [
  "recvq",
  "sendq",
  "rx",
  "tx",
  "rate",
  "retrans",
  "drops",
] as const satisfies readonly SocketColumnKey[];

/** The columns of a group of sockets. */
export const groupColumns: readonly LiveColumn[] = [
  { key: "group", heading: "Group", kind: "text", doc: "what the sockets have in common" },
  { key: "sockets", heading: "Sockets", kind: "count", doc: "how many there are", json: "sockets" },
  ...socketColumns.filter(({ key }) => (summed as readonly string[]).includes(key)),
];

/** Whether the queues of a socket count connections. */
export function listens(table: SocketTable, slot: number): boolean {
  return table.state[slot] === SS_LISTEN;
}
