/** Fields of /proc/net that netlink does not send. proc(5), Documentation/networking/proc_net_tcp.rst. */
import type { Fields } from "../../bytes/layout.ts";
import type { tcpInfo } from "./layouts/tcp-info.ts";

/** The fields of struct tcp_info that /proc/net/tcp also has. */
export interface ProcTcpInfo extends Partial<Fields<typeof tcpInfo>> {}

/** The end of a line of /proc/net/tcp. */
export interface ProcTcpDetails {
  /** Retransmission timeout, in ticks of USER_HZ. */
  readonly rto: number;
  /** Delayed acknowledgement timeout, in ticks of USER_HZ. */
  readonly ato: number;
  /** Number of immediate acknowledgements left (`icsk_ack.quick`), shifted; the lowest bit marks an interactive session. */
  readonly quick: number;
  /** Congestion window. */
  readonly cwnd: number;
  /** Slow start threshold; negative if not set. */
  readonly ssthresh: number;
  /** The rest of the line. Empty for every known kernel. */
  readonly options: Uint8Array;
  /** All fields of the line in the units of struct tcp_info. Option `-i`. */
  readonly info: ProcTcpInfo | undefined;
}

/** Fields of /proc/net/{tcp,udp,raw}[6] that inet_diag_msg does not have. */
export interface ProcInetDetails {
  /** The socket's kernel address, hashed; 0 for none. */
  readonly pointer: bigint;
  /** Fields of TCP sockets only. */
  readonly tcp?: ProcTcpDetails;
}

/** Ticks per second of times in /proc. The same on every supported architecture. */
export const USER_HZ = 100;
