/** The TCP sockets of several hosts as ends of connections, read from the rows that agents send. */
import type { Json } from "../model/json.ts";

/** The numbers of an end, with their columns. */
const numberColumns = {
  recvq: "recvq",
  sendq: "sendq",
  backlog: "backlog",
  maxBacklog: "maxBacklog",
  unacked: "tcpInfo.unacked",
  retransmits: "tcpInfo.retransmits",
  totalRetrans: "tcpInfo.totalRetrans",
  dsackDups: "tcpInfo.dsackDups",
  dataSegsOut: "tcpInfo.dataSegsOut",
  rttUs: "tcpInfo.rttUs",
  bytesSent: "tcpInfo.bytesSent",
  bytesAcked: "tcpInfo.bytesAcked",
  bytesReceived: "tcpInfo.bytesReceived",
  notsentBytes: "tcpInfo.notsentBytes",
  sndWndBytes: "tcpInfo.sndWndBytes",
  sndMssBytes: "tcpInfo.sndMssBytes",
  advmssBytes: "tcpInfo.advmssBytes",
  pmtuBytes: "tcpInfo.pmtuBytes",
  sndCwnd: "tcpInfo.sndCwnd",
  rwndLimitedUs: "tcpInfo.rwndLimitedUs",
  pacingRate: "tcpInfo.pacingRateBytesPerSecond",
  sndWscale: "tcpInfo.sndWscale",
  rcvWscale: "tcpInfo.rcvWscale",
  rcvSsthreshBytes: "tcpInfo.rcvSsthreshBytes",
  rcvbufBytes: "memory.rcvbufBytes",
  drops: "memory.drops",
} as const satisfies Record<keyof EndNumbers, string>;

/** The columns of a row, in the order of the question. */
export const endColumns = [
  "state",
  "netns",
  "local.address",
  "local.port",
  "peer.address",
  "peer.port",
  "cookie",
  "process",
  "tcpInfo.timestamps",
  "tcpInfo.sack",
  "tcpInfo.wscale",
  "tcpInfo.ecn",
  ...Object.values(numberColumns),
  // Last, and requested only where containers matter: it reads files of every process.
  "container",
] as const;

/** The columns of a question. @param containers whether to look up containers */
export function askedColumns(containers: boolean): readonly string[] {
  return containers ? endColumns : endColumns.slice(0, -1);
}

/** Numbers of an end, in the units of their columns; undefined if the kernel did not send them. */
export interface EndNumbers {
  /** Bytes that the program has not read. */
  readonly recvq: number | undefined;
  /** Bytes that the peer has not acknowledged. */
  readonly sendq: number | undefined;
  /** Of a listener: connections that wait to be accepted. */
  readonly backlog: number | undefined;
  /** Of a listener: how many may wait. */
  readonly maxBacklog: number | undefined;
  /** Segments in the network. */
  readonly unacked: number | undefined;
  /** Retransmissions of the segment that waits. */
  readonly retransmits: number | undefined;
  /** Segments retransmitted so far. */
  readonly totalRetrans: number | undefined;
  /** Segments that arrived twice: their retransmissions were not needed. RFC 2883. */
  readonly dsackDups: number | undefined;
  /** Segments with data sent so far, retransmissions included. */
  readonly dataSegsOut: number | undefined;
  /** Smoothed round trip time in microseconds. */
  readonly rttUs: number | undefined;
  /** Bytes sent so far, retransmissions included. */
  readonly bytesSent: number | undefined;
  readonly bytesAcked: number | undefined;
  readonly bytesReceived: number | undefined;
  /** Bytes that were never sent. */
  readonly notsentBytes: number | undefined;
  /** The window that the peer offers. */
  readonly sndWndBytes: number | undefined;
  /** The segment size that this end sends. */
  readonly sndMssBytes: number | undefined;
  /** The segment size that this end has announced, without the bytes of timestamps. */
  readonly advmssBytes: number | undefined;
  /** The largest packet that passes to the peer, as far as this end knows. */
  readonly pmtuBytes: number | undefined;
  /** The congestion window in segments. */
  readonly sndCwnd: number | undefined;
  /** Microseconds in which the peer's window stopped this end. */
  readonly rwndLimitedUs: number | undefined;
  /** Bytes per second at which this end may send. */
  readonly pacingRate: number | undefined;
  /** Binary exponent by which this end scales the windows that the peer sends. RFC 7323. */
  readonly sndWscale: number | undefined;
  /** Binary exponent by which this end scales the windows that it sends itself. */
  readonly rcvWscale: number | undefined;
  /** The largest window that this end offers at present. The kernel lowers it when memory is short. */
  readonly rcvSsthreshBytes: number | undefined;
  /** Limit of the receive buffer, bookkeeping included: half of it at most holds data. */
  readonly rcvbufBytes: number | undefined;
  /** Segments that this end has thrown away so far: duplicates, and those for which it had no memory. */
  readonly drops: number | undefined;
}

