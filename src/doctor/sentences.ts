/** The longer sentences about what limits a TCP connection, each without a full stop. */
import { SS_SYN_SENT } from "../model/state.ts";
import { bytesText, durationText, microsecondsText, rateText } from "./amounts.ts";
import { isOwnWindowClosed, isReceiveBufferFilling, quietMs, unsent, usesBbr } from "./conditions.ts";
import {
  CA_CWR,
  CA_LOSS,
  type Connection,
  type LimitedTime,
  segmentsInFlight,
  shareBetween,
  shareSoFar,
  TIMER_KEEPALIVE,
  TIMER_PERSIST,
} from "./connection.ts";
import { plural } from "./plural.ts";
import { bit, ENDING, OPENING } from "./state-masks.ts";

/** A share, 0 to 1, as text. */
export function percent(share: number): string {
  return `${Math.round(share * 100)}%`;
}

/** The end of a sentence: the share of time that a limit has taken. */
export function soFar(connection: Connection, time: LimitedTime): string {
  const between = shareBetween(connection, time);
  if (between !== undefined)
    return `, and it was so for ${percent(between)} of the time with data to send between the samples`;
  const share = shareSoFar(connection, time);
  return share === undefined || share < 0.005
    ? ""
    : `; that took ${percent(share)} of all time with data to send so far`;
}

/** How much data waits: `500 bytes wait`. */
export function waits(bytes: number): string {
  return `${bytesText(bytes)} ${bytes === 1 ? "waits" : "wait"}`;
}

/** The end of a sentence: when the timer fires next. */
export function next({ expires }: Connection, what: string): string {
  return expires > 0 ? `, and the next ${what} goes out in ${durationText(expires)}` : "";
}

/** The end of a sentence: when the last acknowledgement came; empty if the connection is too young. */
export function lastHeard({ info }: Connection): string {
  return info.lastAckRecv === undefined
    ? ""
    : `; the last acknowledgement came ${durationText(info.lastAckRecv)} ago`;
}

/** The sentence about a peer that does not answer. */
export function unanswered(connection: Connection): string {
  const { stateNumber, timerNumber, retransmits, wqueue } = connection;
  const times = `${retransmits + 1} times`;
  if (stateNumber === SS_SYN_SENT)
    return `The peer does not answer: the SYN was sent ${times}${next(connection, "one")}`;
  if (bit(stateNumber) & OPENING)
    return `The peer does not answer: SYN and ACK were sent ${times}${next(connection, "one")}`;
  const probes = plural(retransmits, "probe");
  if (timerNumber === TIMER_KEEPALIVE)
    return `The peer does not answer: ${probes} of keepalive in a row found nobody${next(connection, "one")}${lastHeard(connection)}`;
  if (timerNumber === TIMER_PERSIST)
    return `The peer does not answer: ${probes} of its closed window in a row found nobody${next(connection, "one")}${lastHeard(connection)}`;
  const what =
    wqueue === 1 && (bit(stateNumber) & ENDING) !== 0
      ? `the FIN was sent ${times}`
      : `${waits(wqueue)}, the first of them sent ${times}`;
  return `The peer does not answer: ${what}${next(connection, "attempt")}${lastHeard(connection)}`;
}

/** The sentence about a path at its capacity. */
export function pathSentence(connection: Connection): string {
  const { rtt = 0, minRtt = 0, deliveryRate } = connection.info;
  const waiting = `${waits(unsent(connection))} here`;
  const rate = deliveryRate ? `, which carries ${rateText(deliveryRate)}` : "";
  if (usesBbr(connection)) return `The path${rate}: BBR sends no faster than that, and ${waiting}`;
  return `The path${rate}: segments queue on the way (round trip ${microsecondsText(rtt)}, the shortest was ${microsecondsText(minRtt)}), and ${waiting}`;
}

/** The sentence about a full congestion window. */
export function cwndSentence(connection: Connection): string {
  const { sndCwnd = 0, sndSsthresh, caState } = connection.info;
  const inFlight = segmentsInFlight(connection.info) ?? 0;
  const slowStart = sndSsthresh === undefined || sndCwnd < sndSsthresh;
  const phase = slowStart
    ? "it doubles each round trip (slow start)"
    : "it grows slowly (congestion avoidance)";
  const why = caState === CA_CWR ? "it was reduced for a congestion mark or a full local queue" : phase;
  return `The congestion window: ${inFlight} of its ${plural(sndCwnd, "segment")} are in flight, and ${waits(unsent(connection))}; ${why}`;
}

/** The sentence about lost segments. */
export function lossSentence({ info }: Connection): string {
  const { lost = 0, unacked = 0, sndCwnd, retrans = 0, caState } = info;
  const how = caState === CA_LOSS ? "after a retransmission timeout" : "acknowledgements show it";
  const window =
    sndCwnd === undefined ? "" : `, and the congestion window is down to ${plural(sndCwnd, "segment")}`;
  return `Lost segments: ${lost} of the ${unacked} sent are thought lost (${how}), ${plural(retrans, "was", "were")} retransmitted${window}`;
}

/** The sentence about data that the local program has not read. */
export function unread(connection: Connection): string {
  const { rqueue, info, memory } = connection;
  const age =
    info.lastDataRecv === undefined ? "" : `; the last of them came ${durationText(info.lastDataRecv)} ago`;
  const { rcvWnd } = info;
  const window = isOwnWindowClosed(connection)
    ? `, so that the window announced to the peer is ${rcvWnd === 0 ? "closed" : `down to ${bytesText(rcvWnd!)}`}`
    : isReceiveBufferFilling(connection)
      ? `, and the receive buffer is ${percent(memory.rmemAlloc! / memory.rcvbuf!)} full`
      : "";
  return `The local program: ${bytesText(rqueue)} ${rqueue === 1 ? "has" : "have"} arrived that it has not read${window}${age}`;
}

/** Milliseconds without data after which a missing keepalive is worth a word. */
const LONG_QUIET_MS = 60_000;

/** The sentence about an idle connection. */
export function idleSentence({ timerNumber, expires, info }: Connection): string {
  const quiet = quietMs(info)!;
  const keepalive =
    timerNumber === TIMER_KEEPALIVE
      ? `, and the next keepalive probe is in ${durationText(expires)}`
      : quiet >= LONG_QUIET_MS
        ? ", and without keepalive nobody would notice if the peer were gone"
        : "";
  return `Nothing: no data went either way for ${durationText(quiet)}${keepalive}`;
}
