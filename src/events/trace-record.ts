/** What the kernel's trace events tell of a socket, whichever struct it came in. */
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
