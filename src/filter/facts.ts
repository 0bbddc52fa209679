/**
 * Predicates that ss does not have: on values that the kernel reports in addition to the addresses, and on facts from `/proc`.
 * A predicate has the word with which ss prints the same value. The predicates on struct tcp_info are its rows that
 * name a word of the filter.
 *
 * If a socket does not have a fact, no predicate on the fact holds, neither with `=` nor with `!=`.
 */
import { U32_MAX, unsigned } from "../bytes/c-numbers.ts";
import type { Unit } from "../bytes/layout.ts";
import { encodeBytes } from "../bytes/text.ts";
import type { FilterSubject } from "../families/filter-subject.ts";
import { mptcpInfo } from "../families/inet/layouts/mptcp-info.ts";
import { tcpInfo } from "../families/inet/layouts/tcp-info.ts";
import type { InetSocket } from "../families/inet/socket.ts";
import { type TimerName, timerNames } from "../families/inet/timer-names.ts";
import { type NumberReader, receiveQueue, sendQueue, uidNumber } from "../families/numbers.ts";
import type { Socket } from "../families/socket.ts";
import { netnsLabel } from "../host/namespaces.ts";
import { type FactField, type FactLayout, headings } from "../model/fact.ts";
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

/** A shell pattern that a name must match. */
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
  /** What it compares, in one line. */
  readonly doc: string;
  /** What help calls its operand. */
  readonly operandName: string;
}

const encoder = new TextEncoder();

/** Refuses an operand that a row does not accept. @throws FilterError always */
function unexpected(word: FilterWord, expects: string): never {
  return refuse(word, "fact", expects);
}

/** Compares numbers. Each comparison has its own function, as it runs for every socket. */
const numberTests: Readonly<Record<Comparison, (value: number, wanted: number) => boolean>> = {
  equal: (value, wanted) => value === wanted,
  atLeast: (value, wanted) => value >= wanted,
  atMost: (value, wanted) => value <= wanted,
};

/** A predicate on a number. @param scale how many of the smallest unit of its dimension the number's unit is */
function amount(
  doc: string,
  dimension: Dimension,
  fact: Fact,
  read: NumberReader,
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

/** A predicate on names. A socket may have several: `=` holds if one of them matches, `!=` if none does. */
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
      // An empty pattern cannot be written back as a word.
      read: (word) => (word.text === "" ? unexpected(word, expects) : { pattern: word.text }),
      write: ({ pattern }) => writeWord(pattern),
    },
    facts: () => [fact],
    test: ({ pattern }, _comparison, known) => test(compilePattern(encodeBytes(pattern)), known),
  };
}

/** The dimension of an operand, by the unit of the kernel's number; a number of any other unit is a count. */
const dimensionOf: Partial<Record<Unit, readonly [Dimension, scale: number]>> = {
  us: ["time", 1],
  ms: ["time", 1000],
  bytes: ["size", 1],
  "bytes/s": ["rate", 8],
};

type TcpInfoName = keyof typeof tcpInfo;

/** A number of struct tcp_info, or the same one of struct mptcp_info. A listener has neither. */
function infoNumber(socket: InetSocket, field: TcpInfoName): number | undefined {
  if (socket.stateNumber === SS_LISTEN) return undefined;
  const tcp = socket.tcpInfo ?? socket.procfs?.tcp?.info;
  if (tcp !== undefined) return tcp[field];
  return field in mptcpInfo ? socket.mptcpInfo?.[field as keyof typeof mptcpInfo & TcpInfoName] : undefined;
}

/** The predicate on a field of struct tcp_info. */
function infoFact(name: TcpInfoName, { doc, unit, none, zero }: FactField): FactRow<AmountOperand> {
  const [dimension, scale] = (unit && dimensionOf[unit]) ?? ["count", 1];
  const isAbsent = (value: number) => zero === "unmeasured" && (value === 0 || value === none);
  const read: NumberReader = (socket) => {
    const value = socket.kind === "inet" ? infoNumber(socket, name) : undefined;
    return value === undefined || isAbsent(value) ? undefined : value;
  };
  return amount(doc, dimension, "tcpInfo", read, { scale });
}

/** The words of the filter that rows of a layout name. */
type WordsOf<L extends FactLayout> = {
  [K in keyof L]: L[K] extends { readonly filter: infer W extends string } ? W : never;
}[keyof L];

/** The place of a fact in `--explain`, which help follows: facts of one subject stand together. */
function placeOf({ group }: FactField): number {
  return group === undefined ? Number.POSITIVE_INFINITY : headings.indexOf(group[0]) * 1000 + group[1];
}

/** The predicates on struct tcp_info by their words. */
const infoFacts = Object.fromEntries(
  (Object.entries(tcpInfo) as [TcpInfoName, FactField][])
    .sort(([, a], [, b]) => placeOf(a) - placeOf(b))
    .flatMap(([name, row]) => (row.filter === undefined ? [] : [[row.filter, infoFact(name, row)]])),
) as { readonly [W in WordsOf<typeof tcpInfo>]: FactRow<AmountOperand> };

/** The owner of a socket. The kernel reports uid 0 for a socket without a file, so that 0 means unknown. */
function uidOf(socket: Socket): number | undefined {
  const uid = uidNumber(socket);
  return uid === 0 && !socket.inode ? undefined : uid;
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

/** The owners of a socket; undefined if none is known. */
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

/** The predicates that ss does not have, by keyword, in the order of help. */
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
  recvq: amount("Recv-Q, as ss shows it", "size", "queue", receiveQueue),
  sendq: amount("Send-Q, as ss shows it", "size", "queue", sendQueue),
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
  ...infoFacts,
} as const satisfies Readonly<Record<string, unknown>>;

/** The operand of each row, by keyword. */
type OperandsOf<Rows> = { readonly [K in keyof Rows]: Rows[K] extends FactRow<infer O> ? O : never };

/** The operand of each keyword that ss does not have. */
export interface FactOperands extends OperandsOf<typeof factPredicates> {}
