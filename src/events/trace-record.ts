/** Records of the kernel's trace events, decoded into one shape. */

import type { InetEndpoints } from "../families/inet/made-socket.ts";
import { SS_CLOSE, SS_ESTABLISHED, SS_LISTEN, SS_SYN_SENT } from "../model/state.ts";

/** The trace events in use, as group/name below tracefs's `events`. */
export const traceEvents = {
  state: "sock/inet_sock_set_state",
  destroy: "tcp/tcp_destroy_sock",
  retransmit: "tcp/tcp_retransmit_skb",
  reset: "tcp/tcp_receive_reset",
  error: "sock/inet_sk_error_report",
  route: "fib/fib_table_lookup",
  route6: "fib6/fib6_table_lookup",
} as const;

/** Our name of a trace event. */
export type TraceEventName = keyof typeof traceEvents;

/** One record. */
export interface TraceRecord extends InetEndpoints {
  readonly event: TraceEventName;
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