/** An address with a port. */
export interface EndAddress {
  /** Without an interface; IPv4 that is mapped into IPv6 is IPv4. */
  readonly address: string;
  readonly port: number;
}

/** One end of a connection, or a listener. */
export interface End extends EndNumbers {
  /** The name of the host in the list. */
  readonly host: string;
  /** Its network namespace; undefined for the host's own. */
  readonly netns: string | undefined;
  readonly state: string;
  readonly local: EndAddress;
  readonly peer: EndAddress;
  readonly cookie: string;
  /** The processes that have it open, as the column `process` shows them. */
  readonly process: string | undefined;
  /** The container of its owner; undefined if it has none, or was not looked up. */
  readonly container: string | undefined;
  /** Options that both ends agreed on with their SYNs. */
  readonly options: {
    readonly timestamps: boolean | undefined;
    readonly sack: boolean | undefined;
    readonly wscale: boolean | undefined;
    readonly ecn: boolean | undefined;
  };
}

/** What identifies an end in several samples. */
export function identityOf({ host, netns = "", cookie, local, peer }: End): string {
  return [host, netns, cookie, local.address, local.port, peer.address, peer.port].join(" ");
}

/** An address as both ends write it. RFC 4291 2.5.5.2. */
function plainAddress(address: string): string {
  return address
    .replace(/^\[|\]$/g, "")
    .replace(/%.*$/, "")
    .replace(/^::ffff:(?=\d+\.)/i, "");
}

function text(value: Json | undefined): string | undefined {
  if (typeof value === "string") return value;
  return value === null || value === undefined
    ? undefined
    : Array.isArray(value)
      ? value.join(",")
      : JSON.stringify(value);
}

/** A namespace by its label; undefined for that of the first process, which is the host's own. */
function netnsOf(label: string | undefined): string | undefined {
  return label === "pid:1" ? undefined : label;
}

function number(value: Json | undefined): number | undefined {
  return typeof value === "number" ? value : undefined;
}

function flag(value: Json | undefined): boolean | undefined {
  return typeof value === "boolean" ? value : undefined;
}

const numberEntries = Object.entries(numberColumns) as [keyof EndNumbers, (typeof endColumns)[number]][];

/** The numbers and options of an end with their columns. */
export function* valuesByColumn(
  end: End,
): Generator<readonly [column: string, value: number | boolean | undefined]> {
  for (const [name, column] of numberEntries) yield [column, end[name]];
  for (const [name, value] of Object.entries(end.options)) yield [`tcpInfo.${name}`, value];
}

const noNumbers = Object.fromEntries(numberEntries.map(([name]) => [name, undefined])) as {
  -readonly [name in keyof EndNumbers]: number | undefined;
};
const places = new Map(endColumns.map((name, at) => [name, at]));

/**
 * An end from a row.
 *
 * @param values the values of {@link askedColumns}
 * @returns undefined for a row that is not a TCP socket
 */
export function readEnd(host: string, values: readonly Json[]): End | undefined {
  const of = (name: (typeof endColumns)[number]) => values[places.get(name)!];
  const local = { address: text(of("local.address")), port: number(of("local.port")) };
  const peer = { address: text(of("peer.address")), port: number(of("peer.port")) };
  const state = text(of("state"));
  if (local.address === undefined || local.port === undefined) return undefined;
  if (peer.address === undefined || peer.port === undefined || state === undefined) return undefined;
  const numbers = { ...noNumbers };
  for (const [name, column] of numberEntries) numbers[name] = number(of(column));
  return {
    host,
    netns: netnsOf(text(of("netns"))),
    state,
    local: { address: plainAddress(local.address), port: local.port },
    peer: { address: plainAddress(peer.address), port: peer.port },
    cookie: text(of("cookie")) ?? "",
    process: text(of("process")),
    container: text(of("container")),
    ...numbers,
    options: {
      timestamps: flag(of("tcpInfo.timestamps")),
      sack: flag(of("tcpInfo.sack")),
      wscale: flag(of("tcpInfo.wscale")),
      ecn: flag(of("tcpInfo.ecn")),
    },
  };
}
