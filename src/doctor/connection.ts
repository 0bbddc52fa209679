/** The numbers of one TCP connection from which its limit is judged. */
import { keepOutOfLastTier } from "#libc";
import type { Fields } from "../bytes/layout.ts";
import type { skMemInfo } from "../diag/memory.ts";
import type { tcpInfo } from "../families/inet/layouts/tcp-info.ts";
import type { InetSocket } from "../families/inet/socket.ts";

/** Fields of struct tcp_info, as far as the kernel sent them. linux/tcp.h. */
export type Info = Partial<Fields<typeof tcpInfo>>;

/** The numbers of a TCP connection. {@link InetSocket} has the same names. */
export interface Connection {
  /** The state, as the kernel numbers it. */
  readonly stateNumber: number;
  /** Bytes received and not read; for LISTEN, connections that wait to be accepted. */
  readonly rqueue: number;
  /** Bytes written and not acknowledged; for LISTEN, the backlog. */
  readonly wqueue: number;
  /** The running timer: see `TIMER_*`. */
  readonly timerNumber: number;
  /** Milliseconds until it fires. */
  readonly expires: number;
  /** How often it has fired without an answer. */
  readonly retransmits: number;
  /** Name of the congestion control. */
  readonly congestion?: string | undefined;
  readonly info: Info;
  /** Memory of the socket. linux/sock_diag.h. */
  readonly memory: Partial<Fields<typeof skMemInfo>>;
  /** Its struct tcp_info in an earlier sample, if there is one. */
  readonly earlier?: Info | undefined;
}

/** Values of `idiag_timer`: retransmission, keepalive, zero window probes. linux/inet_diag.h. */
export const TIMER_RETRANSMIT = 1;
export const TIMER_KEEPALIVE = 2;
export const TIMER_PERSIST = 4;

/**
 * Values of `tcpi_ca_state`: the window was reduced; lost segments are retransmitted, after acknowledgements or after
 * a timeout. linux/tcp.h, enum tcp_ca_state.
 */
export const CA_CWR = 2;
export const CA_RECOVERY = 3;
export const CA_LOSS = 4;

const nothing: Info = {};

/** The socket that {@link infoOf} was last called for, and its answer: one rule after another reads each socket. */
let lastSocket: InetSocket | undefined;
let lastInfo: Info | undefined;

/** The struct tcp_info of a socket, or the fields of it that /proc has. */
export function infoOf(socket: InetSocket): Info | undefined {
  if (socket !== lastSocket) {
    lastInfo = socket.tcpInfo ?? socket.procfs?.tcp?.info;
    lastSocket = socket;
  }
  return lastInfo;
}

keepOutOfLastTier(infoOf);

/** The numbers of a TCP socket. @param earlier its struct tcp_info in a sample before */
export function connectionOf(socket: InetSocket, earlier?: Info): Connection {
  const { stateNumber, rqueue, wqueue, timerNumber, expires, retransmits, congestion, memory } = socket;
  return {
    stateNumber,
    rqueue,
    wqueue,
    timerNumber,
    expires,
    retransmits,
    congestion,
    info: infoOf(socket) ?? nothing,
    memory: memory ?? {},
    earlier,
  };
}

/** Bytes in flight, sent and not acknowledged: SND.NXT - SND.UNA. RFC 9293 3.3.1. */
export function bytesInFlight({ wqueue, info: { notsentBytes } }: Connection): number | undefined {
  return notsentBytes === undefined ? undefined : Math.max(0, wqueue - notsentBytes);
}

/** Segments in the network, as far as the sender can tell: FlightSize of RFC 5681 2, counted as in RFC 6675 4. */
export function segmentsInFlight({ unacked, sacked = 0, lost = 0, retrans = 0 }: Info): number | undefined {
  return unacked === undefined ? undefined : Math.max(0, unacked - sacked - lost + retrans);
}

/** Bytes that the peer's window still has room for. RFC 9293 3.8.6. */
export function windowLeft(connection: Connection): number | undefined {
  const { sndWnd } = connection.info;
  const inFlight = bytesInFlight(connection);
  return sndWnd === undefined || inFlight === undefined ? undefined : Math.max(0, sndWnd - inFlight);
}

/** A counter of microseconds that data waited for something. */
export type LimitedTime = "rwndLimited" | "sndbufLimited";

/** The share, 0 to 1, of the time with data to send that a limit has taken since the connection began. */
export function shareSoFar({ info }: Connection, time: LimitedTime): number | undefined {
  const { busyTime } = info;
  const spent = info[time];
  return spent === undefined || !busyTime ? undefined : Math.min(1, spent / busyTime);
}

/** The same between two samples. @returns undefined if there is one only, or no data to send meanwhile */
export function shareBetween({ info, earlier }: Connection, time: LimitedTime): number | undefined {
  if (earlier === undefined) return undefined;
  const [busyAfter, busyBefore, after, before] = [info.busyTime, earlier.busyTime, info[time], earlier[time]];
  if (busyAfter === undefined || busyBefore === undefined || after === undefined || before === undefined)
    return undefined;
  const busy = busyAfter - busyBefore;
  return busy <= 0 ? undefined : Math.min(1, Math.max(0, (after - before) / busy));
}
