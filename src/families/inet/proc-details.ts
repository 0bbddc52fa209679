/** What /proc/net tells of sockets and netlink does not. proc(5), Documentation/networking/proc_net_tcp.rst. */
import type { Fields } from "../../bytes/layout.ts";
import type { tcpInfo } from "./layouts/tcp-info.ts";

/** The fields of struct tcp_info that /proc/net/tcp has, too. */
export interface ProcTcpInfo extends Partial<Fields<typeof tcpInfo>> {}

/** The end of a line of /proc/net/tcp. */
export interface ProcTcpDetails {
  /** Retransmission timeout, in ticks of USER_HZ. */
  readonly rto: number;
  /** Delayed acknowledgement timeout, in ticks of USER_HZ. */
  readonly ato: number;
  /** Acknowledgements that go out at once (`icsk_ack.quick`), and in the lowest bit whether the session is interactive. */
  readonly quick: number;
  /** Congestion window. */
  readonly cwnd: number;
  /** Slow start threshold; negative for none. */
  readonly ssthresh: number;
  /** What stands behind that; empty with every kernel known. */
  readonly options: Uint8Array;
  /** The same and what else the line tells, in the units of struct tcp_info. Option `-i`. */
  readonly info: ProcTcpInfo | undefined;
}

/** What a line of /proc/net/{tcp,udp,raw}[6] has that an inet_diag_msg has not. */
export interface ProcInetDetails {
  /** The kernel's address of the socket, hashed; 0 for none. */
  readonly pointer: bigint;
  /** Of TCP sockets. */
  readonly tcp?: ProcTcpDetails;
}

/** Ticks a second in which /proc tells times: the same on every architecture that we run on. */
export const USER_HZ = 100;
