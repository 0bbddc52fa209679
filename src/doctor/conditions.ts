/** Conditions of a TCP connection at one moment, from which its limit is judged. */
import { keepOutOfLastTier } from "#libc";
import { SS_SYN_SENT } from "../model/state.ts";
import {
  type Connection,
  type LimitedTime,
  segmentsInFlight,
  shareBetween,
  TIMER_KEEPALIVE,
  TIMER_PERSIST,
  TIMER_RETRANSMIT,
  windowLeft,
} from "./connection.ts";

/** Retransmissions from which on the peer counts as gone: R1 of RFC 9293 3.8.3, tcp_retries1 of ip-sysctl. */
export const UNANSWERED = 3;
/** The share of the time with data to send from which on something is the limit. */
const MOSTLY = 0.5;
/** The kernel may hold segments back until a third of the congestion window is free: tcp_tso_win_divisor of ip-sysctl. */
const CWND_FULL = 2 / 3;
/** A socket is writable while a third of its buffer is free. net/sock.h, sk_stream_is_writeable(). */
const BUFFER_FULL = 2 / 3;
/** A standing queue on the path that is too long, in microseconds: TARGET of CoDel, RFC 8289 4.3. */
const QUEUE_TARGET_US = 5000;
/** Pacing follows the delivery rate with a gain of 5/4 at most while BBR looks for more bandwidth. */
const PACING_GAIN = 1.25;
const US_PER_MS = 1000;

/** Bytes that wait to be sent; 0 if the kernel does not report it. */
export function unsent({ info }: Connection): number {
  return info.notsentBytes ?? 0;
}

/** Whether a limit has taken most of the time with data to send between two samples. */
export function isMostly(connection: Connection, time: LimitedTime): boolean {
  return (shareBetween(connection, time) ?? 0) >= MOSTLY;
}

/**
 * Whether the peer does not answer. A SYN counts from its first retransmission, after a second (RFC 6298 2.1); data may
 * be lost a few times.
 */
export function isUnanswered({ stateNumber, timerNumber, retransmits }: Connection): boolean {
  if (stateNumber === SS_SYN_SENT) return retransmits > 0;
  const repeats =
    timerNumber === TIMER_RETRANSMIT || timerNumber === TIMER_PERSIST || timerNumber === TIMER_KEEPALIVE;
  return repeats && retransmits >= UNANSWERED;
}

/**
 * Whether the peer has closed its window. The persist timer runs for that, and also while the window is smaller than
 * a segment. RFC 9293 3.8.6.1, 3.8.6.2.1.
 */
export function isPeerWindowClosed({
  wqueue,
  timerNumber,
  info: { sndWnd, sndMss = 1 },
}: Connection): boolean {
  if (wqueue === 0) return false;
  return sndWnd === 0 || (timerNumber === TIMER_PERSIST && (sndWnd ?? 0) < sndMss);
}

/**
 * Whether a closed window has stayed closed: a probe has found it so, or no data could be sent for longer than a
 * retransmission timeout. A peer that reads slowly opens its window again and again.
 */
export function isWindowStuck({ info: { backoff = 0, lastDataSent, rto = 0 } }: Connection): boolean {
  return backoff > 0 || lastDataSent === undefined || lastDataSent * US_PER_MS >= rto;
}

/** Whether the window that we announce has no room for a segment, because the program does not read. RFC 9293 3.8.6.2.2. */
export function isOwnWindowClosed({ rqueue, info: { rcvWnd, rcvMss } }: Connection): boolean {
  return rqueue > 0 && rcvWnd !== undefined && rcvWnd < Math.max(1, rcvMss ?? 1);
}

/** Whether unread data takes more than half of the receive buffer, so that the window shrinks. */
export function isReceiveBufferFilling({ rqueue, memory: { rmemAlloc, rcvbuf } }: Connection): boolean {
  return rqueue > 0 && rmemAlloc !== undefined && !!rcvbuf && rmemAlloc * 2 > rcvbuf;
}

/** Whether data has been unread for longer than a retransmission timeout, or fills the receive buffer. */
export function isUnread(connection: Connection): boolean {
  const { rqueue, info } = connection;
  if (rqueue === 0) return false;
  const age = info.lastDataRecv ?? Number.POSITIVE_INFINITY;
  return age > (info.rto ?? 0) / US_PER_MS || isReceiveBufferFilling(connection);
}

/** Whether the peer's window has no room for what waits, or for a segment of it. RFC 9293 3.8.6. */
export function isPeerWindowFull(connection: Connection): boolean {
  const { sndMss = 1 } = connection.info;
  const left = windowLeft(connection);
  const waiting = unsent(connection);
  return waiting > 0 && left !== undefined && left < Math.min(waiting, sndMss);
}

/** Whether data waits because the congestion window is full. RFC 5681 2. */
export function isCwndFull(connection: Connection): boolean {
  const { sndCwnd } = connection.info;
  const inFlight = segmentsInFlight(connection.info);
  if (unsent(connection) === 0 || sndCwnd === undefined || inFlight === undefined) return false;
  return inFlight >= sndCwnd * CWND_FULL;
}

/** Whether the congestion control is BBR, which paces at the bandwidth that it has measured. */
export function usesBbr({ congestion = "" }: Connection): boolean {
  return congestion.startsWith("bbr");
}

/** Whether the connection fills queues on the path, or sends at the bandwidth that BBR has measured. */
export function isPathFull(connection: Connection): boolean {
  const { rtt, minRtt, deliveryRate, pacingRate, deliveryRateAppLimited } = connection.info;
  if (unsent(connection) === 0) return false;
  if (usesBbr(connection))
    return (
      !deliveryRateAppLimited &&
      deliveryRate !== undefined &&
      pacingRate !== undefined &&
      deliveryRate * PACING_GAIN >= pacingRate
    );
  if (!isCwndFull(connection) || rtt === undefined || !minRtt) return false;
  return rtt - minRtt > Math.max(minRtt, QUEUE_TARGET_US);
}

/** Whether SO_MAX_PACING_RATE is set, and reached. */
export function isPacedAtLimit({ info: { pacingRate, maxPacingRate } }: Connection): boolean {
  return pacingRate !== undefined && maxPacingRate !== undefined && maxPacingRate <= pacingRate;
}

/** Whether all data that was written is in flight. */
export function isAllSent({ wqueue, info }: Connection): boolean {
  return wqueue > 0 && info.notsentBytes === 0;
}

/** Whether the program cannot write more, because data in flight fills the send buffer. */
export function isSendBufferFull(connection: Connection): boolean {
  const { sndbuf, wmemQueued = 0 } = connection.memory;
  return isAllSent(connection) && sndbuf !== undefined && wmemQueued >= sndbuf * BUFFER_FULL;
}

/** Milliseconds since data went in either direction; undefined if the kernel does not report it. */
export function quietMs({ lastDataSent, lastDataRecv }: Connection["info"]): number | undefined {
  return lastDataSent === undefined || lastDataRecv === undefined
    ? undefined
    : Math.min(lastDataSent, lastDataRecv);
}

keepOutOfLastTier(quietMs);

/** Whether no data went in either direction for longer than a retransmission timeout. RFC 5681 4.1 calls that idle. */
export function isIdle({ rqueue, wqueue, info }: Connection): boolean {
  const quiet = quietMs(info);
  if (rqueue > 0 || wqueue > 0 || quiet === undefined) return false;
  return quiet > (info.rto ?? 0) / US_PER_MS;
}
