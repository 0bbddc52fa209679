/** What happens to sockets: the kinds of event, who sees them, and one event. */

import type { Owner } from "../enrich/processes.ts";
import type { InetSocket } from "../families/inet/socket.ts";
import type { Netns } from "../host/namespaces.ts";

/** The kinds of event, with what each tells. */
export const eventKinds = {
  open: "a socket connects, listens or is connected to, or is seen for the first time",
  state: "a socket changes its state",
  close: "a socket is destroyed, or goes on as a TIME-WAIT that no process has open",
  retransmit: "TCP sends a segment again",
  reset: "a TCP socket receives a reset",
  flow: "datagrams begin to go from one address and port to another",
  "flow-end": "conntrack forgets a flow",
  lost: "the kernel dropped events that were not read in time",
} as const;

/** A kind of event. */
export type EventKind = keyof typeof eventKinds;

/** Who sees events, with what each is. */
export const eventSources = {
  sock_diag: "the tables of sockets, asked for again and again over netlink",
  destroy: "the multicast groups in which sock_diag tells of sockets at their end",
  tracefs: "the kernel's trace events of TCP: sock:inet_sock_set_state and those of tcp",
  conntrack: "the multicast groups in which conntrack tells of UDP flows",
  fib: "the kernel's trace events of route lookups, which UDP makes when it sends (experimental)",
} as const;

/** A source of events. */
export type EventSource = keyof typeof eventSources;

/** All sources, in the order of their table. */
export const sourceNames = Object.keys(eventSources) as readonly EventSource[];

/** What conntrack has counted of a flow, where nf_conntrack_acct is on. */
export interface FlowCounters {
  readonly packetsSent: number;
  readonly bytesSent: number;
  readonly packetsReceived: number;
  readonly bytesReceived: number;
}

/** One event. Its socket is valid until the next one is made. */
export interface SocketEvent {
  /** When, in milliseconds since 1970 with microseconds behind the point. */
  readonly timeMs: number;
  readonly kind: EventKind;
  /** Who saw it. */
  readonly source: EventSource;
  /** The socket as it is known, or a flow in the shape of one; undefined for `lost`. */
  readonly socket?: InetSocket | undefined;
  /** The kernel's number of the state before, if one is known. */
  readonly oldState?: number | undefined;
  /** The kernel's number of the state since. */
  readonly newState?: number | undefined;
  /** Who has, or had, the socket open. */
  readonly owners?: readonly Owner[] | undefined;
  /** At the end: since the socket was opened, or first seen. */
  readonly durationMs?: number | undefined;
  /** How many events were lost, if the kernel tells. */
  readonly count?: number | undefined;
  /** The network namespace, where sockets of several are looked at. */
  readonly netns?: Netns | undefined;
  /** At the end of a flow: what it carried. */
  readonly counters?: FlowCounters | undefined;
}
