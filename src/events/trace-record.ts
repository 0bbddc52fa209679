/** Records of the kernel's trace events, decoded into one shape. */

import type { InetEndpoints } from "../families/inet/made-socket.ts";
import { SS_CLOSE, SS_ESTABLISHED, SS_LISTEN, SS_SYN_SENT } from "../model/state.ts";

/** A trace event in use. */
interface TraceEvent {
  /** Its group and name, below tracefs's `events`. */
  readonly path: string;
  /** The fields that are read, in addition to the common ones. */
  readonly fields: readonly string[];
  /** The kernel's event filter: MPTCP and SCTP change states and report errors too, every protocol looks up routes. */
  readonly filter?: string;
  /** Whether a source works without it, on older kernels. */
  readonly optional?: true;
}

const tuple = ["sport", "dport", "family", "saddr", "daddr", "saddr_v6", "daddr_v6"] as const;
const routeFields = ["iif", "src", "dst", "sport", "dport"] as const;

/** The trace events in use, by our names. */
export const traceEvents = {
  state: {
    path: "sock/inet_sock_set_state",
    fields: ["skaddr", "oldstate", "newstate", ...tuple],
    filter: "protocol == 6",
  },
  destroy: { path: "tcp/tcp_destroy_sock", fields: ["skaddr", "sock_cookie", ...tuple] },
  retransmit: { path: "tcp/tcp_retransmit_skb", fields: ["skaddr", "state", ...tuple] },
  reset: { path: "tcp/tcp_receive_reset", fields: ["skaddr", "sock_cookie", ...tuple] },
  // Since Linux 5.14.
  error: {
    path: "sock/inet_sk_error_report",
    fields: ["error", ...tuple],
    filter: "protocol == 6",
    optional: true,
  },
  route: { path: "fib/fib_table_lookup", fields: routeFields, filter: "proto == 17" },
  route6: { path: "fib6/fib6_table_lookup", fields: routeFields, filter: "proto == 17" },
  exit: { path: "sched/sched_process_exit", fields: ["comm", "pid"], optional: true },
} as const satisfies Readonly<Record<string, TraceEvent>>;

/** Our name of a trace event. */
export type TraceEventName = keyof typeof traceEvents;

/** A trace event by our name. */
export const traceEvent = (name: TraceEventName): TraceEvent => traceEvents[name];

/** A thread ends. */
export interface ThreadExit {
  readonly event: "exit";
  /** Nanoseconds of CLOCK_MONOTONIC. */
  readonly ns: number;
  /** The thread, in the initial PID namespace. */
  readonly tid: number;
  /** Its name, as the process chose it. */
  readonly name: Uint8Array;
}

/** One record about a socket or a flow. */
export interface TraceRecord extends InetEndpoints {
  readonly event: Exclude<TraceEventName, "exit">;
  /** Nanoseconds of CLOCK_MONOTONIC. */
  readonly ns: number;
  /** The thread that ran on the processor, in the initial PID namespace. */
  readonly tid: number;
  /** Whether an interrupt caused the event, and the thread only happened to run. */
  readonly interrupted: boolean;
  /** Address of the struct sock in kernel memory, good for comparison only; 0 if the event does not have it. */
  readonly address: number;
  /** The socket's cookie; 0 if the event does not have it. */
  readonly cookie: number;
  readonly oldState: number;
  readonly newState: number;
  /** Of a route lookup: the packet's input interface; 1 or 0 for a packet that this host sends. */
  readonly inputInterface: number;
  /** Of `error`: the errno that the socket reports to its process; else 0. */
  readonly error: number;
}

const FIN_WAIT_1 = 4;
const CLOSE_WAIT = 8;
const LAST_ACK = 9;

/**
 * The changes that only system calls make: connect(2), listen(2), close(2) and shutdown(2). The calling thread has the
 * socket open. At other changes the thread just happened to run when a packet or a timer came.
 */
const byOwner: readonly (readonly [from: number, to: number])[] = [
  [SS_CLOSE, SS_SYN_SENT],
  [SS_CLOSE, SS_LISTEN],
  [SS_LISTEN, SS_CLOSE],
  [SS_ESTABLISHED, FIN_WAIT_1],
  [SS_ESTABLISHED, SS_CLOSE],
  [CLOSE_WAIT, LAST_ACK],
  [CLOSE_WAIT, SS_CLOSE],
];

/** Whether the record's thread changed the state of its own socket. */
export function isByOwner({ event, interrupted, oldState, newState }: TraceRecord): boolean {
  return (
    event === "state" && !interrupted && byOwner.some(([from, to]) => from === oldState && to === newState)
  );
}
