/**
 * The sockets of a host from sample to sample, as the bodies of the kernel's own messages: one copy of each, which the
 * next sample updates. A message is kept as 32-bit words, which is what its fields and attributes are made of. Words
 * that hold an age ("last data sent 40 ms ago") are turned into the time they mean, so that they do not change while
 * nothing happens.
 */
import {
  INET_DIAG_MESSAGE_SIZE,
  inetAttributes,
  inetDiagMessage,
} from "../families/inet/layouts/inet-diag.ts";
import { tcpInfo } from "../families/inet/layouts/tcp-info.ts";
import { AF_INET, AF_INET6 } from "../model/family.ts";
import { SS_LISTEN } from "../model/state.ts";
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

/** The groups of an image by {@link groupName}. */
export type Image = ReadonlyMap<string, ImageGroup>;

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
const TIMER_SHIFT = 8 * inetDiagMessage.timerNumber.offset;
const STATE_SHIFT = 8 * inetDiagMessage.stateNumber.offset;
/** Indices of the ages in struct tcp_info. */
export const infoAges = {
  sent: tcpInfo.lastDataSent.offset / WORD,
  received: tcpInfo.lastDataRecv.offset / WORD,
  acknowledged: tcpInfo.lastAckRecv.offset / WORD,
} as const;
const AGES = Object.values(infoAges);
const LAST_AGE = Math.max(...AGES);
/** How much the same moment may differ from one sample to the next: ages are counted in jiffies of up to 10 ms. */
const SAME_MS = 25;

/** Times are kept in steps of so many milliseconds. */
const TICK_MS = 16;

/** A time in the steps in which times are kept: the lower end of its step. */
export function toTick(ms: number): number {
  return Math.floor(ms / TICK_MS) * TICK_MS;
}

/** Words of messages, signed or not. */
type Words = Int32Array | Uint32Array;

