/**
 * What limits a TCP connection now: a table of judgements. The first that holds counts.
 *
 * Queues, windows and timers show the present. The times that the kernel adds up (`busy_time` and the like) show the
 * past, and decide only as differences between two samples.
 */
import type { Explanation, Limit } from "../model/limits.ts";
import { SS_BOUND_INACTIVE, SS_CLOSE, SS_LISTEN, SS_SYN_SENT, SS_TIME_WAIT } from "../model/state.ts";
import { bytesText, durationText, rateText } from "./amounts.ts";
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
  isSendBufferFull,
  isUnanswered,
  isUnread,
  isWindowStuck,
  unsent,
  usesBbr,
} from "./conditions.ts";
import { bytesInFlight, CA_RECOVERY, type Connection, TIMER_PERSIST } from "./connection.ts";
import { plural } from "./plural.ts";
import {
  cwndSentence,
  idleSentence,
  lossSentence,
  next,
  pathSentence,
  soFar,
  unanswered,
  unread,
  waits,
} from "./sentences.ts";
import {
  bit,
  CLOSE_WAIT,
  ENDING,
  ESTABLISHED,
  FIN_WAIT_2,
  OPENING,
  RECEIVING,
  SENDING,
  WRITABLE,
} from "./state-masks.ts";

/** A limit: the states in which it occurs, whether it holds, and the sentence about it. */
interface Judgement {
  readonly limit: Limit;
  /** Mask of states. */
  readonly states: number;
  /** Whether it holds; if left out, always in these states. */
  readonly holds?: (connection: Connection) => boolean;
  /** The sentence, without its full stop. */
  readonly sentence: (connection: Connection) => string;
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
        ? `The local program: ${plural(rqueue, "connection")} wait to be accepted, and the queue is full (backlog ${wqueue}), so that new ones are dropped`
        : `The local program: ${plural(rqueue, "connection")} ${rqueue === 1 ? "waits" : "wait"} to be accepted (backlog ${wqueue})`,
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
    holds: (connection) => isPeerWindowClosed(connection) && isWindowStuck(connection),
    sentence(connection) {
      const { info, retransmits, timerNumber, wqueue } = connection;
      const window = info.sndWnd ? `down to ${bytesText(info.sndWnd)}` : "closed";
      const probes = info.backoff ?? (timerNumber === TIMER_PERSIST ? retransmits : 0);
      const probed =
        probes > 0 ? `, which ${plural(probes, "probe")} ${probes === 1 ? "has" : "have"} found so` : "";
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
    holds: (connection) =>
      isPeerWindowFull(connection) || isPeerWindowClosed(connection) || isMostly(connection, "rwndLimited"),
    sentence(connection) {
      const { sndWnd } = connection.info;
      const inFlight = bytesInFlight(connection) ?? 0;
      const waiting = `${waits(unsent(connection))}${soFar(connection, "rwndLimited")}`;
      if (isPeerWindowClosed(connection))
        return `The peer's window: the peer reads slowly, its window is closed at the moment, and ${waiting}`;
      const window =
        sndWnd === undefined ? "" : `${inFlight} of its ${bytesText(sndWnd)} are in flight, and `;
      return `The peer's window: ${window}${waiting}`;
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
          : `The application: all that it has written is in flight, and ${bytesText(wqueue)} ${wqueue === 1 ? "is" : "are"} not acknowledged yet`,
  },
];

/** The judgements that may hold in each state. */
const byState: readonly (readonly Judgement[])[] = Array.from({ length: 32 }, (_, number) =>
  judgements.filter(({ states }) => (states & (1 << number)) !== 0),
);

function judge(connection: Connection): Judgement | undefined {
  return byState[connection.stateNumber]?.find(({ holds }) => holds === undefined || holds(connection));
}

/** What limits a TCP connection now, with the evidence; undefined if the kernel does not report enough. */
export function explain(connection: Connection): Explanation | undefined {
  const judgement = judge(connection);
  return judgement && { limit: judgement.limit, sentence: `${judgement.sentence(connection)}.` };
}

/** Every limit that some judgement reports. */
export const judged: ReadonlySet<Limit> = new Set(judgements.map(({ limit }) => limit));
