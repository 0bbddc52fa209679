/** The kinds of event, and the shape of one event. */

import type { Owner } from "../enrich/processes.ts";
import type { InetSocket } from "../families/inet/socket.ts";
import type { Netns } from "../host/namespaces.ts";

/** The kinds of event, each with its description for help, man page and docs. */
export const eventKinds = {
  open: "a socket connects, listens or is accepted, or is seen for the first time",
  state: "a socket changes its state",
  failed: "a connect fails: refused, timed out, unreachable, reset, or abandoned by its process",
  close: "a socket is destroyed, or goes on as a TIME-WAIT that no process has open",
  retransmit: "TCP sends a segment again",
  reset: "a TCP socket receives a reset",
  flow: "datagrams begin to go from one address and port to another",
  "flow-end": "conntrack forgets a flow",
  existing: "with `--existing`: a socket that is there at the start",
  lost: "the kernel dropped events that were not read in time",
  sources: "first line of JSON: the sources in use, and what is missing without the others",
} as const;

/** A kind of event. */
export type EventKind = keyof typeof eventKinds;

/** Conntrack's counters of a flow, where nf_conntrack_acct is on. */
export interface FlowCounters {
  readonly packetsSent: number;
  readonly bytesSent: number;
  readonly packetsReceived: number;
  readonly bytesReceived: number;
}

/** How a connect failed. */
export interface ConnectFailure {
  /** `refused`, `timed out`, `unreachable`, `reset`, `abandoned` or strerror(3); undefined if unknown. */
  readonly reason: string | undefined;
  /** SYNs sent, retransmissions included; undefined if the beginning was not seen. */
  readonly syns: number | undefined;
}

/** One event. Its socket is valid until the next event of the same socket. */
export interface SocketEvent {
  /** Milliseconds since 1970, with microseconds as the fraction. */
  readonly timeMs: number;
  readonly kind: EventKind;
  /** Name of the source that saw it. */
  readonly source: string;
  /** The socket, or a flow in the shape of one; undefined for `lost`. */
  readonly socket?: InetSocket | undefined;
  /** The previous state (TCP_*); undefined if unknown. */
  readonly oldState?: number | undefined;
  /** The new state (TCP_*). */
  readonly newState?: number | undefined;
  /** The processes that have, or had, the socket open. */
  readonly owners?: readonly Owner[] | undefined;
  /** Of `close`: since the socket was opened or first seen. Of `failed`: since connect(2). Of `flow-end`: since `flow`. */
  readonly durationMs?: number | undefined;
  /** Of `lost`: number of events; undefined if the kernel does not count them. */
  readonly count?: number | undefined;
  /** The network namespace, with `--all-netns`. */
  readonly netns?: Netns | undefined;
  /** Of `flow-end`: the bytes and packets of the flow. */
  readonly counters?: FlowCounters | undefined;
  /** Of `failed`. */
  readonly failure?: ConnectFailure | undefined;
}

/**
 * What a source reports completely, so that others need not: `ends` is the end of every socket, `tcpStates` every
 * change of state of TCP.
 */
export type Coverage = "ends" | "tcpStates";