/** Index of the first word of struct tcp_info in a message; 0 if it has none, or one too short for its ages. */
function findInfo(words: Words, from: number, end: number): number {
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
function hasTimer(head: number): boolean {
  return ((head >>> TIMER_SHIFT) & 0xff) !== 0;
}

/** Whether a message is of a listener, whose ages are always 0: the kernel counts them for connections. */
function isListener(head: number): boolean {
  return ((head >>> STATE_SHIFT) & 0xff) === SS_LISTEN;
}

/** The difference of two words that count milliseconds and wrap. */
function difference(one: number, other: number): number {
  return (one - other) | 0;
}

/**
 * Turns the times of a message back into ages at `nowMs`. What happened after that is 0 ms old.
 *
 * @param from index of its first word
 * @param end index behind its last word
 */
export function timesToAges(
  words: Uint32Array,
  dump: Pick<GroupKey, "family">,
  nowMs: number,
  from = 0,
  end = words.length,
): void {
  if (!hasAges(dump) || end - from < HEAD) return;
  const head = words[from]!;
  if (hasTimer(head)) words[from + EXPIRES] = Math.max(0, difference(words[from + EXPIRES]!, nowMs));
  const infoAt = findInfo(words, from, end);
  if (infoAt === 0) return;
  for (let index = 0; index < AGES.length; index++) {
    const at = from + infoAt + AGES[index]!;
    // A time slightly in the future was read while the sample was taken.
    const past = (nowMs - words[at]!) >>> 0;
    words[at] = past > 0xffff_0000 || isListener(head) ? 0 : past;
  }
}

/** Where a message is: the number of its chunk in the upper bits, its first word in that in the lower ones. */
const CHUNK_BITS = 16;
const CHUNK_MASK = (1 << CHUNK_BITS) - 1;
/** Words of a chunk: most groups are small, and there may be hundreds of network namespaces. */
const LEAST_CHUNK_WORDS = 1 << 10;
const MOST_CHUNK_WORDS = 1 << CHUNK_BITS;
/** How far ahead a socket is looked for before it is looked up: as many as may have gone in a row. */
const AHEAD = 8;
const FIRST_ROWS = 64;

function grown<A extends Float64Array | Int32Array | Uint32Array | Uint16Array>(from: A, length: number): A {
  const to = new (from.constructor as new (length: number) => A)(length);
  to.set(from);
  return to;
}

/** How much longer than needed the room for earlier messages is made. */
const GROWTH = 1.25;
const FIRST_WORDS = FIRST_ROWS * 16;

/** Messages that are kept until the sample is written, because they have changed. */
class Earlier {
  words = new Int32Array(FIRST_WORDS);
  /** Row of each, and where its words begin; where the last ones end is behind them. */
  rows = new Uint32Array(FIRST_ROWS);
  starts = new Uint32Array(FIRST_ROWS + 1);
  count = 0;

  add(row: number, chunk: Int32Array, from: number, size: number): void {
    const { count } = this;
    const at = this.starts[count]!;
    if (count + 1 > this.rows.length) {
      this.rows = grown(this.rows, count * 2);
      this.starts = grown(this.starts, count * 2 + 1);
    }
    if (at + size > this.words.length) this.words = grown(this.words, Math.ceil((at + size) * GROWTH));
    const { words } = this;
    for (let word = 0; word < size; word++) words[at + word] = chunk[from + word]!;
    this.rows[count] = row;
    this.starts[count + 1] = at + size;
    this.count = count + 1;
  }
}

/**
 * The sockets of one group in the kernel's order, and what the last sample changed. A row is a socket's place in that
 * order; a slot is where the socket is kept, which stays.
 */
export class ImageGroup implements GroupKey {
  readonly place: number;
  readonly dump: number;
  readonly family: number;
  /** Sockets of the last sample, and of the one before. */
  count = 0;
  previousCount = 0;
  /** The slot of each row. */
  order = new Uint32Array(FIRST_ROWS);
  /** The row of the sample before that each row continues; -1 for a new socket. */
  sources = new Int32Array(FIRST_ROWS);
  /** Rows that are new, or whose message has another length. */
  whole: number[] = [];
  /** How the rows were whose words have changed. */
  readonly earlier = new Earlier();
  /** Whether `sources` rises, so that no socket has moved. */
  isRising = true;

  readonly #inodes: InodeChanges;
  readonly #ages: boolean;
  #previousOrder = new Uint32Array(FIRST_ROWS);
  #generation = 0;
  #at = 0;
  #lastSource = -1;
  #chunks: Int32Array[] = [];
  /** Words of the last chunk that are taken. */
  #chunkUsed = 0;
  /** Words of all chunks, and of all messages. */
  #roomWords = 0;
  #usedWords = 0;
  /** Free room by its words, and free slots. */
  readonly #freeRoom = new Map<number, number[]>();
  readonly #freeSlots: number[] = [];
  #slots = 0;
  readonly #byKey = new Map<number, number>();
  /** Of each slot: the socket's key and inode, where its words are, bytes of its message, where tcp_info begins. */
  #keys = new Float64Array(FIRST_ROWS);
  #inodeOf = new Uint32Array(FIRST_ROWS);
  #starts = new Uint32Array(FIRST_ROWS);
  #lengths = new Uint32Array(FIRST_ROWS);
  #infoAt = new Uint16Array(FIRST_ROWS);
  #seen = new Uint32Array(FIRST_ROWS);
  /** Row of each slot in the previous order. */
  #rows = new Uint32Array(FIRST_ROWS);

  constructor({ place, dump, family }: GroupKey, inodes: InodeChanges) {
    this.place = place;
    this.dump = dump;
    this.family = family;
    this.#ages = hasAges({ family });
    this.#inodes = inodes;
  }

  /** Bytes of the message of a row. */
  length(row: number): number {
    return this.#lengths[this.order[row]!]!;
  }

  /** Index of struct tcp_info in the message of a row; 0 if it has none. */
  infoAt(row: number): number {
    return this.#infoAt[this.order[row]!]!;
  }

  /** The words in which the message of a row is, from {@link wordsFrom} on. */
  words(row: number): Int32Array {
    return this.#chunks[this.#starts[this.order[row]!]! >>> CHUNK_BITS]!;
  }

  wordsFrom(row: number): number {
    return this.#starts[this.order[row]!]! & CHUNK_MASK;
  }

  /** Begins the next sample. */
  begin(): void {
    [this.order, this.#previousOrder] = [this.#previousOrder, this.order];
    this.previousCount = this.count;
    this.count = 0;
    this.#generation++;
    this.#at = 0;
    this.#lastSource = -1;
    this.isRising = true;
    this.whole = [];
    this.earlier.count = 0;
  }

  /**
   * Adds a message to the sample. Its words are changed in place: ages become times.
   *
   * @param key the socket's cookie, or another number that no other socket of the group has; 0 if there is none
   * @param from index of its first word
   * @param length its bytes
   * @param nowMs when it was read, in milliseconds since boot
   * @returns whether the socket is new, or has another inode than before
   */
  add(key: number, inode: number, words: Words, from: number, length: number, nowMs: number): boolean {
    const size = (length + WORD - 1) >>> 2;
    if (size > CHUNK_MASK) return false;
    if ((length & 3) !== 0)
      words[from + size - 1] = words[from + size - 1]! & ((1 << (8 * (length & 3))) - 1);
    let info = 0;
    if (this.#ages && size >= HEAD) {
      if (hasTimer(words[from]!)) words[from + EXPIRES] = words[from + EXPIRES]! + nowMs;
      info = isListener(words[from]!) ? 0 : findInfo(words, from, from + size);
      if (info !== 0)
        for (const age of AGES) words[from + info + age] = (nowMs - words[from + info + age]!) & -TICK_MS;
    }
    const row = this.count++;
    if (row >= this.order.length) this.order = grown(this.order, row * 2);
    if (row >= this.sources.length) this.sources = grown(this.sources, row * 2);
    const slot = this.#find(key);
    if (slot < 0) {
      this.sources[row] = -1;
      this.order[row] = this.#create(key, inode, words, from, size, length, info);
      this.whole.push(row);
      return true;
    }
    const source = this.#rows[slot]!;
    this.sources[row] = source;
    if (source < this.#lastSource) this.isRising = false;
    this.#lastSource = source;
    this.order[row] = slot;
    this.#seen[slot] = this.#generation;
    const isOther = this.#inodeOf[slot] !== inode;
    if (isOther) {
      this.#inodes.vanished.push(this.#inodeOf[slot]!);
      this.#inodes.appeared.push(inode);
      this.#inodeOf[slot] = inode;
    }
    if (this.#lengths[slot] !== length) {
      this.#release(slot);
      this.#keep(slot, words, from, size, length, info);
      this.whole.push(row);
      return isOther;
    }
    const start = this.#starts[slot]!;
    const chunk = this.#chunks[start >>> CHUNK_BITS]!;
    const at = start & CHUNK_MASK;
    if (this.#ages && size >= HEAD) {
      if (hasTimer(words[from]!) && hasTimer(chunk[at]!)) settle(words, from + EXPIRES, chunk, at + EXPIRES);
      if (info !== 0 && info === this.#infoAt[slot])
        for (const age of AGES) settle(words, from + info + age, chunk, at + info + age);
      this.#infoAt[slot] = info;
    }
    let word = 0;
    while (word < size && chunk[at + word] === (words[from + word]! | 0)) word++;
    if (word === size) return isOther;
    this.earlier.add(row, chunk, at, size);
    for (; word < size; word++) chunk[at + word] = words[from + word]!;
    return isOther;
  }

  /** Whether the last sample has a socket. */
  has(key: number): boolean {
    return this.#byKey.has(key);
  }

  /** Ends the sample: sockets that were not added are gone. */
  end(): void {
    for (let row = 0; row < this.previousCount; row++) {
      const slot = this.#previousOrder[row]!;
      if (this.#seen[slot] === this.#generation) continue;
      this.#release(slot);
      this.#freeSlots.push(slot);
      this.#inodes.vanished.push(this.#inodeOf[slot]!);
      const key = this.#keys[slot]!;
      if (this.#byKey.get(key) === slot) this.#byKey.delete(key);
    }
    for (let row = 0; row < this.count; row++) this.#rows[this.order[row]!] = row;
    if (this.#roomWords > MOST_CHUNK_WORDS && this.#usedWords < this.#roomWords / 4) this.#compact();
  }

  /** The slot of a socket that the sample does not have yet; -1 if there is none. */
  #find(key: number): number {
    if (key === 0) return -1;
    const order = this.#previousOrder;
    const end = Math.min(this.previousCount, this.#at + AHEAD);
    for (let row = this.#at; row < end; row++) {
      const slot = order[row]!;
      if (this.#keys[slot] !== key || this.#seen[slot] === this.#generation) continue;
      this.#at = row + 1;
      return slot;
    }
    const slot = this.#byKey.get(key);
    if (slot === undefined || this.#seen[slot] === this.#generation) return -1;
    this.#at = this.#rows[slot]! + 1;
    return slot;
  }

  #create(
    key: number,
    inode: number,
    words: Words,
    from: number,
    size: number,
    length: number,
    info: number,
  ): number {
    const slot = this.#freeSlots.pop() ?? this.#slots++;
    if (slot >= this.#keys.length) this.#growSlots(slot * 2);
    this.#keys[slot] = key;
    this.#inodeOf[slot] = inode;
    this.#seen[slot] = this.#generation;
    if (key !== 0 && !this.#byKey.has(key)) this.#byKey.set(key, slot);
    this.#inodes.appeared.push(inode);
    this.#keep(slot, words, from, size, length, info);
    return slot;
  }

  #keep(slot: number, words: Words, from: number, size: number, length: number, info: number): void {
    const start = this.#freeRoom.get(size)?.pop() ?? this.#newRoom(size);
    const chunk = this.#chunks[start >>> CHUNK_BITS]!;
    const at = start & CHUNK_MASK;
    for (let word = 0; word < size; word++) chunk[at + word] = words[from + word]!;
    this.#usedWords += size;
    this.#starts[slot] = start;
    this.#lengths[slot] = length;
    this.#infoAt[slot] = info;
  }

  /** Gives memory back after most sockets have gone. */
  #compact(): void {
    const chunks = this.#chunks;
    this.#chunks = [];
    this.#chunkUsed = 0;
    this.#roomWords = 0;
    this.#usedWords = 0;
    this.#freeRoom.clear();
    for (let row = 0; row < this.count; row++) {
      const slot = this.order[row]!;
      const start = this.#starts[slot]!;
      const length = this.#lengths[slot]!;
      const size = (length + WORD - 1) >>> 2;
      const chunk = chunks[start >>> CHUNK_BITS]!;
      this.#keep(slot, chunk, start & CHUNK_MASK, size, length, this.#infoAt[slot]!);
    }
  }

  #newRoom(size: number): number {
    if (this.#chunkUsed + size > (this.#chunks.at(-1)?.length ?? 0)) {
      const wanted = Math.max(size, LEAST_CHUNK_WORDS, this.#roomWords);
      const chunk = new Int32Array(Math.min(MOST_CHUNK_WORDS, wanted));
      this.#chunks.push(chunk);
      this.#chunkUsed = 0;
      this.#roomWords += chunk.length;
    }
    const start = ((this.#chunks.length - 1) << CHUNK_BITS) | this.#chunkUsed;
    this.#chunkUsed += size;
    return start >>> 0;
  }

  #release(slot: number): void {
    const size = (this.#lengths[slot]! + WORD - 1) >>> 2;
    this.#usedWords -= size;
    const free = this.#freeRoom.get(size);
    if (free === undefined) this.#freeRoom.set(size, [this.#starts[slot]!]);
    else free.push(this.#starts[slot]!);
  }

  #growSlots(length: number): void {
    this.#keys = grown(this.#keys, length);
    this.#inodeOf = grown(this.#inodeOf, length);
    this.#starts = grown(this.#starts, length);
    this.#lengths = grown(this.#lengths, length);
    this.#infoAt = grown(this.#infoAt, length);
    this.#seen = grown(this.#seen, length);
    this.#rows = grown(this.#rows, length);
  }
}

/** Keeps the earlier reading of a time where a new one means the same moment. */
function settle(words: Words, at: number, earlier: Int32Array, earlierAt: number): void {
  const known = earlier[earlierAt]!;
  const apart = difference(words[at]!, known);
  if (apart <= SAME_MS && apart >= -SAME_MS) words[at] = known;
}

/** Inodes of sockets that came and went; 0 for sockets without one. An inode may be in both lists. */
export interface InodeChanges {
  appeared: number[];
  vanished: number[];
}

/** The sockets of a host. */
export class SocketImage {
  readonly #groups = new Map<string, ImageGroup>();
  /** What the last sample changed. */
  readonly inodes: InodeChanges = { appeared: [], vanished: [] };

  /** Begins the next sample. */
  begin(): void {
    this.inodes.appeared = [];
    this.inodes.vanished = [];
    for (const [name, group] of this.#groups)
      if (group.count === 0) this.#groups.delete(name);
      else group.begin();
  }

  /** The group of a key, to add messages to. */
  group(key: GroupKey): ImageGroup {
    const name = groupName(key);
    let group = this.#groups.get(name);
    if (group === undefined) {
      group = new ImageGroup(key, this.inodes);
      this.#groups.set(name, group);
      group.begin();
    }
    return group;
  }

  /** The group of a key, if the last sample has it. */
  find(key: GroupKey): ImageGroup | undefined {
    return this.#groups.get(groupName(key));
  }

  /** Ends the sample. */
  end(): void {
    for (const group of this.#groups.values()) group.end();
  }

  /** The groups of the last sample. */
  get groups(): Image {
    return this.#groups;
  }
}
