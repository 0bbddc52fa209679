/**
 * What a TCP connection is limited by now: a table of judgements, of which the first that holds counts.
 *
 * Queues, windows and timers tell what is so at this moment. The times that the kernel adds up (`busy_time` and the
 * like) tell what has been so, and decide only as differences between two samples.
 */
import type { Explanation, Limit } from "../model/limits.ts";
import {
  SS_BOUND_INACTIVE,
  SS_CLOSE,
  SS_CLOSING,
  SS_ESTABLISHED,
  SS_LISTEN,
  SS_NEW_SYN_RECV,
  SS_SYN_RECV,
  SS_SYN_SENT,
  SS_TIME_WAIT,
  stateMask,
} from "../model/state.ts";
import { bytesText, durationText, microsecondsText, rateText } from "./amounts.ts";
import {
  isAllSent,
  isCwndFull,
  isIdle,
  isMostly,
  isOwnWindowClosed,
  isPacedAtLimit,
  isPathFull,
  isPeerWindowClosed,
  isPeerWindowFull,
  isReceiveBufferFilling,
  isSendBufferFull,
  isUnanswered,
  isUnread,
  quietMs,
  unsent,
  usesBbr,
} from "./conditions.ts";
import {
  bytesInFlight,
  CA_LOSS,
  CA_RECOVERY,
  type Connection,
  type LimitedTime,
  segmentsInFlight,
  shareBetween,
  shareSoFar,
  TIMER_KEEPALIVE,
  TIMER_PERSIST,
} from "./connection.ts";
import { counted } from "./words.ts";

const bit = (...numbers: number[]) => numbers.reduce((mask, number) => mask | (1 << number), 0);
const word = (name: string) => stateMask(name)!;

const ESTABLISHED = bit(SS_ESTABLISHED);
const FIN_WAIT_2 = word("fin-wait-2");
const CLOSE_WAIT = word("close-wait");
const ENDING = word("fin-wait-1") | word("last-ack") | bit(SS_CLOSING);
const OPENING = bit(SS_SYN_SENT, SS_SYN_RECV, SS_NEW_SYN_RECV);
/** The program may still write. */
const WRITABLE = ESTABLISHED | CLOSE_WAIT;
/** Data may wait to be sent or acknowledged. */
const SENDING = WRITABLE | ENDING;
/** Data may arrive. */
const RECEIVING = ESTABLISHED | word("fin-wait-1") | FIN_WAIT_2;

/** A limit: of connections in which states it is, whether it holds, and how it is said. */
interface Judgement {
  readonly limit: Limit;
  /** Mask of states. */
  readonly states: number;
  /** Left out: in these states always. */
  readonly holds?: (connection: Connection) => boolean;
  /** The sentence, without its full stop. */
  readonly sentence: (connection: Connection) => string;
}

function percent(share: number): string {
  return `${Math.round(share * 100)}%`;
}

/** What a counter of limited time adds to a sentence. */
function soFar(connection: Connection, time: LimitedTime): string {
  const between = shareBetween(connection, time);
  if (between !== undefined)
    return `, and it was so for ${percent(between)} of the time with data to send between the samples`;
  const share = shareSoFar(connection, time);
  return share === undefined || share < 0.005
    ? ""
    : `; that took ${percent(share)} of all time with data to send so far`;
}

/** How much waits. */
function waits(bytes: number): string {
  return `${bytesText(bytes)} ${bytes === 1 ? "waits" : "wait"}`;
}

/** When the timer goes off next. */
function next({ expires }: Connection, what: string): string {
  return expires > 0 ? `, and the next ${what} goes out in ${durationText(expires)}` : "";
}

/** How long ago the peer was heard of; nothing if the connection is too young to tell. */
function lastHeard({ info }: Connection): string {
  return info.lastAckRecv === undefined
    ? ""
    : `; the last acknowledgement came ${durationText(info.lastAckRecv)} ago`;
}

