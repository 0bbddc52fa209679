/**
 * Predicates that ss does not have: on what the kernel tells of a socket beside its addresses, and on what those who
 * look elsewhere add to that. Their names are the words with which ss prints the same.
 *
 * A fact that a socket does not have is absent: then no predicate on it holds, be it `=` or `!=`.
 */

import { U32_MAX, unsigned } from "../bytes/c-numbers.ts";
import type { Field, Unit } from "../bytes/layout.ts";
import { encodeBytes } from "../bytes/text.ts";
import type { FilterSubject } from "../families/filter-subject.ts";
import { mptcpInfo } from "../families/inet/layouts/mptcp-info.ts";
import { tcpInfo } from "../families/inet/layouts/tcp-info.ts";
import { type InetSocket, type TimerName, timerNames } from "../families/inet/socket.ts";
import type { Socket } from "../families/socket.ts";
import { netnsLabel } from "../host/namespaces.ts";
import { SS_LISTEN } from "../model/state.ts";
import { compilePattern } from "./fnmatch.ts";
import { type Dimension, dimensions, readAmount, writeAmount } from "./quantity.ts";
import { refuse } from "./reading.ts";
import type { Comparison } from "./relations.ts";
import { EQUALITY, type FactTest, ORDER, type PredicateRow } from "./row.ts";
import type { FilterWord } from "./source.ts";
import type { Fact, Known, SocketOwner } from "./subject.ts";
import { writeWord } from "./writing.ts";

/** A number, in the smallest unit of its kind: microseconds, bytes, bits per second. */
export interface AmountOperand {
  /** How many. */
  readonly amount: number;
}

/** A shell pattern for a name. */
export interface PatternOperand {
  /** As typed. */
  readonly pattern: string;
}

/** A user, by name or number. */
export interface UserOperand {
  /** User id. */
  readonly uid: number;
}

/** Which timer runs, or `off`. */
export interface TimerOperand {
  /** Its name. */
  readonly timer: TimerName;
}

/** A predicate of our own. */
export interface FactRow<O> extends PredicateRow<O> {
  /** What it is about, in one line. */
  readonly doc: string;
  /** What help calls its operand. */
  readonly operandName: string;
}

const encoder = new TextEncoder();

/** Refuses what is not as a row expects. @throws FilterError always */
function unexpected(word: FilterWord, expects: string): never {
  return refuse(word, "fact", expects);
}

/** Compares numbers; each comparison has a function of its own, since it is done for every socket. */
const numberTests: Readonly<Record<Comparison, (value: number, wanted: number) => boolean>> = {
  equal: (value, wanted) => value === wanted,
  atLeast: (value, wanted) => value >= wanted,
  atMost: (value, wanted) => value <= wanted,
};

/** Reads a number of a socket; undefined where it has none. */
type ReadNumber = (socket: Socket) => number | undefined;

/** A predicate on a number. @param scale how many of the smallest unit the number counts in */
function amount(
  doc: string,
  dimension: Dimension,
  fact: Fact,
  read: ReadNumber,
  { scale = 1, relations = ORDER } = {},
): FactRow<AmountOperand> {
  const { expects } = dimensions[dimension];
  return {
    doc,
    operandName: dimension.toUpperCase(),
    operand: {
      expects,
      relations,
      read(word) {
        const amount = readAmount(word.text, dimension);
        return amount === undefined ? unexpected(word, expects) : { amount };
      },
      write: ({ amount }) => writeAmount(amount, dimension),
    },
    facts: () => [fact],
    test({ amount }, comparison) {
      const compare = numberTests[comparison];
      return ({ socket }) => {
        const value = socket && read(socket);
        return value === undefined ? undefined : compare(value * scale, amount);
      };
    },
  };
}

/** A predicate on names, of which a socket may have several: `=` asks for one that matches, `!=` for none. */
function name(
  doc: string,
  expects: string,
  fact: Fact,
  test: (matches: (name: Uint8Array) => boolean, known: Known) => FactTest,
): FactRow<PatternOperand> {
  return {
    doc,
    operandName: "PATTERN",
    operand: {
      expects,
      relations: EQUALITY,
      // An empty one cannot be written.
      read: (word) => (word.text === "" ? unexpected(word, expects) : { pattern: word.text }),
      write: ({ pattern }) => writeWord(pattern),
    },
    facts: () => [fact],
    test: ({ pattern }, _comparison, known) => test(compilePattern(encodeBytes(pattern)), known),
  };
}

