/** What the kernel's trace events tell of a socket, whichever struct it came in. */
import { SS_CLOSE, SS_ESTABLISHED, SS_LISTEN, SS_SYN_SENT } from "../model/state.ts";
import type { Endpoints } from "./message.ts";

/** The trace events that are read, by their group and name. */
export const traceEvents = {
  state: "sock/inet_sock_set_state",
  destroy: "tcp/tcp_destroy_sock",
  retransmit: "tcp/tcp_retransmit_skb",
  reset: "tcp/tcp_receive_reset",
  route: "fib/fib_table_lookup",
  route6: "fib6/fib6_table_lookup",
} as const;

/** A trace event, by what it tells. */
export type TraceEventName = keyof typeof traceEvents;

/** One record. */
export interface TraceRecord extends Endpoints {
  readonly event: TraceEventName;
  /** When, in nanoseconds of CLOCK_MONOTONIC. */
  readonly ns: number;
  /** The thread that ran on the processor. */
  readonly tid: number;
  /** Whether that thread had only been interrupted, so that the event is none of its doing. */
  readonly interrupted: boolean;
  /** Where the struct sock is in the kernel's memory, as a number that serves to be compared; 0 if it is not told. */
  readonly address: number;
  /** The socket's cookie; 0 if it is not told. */
  readonly cookie: number;
  readonly oldState: number;
  readonly newState: number;
  /** The interface that a packet came in by whose route is looked for; 1 and 0 for one that goes out. */
  readonly inputInterface: number;
}

const FIN_WAIT_1 = 4;
const CLOSE_WAIT = 8;
const LAST_ACK = 9;

/**
 * The changes that only a system call makes: connect(2), listen(2), close(2) and shutdown(2). Its thread has the
 * socket open; at other changes it just happened to run when a packet or a timer came.
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

/** Whether the thread on the processor did this to its own socket. */
export function isByOwner({ event, interrupted, oldState, newState }: TraceRecord): boolean {
  return (
    event === "state" && !interrupted && byOwner.some(([from, to]) => from === oldState && to === newState)
  );
}
