/**
 * All sockets of one moment, as the bodies of the kernel's own messages. A message is kept as 32-bit words, which is
 * what its fields and attributes are made of; words that tell an age ("last data sent 40 ms ago") are turned into the
 * time they mean, so that they do not change while nothing happens.
 */
import {
  INET_DIAG_MESSAGE_SIZE,
  inetAttributes,
  inetDiagMessage,
} from "../families/inet/layouts/inet-diag.ts";
import { tcpInfo } from "../families/inet/layouts/tcp-info.ts";
import { AF_INET, AF_INET6 } from "../model/family.ts";
import { NLA_HDRLEN, NLA_TYPE_MASK } from "../netlink/constants.ts";

/** What the sockets of one group share: network namespace, request, family. */
export interface GroupKey {
  /** Number of the network namespace in the store's table of places. */
  readonly place: number;
  /** Index of the request in `dumpOrder`. */
  readonly dump: number;
  /** AF_* number. */
  readonly family: number;
}

/** The sockets of a group in the kernel's order. */
export interface Group extends GroupKey {
  readonly count: number;
  /** What tells each socket from the others of its group: the cookie, or 0 where there is none. */
  readonly keys: Float64Array;
  /** The words of all messages, one after another. */
  readonly words: Uint32Array;
  /** Where the words of each message begin in `words`, and at the end where the last ones end. */
  readonly starts: Uint32Array;
  /** Bytes of each message. */
  readonly lengths: Uint32Array;
  /** Index of the first word of struct tcp_info within each message; 0 if it has none. */
  readonly infoAt: Uint16Array;
}

/** The groups of an image by {@link groupName}. */
export type Image = ReadonlyMap<string, Group>;

/** The name of a group among those of an image. */
export function groupName({ place, dump, family }: GroupKey): string {
  return `${place}/${dump}/${family}`;
}

/** Whether ages and timers are kept in the messages of a group. */
export function hasAges({ family }: Pick<GroupKey, "family">): boolean {
  return family === AF_INET || family === AF_INET6;
}

const WORD = 4;
/** Index of `idiag_expires` in a message. */
const EXPIRES = inetDiagMessage.expires.offset / WORD;
/** Words of struct inet_diag_msg. */
const HEAD = INET_DIAG_MESSAGE_SIZE / WORD;
/** Indices of the ages in struct tcp_info. */
const AGES = [tcpInfo.lastDataSent, tcpInfo.lastDataRecv, tcpInfo.lastAckRecv].map(
  ({ offset }) => offset / WORD,
);
const LAST_AGE = Math.max(...AGES);
/** How much the same moment may differ from one sample to the next: ages are counted in jiffies of up to 10 ms. */
const SAME_MS = 25;

/** Where struct tcp_info begins in the words of a message; 0 if it has none, or one too short for its ages. */
function findInfo(words: Uint32Array, from: number, end: number): number {
  let at = from + HEAD;
  while (at < end) {
    const head = words[at]!;
    const length = head & 0xffff;
    if (length < NLA_HDRLEN) return 0;
    if (((head >>> 16) & NLA_TYPE_MASK) === inetAttributes.info.id) {
      const first = at + 1;
      return (length - NLA_HDRLEN) / WORD > LAST_AGE && first + LAST_AGE < end ? first - from : 0;
    }
    at += (length + WORD - 1) >>> 2;
  }
  return 0;
}

/** Whether a message has a running timer, so that `idiag_expires` means something. */
function hasTimer(words: Uint32Array, from: number): boolean {
  return ((words[from]! >>> (8 * inetDiagMessage.timerNumber.offset)) & 0xff) !== 0;
}

/** Turns the ages of a message into times. @param nowMs when it was read */
function agesToTimes(words: Uint32Array, from: number, infoAt: number, nowMs: number): void {
  if (hasTimer(words, from)) words[from + EXPIRES] = words[from + EXPIRES]! + nowMs;
  if (infoAt === 0) return;
  for (const age of AGES) words[from + infoAt + age] = nowMs - words[from + infoAt + age]!;
}

/** The difference of two words that count milliseconds and wrap. */
function difference(one: number, other: number): number {
  return (one - other) | 0;
}