/** What a fact is counted in, by the unit of the kernel's number. */
const dimensionOf: Partial<Record<Unit, readonly [Dimension, scale: number]>> = {
  us: ["time", 1],
  ms: ["time", 1000],
  bytes: ["size", 1],
  "bytes/s": ["rate", 8],
};

/** The number of a struct tcp_info, or the same one of a struct mptcp_info. A listener has neither. */
function infoNumber(socket: InetSocket, field: keyof typeof tcpInfo): number | undefined {
  if (socket.stateNumber === SS_LISTEN) return undefined;
  const tcp = socket.tcpInfo ?? socket.procfs?.tcp?.info;
  if (tcp !== undefined) return tcp[field];
  return field in mptcpInfo ? socket.mptcpInfo?.[field as keyof typeof mptcpInfo & typeof field] : undefined;
}

/**
 * A predicate on a number of struct tcp_info.
 *
 * @param absent whether a value says that there is none
 * @param doc what it means, where the struct's own words tell of listeners, too
 */
function infoFact(
  field: keyof typeof tcpInfo,
  absent: (value: number) => boolean,
  doc: string = tcpInfo[field].doc,
): FactRow<AmountOperand> {
  const row: Field = tcpInfo[field];
  const [dimension, scale] = (row.unit && dimensionOf[row.unit]) ?? ["count", 1];
  const read: ReadNumber = (socket) => {
    const value = socket.kind === "inet" ? infoNumber(socket, field) : undefined;
    return value === undefined || absent(value) ? undefined : value;
  };
  return amount(doc, dimension, "tcpInfo", read, { scale });
}

/** A count, of which 0 is as good as any other. */
function counted(field: keyof typeof tcpInfo, doc?: string): FactRow<AmountOperand> {
  return infoFact(field, () => false, doc);
}

/** Something measured: 0, or the field's own value for it, says that it has not been yet. */
function measured(field: keyof typeof tcpInfo): FactRow<AmountOperand> {
  const { none }: Field = tcpInfo[field];
  return infoFact(field, (value) => value === 0 || value === none);
}

/** The owner of a socket. A socket that has lost its file may be told to be root's, which says nothing. */
function uidOf(socket: Socket): number | undefined {
  if (!("uid" in socket)) return undefined;
  return socket.uid === 0 && !socket.inode ? undefined : socket.uid;
}

const userRow: FactRow<UserOperand> = {
  doc: "owner of the socket, by name or uid",
  operandName: "USER",
  operand: {
    expects: "a user",
    relations: EQUALITY,
    read(word, reading) {
      const uid = unsigned(word.text, U32_MAX) ?? reading.context.lookups.userId?.(word.text);
      return uid === undefined ? unexpected(word, "a user") : { uid };
    },
    write: ({ uid }) => String(uid),
  },
  facts: () => ["uid"],
  test:
    ({ uid }) =>
    ({ socket }) => {
      const own = socket && uidOf(socket);
      return own === undefined ? undefined : own === uid;
    },
};

const timerRow: FactRow<TimerOperand> = {
  doc: "the timer that runs; on is the retransmission timer",
  operandName: "TIMER",
  operand: {
    expects: `a timer: ${timerNames.join(", ")}`,
    relations: EQUALITY,
    read(word) {
      const timer = timerNames.find((name) => name === word.text);
      return timer === undefined ? unexpected(word, `one of ${timerNames.join(", ")}`) : { timer };
    },
    write: ({ timer }) => timer,
  },
  facts: () => ["timer"],
  test:
    ({ timer }) =>
    ({ socket }) =>
      socket?.kind === "inet" ? (socket.timer?.name ?? "off") === timer : undefined,
};

/** The owners of a socket; undefined if it has none that is known. */
function ownersOf({ socket }: FilterSubject, { owners }: Known): readonly SocketOwner[] | undefined {
  const found = socket && owners?.(socket.inode ?? 0);
  return found?.length ? found : undefined;
}

const pidRow: FactRow<AmountOperand> = {
  ...amount("process that has the socket open", "count", "owners", () => undefined, { relations: EQUALITY }),
  operandName: "PID",
  test:
    ({ amount }, _comparison, known) =>
    (subject) =>
      ownersOf(subject, known)?.some(({ pid }) => pid === amount),
};