function unanswered(connection: Connection): string {
  const { stateNumber, timerNumber, retransmits, wqueue } = connection;
  const times = `${retransmits + 1} times`;
  if (stateNumber === SS_SYN_SENT)
    return `The peer does not answer: the SYN was sent ${times}${next(connection, "one")}`;
  if (bit(stateNumber) & OPENING)
    return `The peer does not answer: SYN and ACK were sent ${times}${next(connection, "one")}`;
  const probes = counted(retransmits, "probe");
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

function pathSentence(connection: Connection): string {
  const { rtt = 0, minRtt = 0, deliveryRate } = connection.info;
  const waiting = `${waits(unsent(connection))} here`;
  const rate = deliveryRate ? `, which carries ${rateText(deliveryRate)}` : "";
  if (usesBbr(connection)) return `The path${rate}: BBR sends no faster than that, and ${waiting}`;
  return `The path${rate}: segments queue on the way (round trip ${microsecondsText(rtt)}, the shortest was ${microsecondsText(minRtt)}), and ${waiting}`;
}

function cwndSentence(connection: Connection): string {
  const { sndCwnd = 0, sndSsthresh, caState } = connection.info;
  const inFlight = segmentsInFlight(connection.info) ?? 0;
  const slowStart = sndSsthresh === undefined || sndCwnd < sndSsthresh;
  const phase = slowStart
    ? "it doubles each round trip (slow start)"
    : "it grows slowly (congestion avoidance)";
  // linux/tcp.h, TCP_CA_CWR.
  const why = caState === 2 ? "it was reduced for a congestion mark or a full local queue" : phase;
  return `The congestion window: ${inFlight} of its ${counted(sndCwnd, "segment")} are in flight, and ${waits(unsent(connection))}; ${why}`;
}

function lossSentence({ info }: Connection): string {
  const { lost = 0, unacked = 0, sndCwnd, retrans = 0, caState } = info;
  const how = caState === CA_LOSS ? "a retransmission timeout has passed" : "acknowledgements have told so";
  const window =
    sndCwnd === undefined ? "" : `, and the congestion window is down to ${counted(sndCwnd, "segment")}`;
  return `Lost segments: ${lost} of the ${unacked} sent are thought lost (${how}), ${retrans} are on the way again${window}`;
}

function unread(connection: Connection): string {
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

function idleSentence({ timerNumber, expires, info }: Connection): string {
  const keepalive =
    timerNumber === TIMER_KEEPALIVE
      ? `the next keepalive probe is in ${durationText(expires)}`
      : "without keepalive nobody would notice if the peer were gone";
  return `Nothing: no data went either way for ${durationText(quietMs(info)!)}, and ${keepalive}`;
}

const judgements: readonly Judgement[] = [
  {
    limit: "not-connected",
    states: bit(SS_CLOSE, SS_BOUND_INACTIVE),
    sentence: () => "Not connected: it has an address, and neither listens nor connects",
  },
  {
    limit: "accept-queue",
    states: bit(SS_LISTEN),
    holds: ({ rqueue }) => rqueue > 0,
    // One more than the backlog has room. net/sock.h, sk_acceptq_is_full().
    sentence: ({ rqueue, wqueue }) =>
      rqueue > wqueue
        ? `The local program: ${counted(rqueue, "connection")} wait to be accepted, and the queue is full (backlog ${wqueue}), so that new ones are dropped`
        : `The local program: ${counted(rqueue, "connection")} ${rqueue === 1 ? "waits" : "wait"} to be accepted (backlog ${wqueue})`,
  },
  {
    limit: "listening",
    states: bit(SS_LISTEN),
    sentence: ({ wqueue }) => `Listening: no connection waits to be accepted (backlog ${wqueue})`,
  },
  {
    limit: "time-wait",
    states: bit(SS_TIME_WAIT),
    // RFC 9293 3.6.1.
    sentence: ({ expires }) =>
      `Over: both ends have closed, and the ports are kept ${expires > 0 ? `for ${durationText(expires)} more` : "for a while"}, until no late segment can arrive`,
  },
  {
    limit: "no-answer",
    states: OPENING | SENDING | FIN_WAIT_2,
    holds: isUnanswered,
    sentence: unanswered,
  },
  {
    limit: "handshake",
    states: OPENING,
    sentence: ({ stateNumber, retransmits }) =>
      stateNumber === SS_SYN_SENT
        ? "The handshake: the SYN is sent, and the answer is yet to come"
        : `The handshake: the SYN was answered${retransmits > 0 ? ` ${retransmits + 1} times` : ""}, and the peer's ACK is yet to come`,
  },
  { limit: "receiver-not-reading", states: RECEIVING, holds: isOwnWindowClosed, sentence: unread },
  {
    limit: "peer-not-reading",
    states: SENDING,
    holds: isPeerWindowClosed,
    sentence(connection) {
      const { info, retransmits, timerNumber, wqueue } = connection;
      const window = info.sndWnd ? `down to ${bytesText(info.sndWnd)}` : "closed";
      const probes = info.backoff ?? (timerNumber === TIMER_PERSIST ? retransmits : 0);
      const probed =
        probes > 0 ? `, which ${counted(probes, "probe")} ${probes === 1 ? "has" : "have"} found so` : "";
      return `The peer does not read: its window is ${window}${probed}, and ${waits(wqueue)} here${next(connection, "probe")}`;
    },
  },
  {
    limit: "loss-recovery",
    states: SENDING,
    // linux/tcp.h, enum tcp_ca_state; RFC 5681 3.2, RFC 6298 5, RFC 8985.
    holds: ({ wqueue, info: { caState = 0 } }) => wqueue > 0 && caState >= CA_RECOVERY,
    sentence: lossSentence,
  },
  {
    limit: "peer-window",
    states: SENDING,
    holds: (connection) => isPeerWindowFull(connection) || isMostly(connection, "rwndLimited"),
    sentence(connection) {
      const { sndWnd } = connection.info;
      const inFlight = bytesInFlight(connection) ?? 0;
      const window =
        sndWnd === undefined ? "" : `${inFlight} of its ${bytesText(sndWnd)} are in flight, and `;
      return `The peer's window: ${window}${waits(unsent(connection))}${soFar(connection, "rwndLimited")}`;
    },
  },
  { limit: "path", states: SENDING, holds: isPathFull, sentence: pathSentence },
  { limit: "congestion-window", states: SENDING, holds: isCwndFull, sentence: cwndSentence },
  {
    limit: "pacing",
    states: SENDING,
    holds: (connection) => unsent(connection) > 0 && (isPacedAtLimit(connection) || usesBbr(connection)),
    sentence(connection) {
      const whose = isPacedAtLimit(connection) ? "the limit that SO_MAX_PACING_RATE sets" : "as BBR has it";
      return `Pacing: segments leave at ${rateText(connection.info.pacingRate ?? 0)}, ${whose}, and ${waits(unsent(connection))}`;
    },
  },
  {
    limit: "nagle",
    states: WRITABLE,
    // RFC 9293 3.7.4.
    holds: (connection) => unsent(connection) > 0 && unsent(connection) < (connection.info.sndMss ?? 0),
    sentence(connection) {
      const { unacked = 0, sndMss = 0 } = connection.info;
      const waiting = `${waits(unsent(connection))}, which is less than a segment of ${sndMss}`;
      return unacked > 0
        ? `Nagle's algorithm: ${waiting}, until what is in flight is acknowledged (TCP_NODELAY would not wait)`
        : `TCP_CORK or the like: ${waiting}, and nothing is in flight`;
    },
  },
  {
    limit: "local-queue",
    states: SENDING,
    holds: (connection) => unsent(connection) > 0,
    sentence(connection) {
      const { wmemAlloc } = connection.memory;
      const device = wmemAlloc === undefined ? "" : ` (${bytesText(wmemAlloc)} are with the network device)`;
      return `This host's own queues: ${waits(unsent(connection))} though both windows have room${device}`;
    },
  },
  {
    limit: "send-buffer",
    states: WRITABLE,
    holds: (connection) =>
      isSendBufferFull(connection) || (isAllSent(connection) && isMostly(connection, "sndbufLimited")),
    sentence(connection) {
      const { wqueue, memory } = connection;
      const buffer =
        memory.sndbuf === undefined
          ? ""
          : ` (${bytesText(memory.wmemQueued ?? 0)} are taken, the limit is ${bytesText(memory.sndbuf)}, overhead included)`;
      return `The send buffer: it is full${buffer}, and all ${bytesText(wqueue)} in it are in flight, so that the program cannot write more${soFar(connection, "sndbufLimited")}`;
    },
  },
  { limit: "receiver-not-reading", states: RECEIVING, holds: isUnread, sentence: unread },
  {
    limit: "local-close",
    states: CLOSE_WAIT,
    sentence: ({ rqueue }) =>
      `The local program: the peer has closed, and the program has not${rqueue > 1 ? `, nor has it read the last ${bytesText(rqueue - 1)}` : ""}`,
  },
  {
    limit: "peer-close",
    states: FIN_WAIT_2,
    sentence: ({ timerNumber, expires }) =>
      `The peer: this end has closed, and the peer has not${timerNumber !== 0 && expires > 0 ? `; without it the kernel gives up in ${durationText(expires)}` : ""}`,
  },
  {
    limit: "closing",
    states: ENDING,
    sentence: ({ wqueue }) =>
      wqueue > 1
        ? `Closing: the last ${bytesText(wqueue - 1)} and the FIN are under way, and not acknowledged yet`
        : "Closing: the FIN is under way, and not acknowledged yet",
  },
  { limit: "idle", states: ESTABLISHED, holds: isIdle, sentence: idleSentence },
  {
    limit: "application",
    states: ESTABLISHED,
    holds: ({ wqueue, info }) => wqueue === 0 || info.notsentBytes === 0,
    sentence: ({ rqueue, wqueue }) =>
      rqueue > 0
        ? `The application: ${bytesText(rqueue)} ${rqueue === 1 ? "has" : "have"} just arrived, and it has yet to read and answer`
        : wqueue === 0
          ? "The application: neither end has anything to send, and all that was sent is acknowledged"
          : `The application: all that it has written is under way, of which ${bytesText(wqueue)} ${wqueue === 1 ? "is" : "are"} not acknowledged yet`,
  },
];

/** The judgements that may hold in each state. */
const byState: readonly (readonly Judgement[])[] = Array.from({ length: 32 }, (_, number) =>
  judgements.filter(({ states }) => (states & (1 << number)) !== 0),
);

function judge(connection: Connection): Judgement | undefined {
  return byState[connection.stateNumber]?.find(({ holds }) => holds === undefined || holds(connection));
}

/** What a TCP connection is limited by now; undefined if the kernel does not tell enough. Makes no text. */
export function limitOf(connection: Connection): Limit | undefined {
  return judge(connection)?.limit;
}

/** The same, with the evidence in a sentence. */
export function explain(connection: Connection): Explanation | undefined {
  const judgement = judge(connection);
  return judgement && { limit: judgement.limit, sentence: `${judgement.sentence(connection)}.` };
}

/** Every limit that some judgement tells. */
export const judged: ReadonlySet<Limit> = new Set(judgements.map(({ limit }) => limit));