/** Turns the times of a message back into ages at `nowMs`. What happened after that is 0 ms old. */
export function timesToAges(words: Uint32Array, dump: GroupKey, nowMs: number): void {
  if (!hasAges(dump) || words.length < HEAD) return;
  const age = (later: number, earlier: number) => Math.max(0, difference(later, earlier));
  if (hasTimer(words, 0)) words[EXPIRES] = age(words[EXPIRES]!, nowMs);
  const infoAt = findInfo(words, 0, words.length);
  if (infoAt === 0) return;
  for (const at of AGES) {
    // A time slightly in the future was read while the sample was taken.
    const past = (nowMs - words[infoAt + at]!) >>> 0;
    words[infoAt + at] = past > 0xffff_0000 ? 0 : past;
  }
}

/** Keeps the earlier reading of a time where a new one means the same moment. */
export function settleTimes(
  { words, starts, infoAt }: Group,
  row: number,
  previous: Group,
  previousRow: number,
): void {
  const from = starts[row]!;
  const earlier = previous.starts[previousRow]!;
  const settle = (at: number) => {
    const known = previous.words[earlier + at]!;
    if (Math.abs(difference(words[from + at]!, known)) <= SAME_MS) words[from + at] = known;
  };
  if (hasTimer(words, from) && hasTimer(previous.words, earlier)) settle(EXPIRES);
  const info = infoAt[row]!;
  if (info !== 0 && info === previous.infoAt[previousRow]) for (const at of AGES) settle(info + at);
}

/** A group that is being filled. */
class GroupBuilder implements GroupKey {
  readonly place: number;
  readonly dump: number;
  readonly family: number;
  count = 0;
  keys = new Float64Array(64);
  words = new Uint32Array(64 * 128);
  starts = new Uint32Array(65);
  lengths = new Uint32Array(64);
  infoAt = new Uint16Array(64);

  constructor({ place, dump, family }: GroupKey) {
    this.place = place;
    this.dump = dump;
    this.family = family;
  }

  clear(): void {
    this.count = 0;
  }

  add(key: number, data: DataView, offset: number, length: number, nowMs: number): void {
    const row = this.count;
    const size = (length + WORD - 1) >>> 2;
    this.#reserve(row + 1, this.starts[row]! + size);
    const { words, starts } = this;
    const from = starts[row]!;
    words[from + size - 1] = 0;
    new Uint8Array(words.buffer, from * WORD, length).set(
      new Uint8Array(data.buffer, data.byteOffset + offset, length),
    );
    this.keys[row] = key;
    this.lengths[row] = length;
    starts[row + 1] = from + size;
    this.infoAt[row] = 0;
    this.count++;
    if (!hasAges(this) || size < HEAD) return;
    this.infoAt[row] = findInfo(words, from, from + size);
    agesToTimes(words, from, this.infoAt[row]!, nowMs);
  }

  #reserve(rows: number, words: number): void {
    if (rows > this.keys.length) {
      const larger = this.keys.length * 2;
      this.keys = grown(this.keys, Float64Array, larger);
      this.starts = grown(this.starts, Uint32Array, larger + 1);
      this.lengths = grown(this.lengths, Uint32Array, larger);
      this.infoAt = grown(this.infoAt, Uint16Array, larger);
    }
    if (words > this.words.length)
      this.words = grown(this.words, Uint32Array, Math.max(words, this.words.length * 2));
  }
}

function grown<A extends Float64Array | Uint32Array | Uint16Array>(
  from: A,
  Type: new (length: number) => A,
  length: number,
): A {
  const to = new Type(length);
  to.set(from);
  return to;
}

/** Builds images from messages, two at a time: memory is used again for every other image. */
export class ImageBuilder {
  #current = new Map<string, GroupBuilder>();
  #spare = new Map<string, GroupBuilder>();

  /** Begins an image. The image before the previous one is no longer valid. */
  begin(): void {
    [this.#current, this.#spare] = [this.#spare, this.#current];
    for (const [name, group] of this.#current)
      if (group.count === 0) this.#current.delete(name);
      else group.clear();
  }

  /**
   * Adds a message.
   *
   * @param key the socket's cookie as a number, 0 for none
   * @param nowMs when it was read, in milliseconds since boot
   */
  add(key: GroupKey, cookie: number, data: DataView, offset: number, length: number, nowMs: number): void {
    const name = groupName(key);
    let group = this.#current.get(name);
    if (group === undefined) {
      group = new GroupBuilder(key);
      this.#current.set(name, group);
    }
    group.add(cookie, data, offset, length, nowMs);
  }

  /** The image that was begun last; valid until the next but one is begun. */
  get image(): Image {
    return this.#current;
  }
}