/** Our predicates by keyword, in the order in which help lists them. */
export const factPredicates = {
  pid: pidRow,
  comm: name(
    "name of a process that has the socket open",
    "a process name or a pattern",
    "owners",
    (matches, known) => (subject) => ownersOf(subject, known)?.some(({ name }) => matches(name)),
  ),
  user: userRow,
  netns: name(
    "network namespace, as --all-netns labels it",
    "a network namespace or a pattern",
    "netns",
    (matches) =>
      ({ socket }) => {
        const netns = socket?.origin.netns;
        return netns === undefined ? undefined : matches(encoder.encode(netnsLabel(netns)));
      },
  ),
  container: name(
    "container: its name, its id or its label",
    "a container or a pattern",
    "container",
    (matches, { container }) =>
      ({ socket }) => {
        const names = socket && container?.(socket);
        return names?.length ? names.some(matches) : undefined;
      },
  ),
  uid: amount("uid of the socket's owner", "count", "uid", uidOf),
  inode: amount("inode of the socket", "count", "inode", ({ inode }) => inode || undefined),
  recvq: amount("Recv-Q, as ss shows it", "size", "queue", (socket) =>
    "rqueue" in socket ? socket.rqueue : undefined,
  ),
  sendq: amount("Send-Q, as ss shows it", "size", "queue", (socket) =>
    "wqueue" in socket ? socket.wqueue : undefined,
  ),
  timer: timerRow,
  tos: amount("type of service, IPv4", "count", "tos", (socket) =>
    socket.kind === "inet" ? socket.tos : undefined,
  ),
  tclass: amount("traffic class, IPv6", "count", "tos", (socket) =>
    socket.kind === "inet" ? socket.tclass : undefined,
  ),
  cong: name(
    "name of the congestion control",
    "a congestion control or a pattern",
    "congestion",
    (matches) =>
      ({ socket }) => {
        const control = socket?.kind === "inet" ? socket.congestion : undefined;
        return control === undefined ? undefined : matches(encoder.encode(control));
      },
  ),
  rtt: measured("rtt"),
  rttvar: measured("rttvar"),
  minrtt: measured("minRtt"),
  rcv_rtt: measured("rcvRtt"),
  rto: measured("rto"),
  ato: measured("ato"),
  lastsnd: counted("lastDataSent"),
  lastrcv: counted("lastDataRecv"),
  lastack: counted("lastAckRecv"),
  busy: counted("busyTime"),
  rwnd_limited: counted("rwndLimited"),
  sndbuf_limited: counted("sndbufLimited"),
  backoff: counted("backoff"),
  cwnd: measured("sndCwnd"),
  ssthresh: measured("sndSsthresh"),
  unacked: counted("unacked", "sent and not acknowledged"),
  retrans: counted("retrans"),
  retrans_total: counted("totalRetrans"),
  lost: counted("lost"),
  sacked: counted("sacked", "selectively acknowledged"),
  dsack_dups: counted("dsackDups"),
  reordering: counted("reordering"),
  reord_seen: counted("reordSeen"),
  rcv_ooopack: counted("rcvOoopack"),
  rehash: counted("rehash"),
  segs_out: counted("segsOut"),
  segs_in: counted("segsIn"),
  data_segs_out: counted("dataSegsOut"),
  data_segs_in: counted("dataSegsIn"),
  delivered: counted("delivered"),
  delivered_ce: counted("deliveredCe"),
  bytes_sent: counted("bytesSent"),
  bytes_retrans: counted("bytesRetrans"),
  bytes_acked: counted("bytesAcked"),
  bytes_received: counted("bytesReceived"),
  notsent: counted("notsentBytes"),
  mss: measured("sndMss"),
  rcvmss: measured("rcvMss"),
  advmss: measured("advmss"),
  pmtu: measured("pmtu"),
  rcv_space: measured("rcvSpace"),
  rcv_ssthresh: measured("rcvSsthresh"),
  snd_wnd: counted("sndWnd"),
  rcv_wnd: counted("rcvWnd"),
  pacing_rate: measured("pacingRate"),
  delivery_rate: measured("deliveryRate"),
} as const satisfies Readonly<Record<string, unknown>>;

/** The operand of each row, by keyword. */
type OperandsOf<Rows> = { readonly [K in keyof Rows]: Rows[K] extends FactRow<infer O> ? O : never };

/** What each keyword of our own takes. */
export interface FactOperands extends OperandsOf<typeof factPredicates> {}
