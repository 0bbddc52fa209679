/** The TCP sockets of several hosts as ends of connections, read from the rows that agents send. */
import type { Json } from "../model/json.ts";

/** The columns of an end, as the question names them. */
export const endColumns = [
  "state",
  "netns",
  "local.address",
  "local.port",
  "peer.address",
  "peer.port",
  "cookie",
  "process",
  "recvq",
  "sendq",
  "backlog",
  "maxBacklog",
  "tcpInfo.unacked",
  "tcpInfo.retransmits",
  "tcpInfo.totalRetrans",
  "tcpInfo.rttUs",
  "tcpInfo.bytesAcked",
  "tcpInfo.bytesReceived",
  "tcpInfo.notsentBytes",
  "tcpInfo.sndWndBytes",
  "tcpInfo.sndMssBytes",
  "tcpInfo.timestamps",
  "tcpInfo.sack",
  "tcpInfo.wscale",
  // Last, and requested only where containers matter: it takes a look at every process.
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
  /** Smoothed round trip time in microseconds. */
  readonly rttUs: number | undefined;
  readonly bytesAcked: number | undefined;
  readonly bytesReceived: number | undefined;
  /** Bytes that were never sent. */
  readonly notsentBytes: number | undefined;
  /** The window that the peer offers. */
  readonly sndWndBytes: number | undefined;
  /** The segment size that this end sends. */
  readonly sndMssBytes: number | undefined;
}

/** An address with a port. */
export interface EndAddress {
  /** Without an interface; IPv4 that is mapped into IPv6 is IPv4. */
  readonly address: string;
  readonly port: number;
}

/** One end of a connection, or a listener. */
export interface End extends EndNumbers {
  /** The name by which the host was asked. */
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

function number(value: Json | undefined): number | undefined {
  return typeof value === "number" ? value : undefined;
}

function flag(value: Json | undefined): boolean | undefined {
  return typeof value === "boolean" ? value : undefined;
}

/**
 * An end from a row.
 *
 * @param values the values of {@link askedColumns}
 * @returns undefined for a row that is not a TCP socket
 */
export function readEnd(host: string, values: readonly Json[]): End | undefined {
  const of = (name: (typeof endColumns)[number]) => values[endColumns.indexOf(name)];
  const local = { address: text(of("local.address")), port: number(of("local.port")) };
  const peer = { address: text(of("peer.address")), port: number(of("peer.port")) };
  const state = text(of("state"));
  if (local.address === undefined || local.port === undefined) return undefined;
  if (peer.address === undefined || peer.port === undefined || state === undefined) return undefined;
  return {
    host,
    netns: text(of("netns")),
    state,
    local: { address: plainAddress(local.address), port: local.port },
    peer: { address: plainAddress(peer.address), port: peer.port },
    cookie: text(of("cookie")) ?? "",
    process: text(of("process")),
    container: text(of("container")),
    recvq: number(of("recvq")),
    sendq: number(of("sendq")),
    backlog: number(of("backlog")),
    maxBacklog: number(of("maxBacklog")),
    unacked: number(of("tcpInfo.unacked")),
    retransmits: number(of("tcpInfo.retransmits")),
    totalRetrans: number(of("tcpInfo.totalRetrans")),
    rttUs: number(of("tcpInfo.rttUs")),
    bytesAcked: number(of("tcpInfo.bytesAcked")),
    bytesReceived: number(of("tcpInfo.bytesReceived")),
    notsentBytes: number(of("tcpInfo.notsentBytes")),
    sndWndBytes: number(of("tcpInfo.sndWndBytes")),
    sndMssBytes: number(of("tcpInfo.sndMssBytes")),
    options: {
      timestamps: flag(of("tcpInfo.timestamps")),
      sack: flag(of("tcpInfo.sack")),
      wscale: flag(of("tcpInfo.wscale")),
    },
  };
}
