/**
 * Samples as differences: which sockets came, went and moved, and of those that changed the words that did, column by
 * column. A column is written as its difference to what another column of the same sockets foretells, where that is
 * smaller: counters of one socket rise together, and times are close to the time of the sample.
 */
import { type Image, type ImageGroup, infoAges, toTick } from "./image.ts";
import type { ByteSink } from "./numbers.ts";

/** Most sockets of one group, and most words of one message, that a file may claim. */
export const sampleLimits = { sockets: 1 << 24, words: 1 << 14, groups: 1 << 16 } as const;

/** The rows that keep their order: a longest rising subsequence of their sources. */
function keptRows({ sources, count, isRising }: ImageGroup): Uint8Array {
  const kept = new Uint8Array(count);
  if (isRising) {
    for (let row = 0; row < count; row++) if (sources[row]! >= 0) kept[row] = 1;
    return kept;
  }
  /** The row that ends the best sequence of each length. */
  const ends: number[] = [];
  const before = new Int32Array(count).fill(-1);
  for (let row = 0; row < count; row++) {
    const source = sources[row]!;
    if (source < 0) continue;
    let low = ends.length;
    if (low > 0 && sources[ends[low - 1]!]! >= source) {
      low = 0;
      for (let high = ends.length - 1; low < high; ) {
        const middle = (low + high) >>> 1;
        if (sources[ends[middle]!]! < source) low = middle + 1;
        else high = middle;
      }
    }
    if (low > 0) before[row] = ends[low - 1]!;
    ends[low] = row;
  }
  for (let row = ends.at(-1) ?? -1; row >= 0; row = before[row]!) kept[row] = 1;
  return kept;
}

/** Writes whole messages: their lengths, then for each length the bytes of all words, plane by plane. */
function encodeWhole(sink: ByteSink, group: ImageGroup, rows: readonly number[]): void {
  const sizes = new Map<number, number[]>();
  for (const row of rows) {
    const length = group.length(row);
    sink.unsigned(length);
    const size = (length + 3) >>> 2;
    const same = sizes.get(size);
    if (same === undefined) sizes.set(size, [row]);
    else same.push(row);
  }
  for (const [size, same] of sizes)
    sink.planes(same.length * size * 4, (bytes, at) => {
      const { length } = same;
      for (const [index, row] of same.entries()) {
        const words = group.words(row);
        const from = group.wordsFrom(row);
        for (let word = 0; word < size; word++) {
          const value = words[from + word]!;
          const plane = at + word * 4 * length + index;
          bytes[plane] = value;
          bytes[plane + length] = value >>> 8;
          bytes[plane + 2 * length] = value >>> 16;
          bytes[plane + 3 * length] = value >>> 24;
        }
      }
    });
}

/** How the values of a column are written. The names are what each value is a difference to. */
export const prediction = {
  /** Its own earlier value. */
  own: 0,
  /** Its earlier value, moved as far as another column moved. */
  move: 1,
  /** The value of another column. */
  value: 2,
  /** The time of the sample. */
  now: 3,
  /** The later of the times of two other columns. */
  later: 4,
} as const;

/** A way to write a column: a number of {@link prediction}, and the columns that it reads. */
export interface Choice {
  readonly kind: number;
  readonly first: number;
  readonly second: number;
}

/** The way that every column can be written. */
export const ownValue: Choice = { kind: prediction.own, first: 0, second: 0 };

/** What is foretold of a word. @param at where the messages begin in the words */
function foretold(
  { kind, first, second }: Choice,
  word: number,
  before: ArrayLike<number>,
  beforeAt: number,
  now: ArrayLike<number>,
  nowAt: number,
  nowMs: number,
): number {
  switch (kind) {
    case prediction.move:
      return (before[beforeAt + word]! + now[nowAt + first]! - before[beforeAt + first]!) | 0;
    case prediction.value:
      return now[nowAt + first]! | 0;
    case prediction.now:
      return nowMs;
    case prediction.later: {
      const one = now[nowAt + first]! | 0;
      const other = now[nowAt + second]! | 0;
      return ((one - other) | 0) > 0 ? one : other;
    }
    default:
      return before[beforeAt + word]! | 0;
  }
}

/** Rows that are tried to choose how a column is written. */
const TRIED_ROWS = 24;
/** A way must be this much shorter than the column's own difference: it may be worse for other rows. */
const WORTH = 0.9;

/** The changed messages of a group: how they were, and how they are. */
class Changes {
  readonly group: ImageGroup;
  readonly nowMs: number;
  /** Of each word that changed in any message, the indices of these messages. */
  readonly columns: number[][] = [];

  constructor(group: ImageGroup, nowMs: number) {
    this.group = group;
    this.nowMs = nowMs | 0;
  }

  /** The number that stands for a word. */
  residual(index: number, word: number, choice: Choice): number {
    const { group, nowMs } = this;
    const { rows, starts, words } = group.earlier;
    const row = rows[index]!;
    const now = group.words(row);
    const nowAt = group.wordsFrom(row);
    return (now[nowAt + word]! - foretold(choice, word, words, starts[index]!, now, nowAt, nowMs)) | 0;
  }

  /** Bits that some values of a column take. */
  #cost(tried: readonly number[], word: number, choice: Choice): number {
    let bits = 0;
    for (const index of tried) {
      const value = this.residual(index, word, choice);
      bits += 32 - Math.clz32((value << 1) ^ (value >> 31));
    }
    return bits;
  }

  /** The shortest way to write a column. @param others the columns before it, which every message has that has it */
  choose(word: number, others: readonly number[]): Choice {
    const column = this.columns[word]!;
    const step = Math.max(1, Math.floor(column.length / TRIED_ROWS));
    const tried: number[] = [];
    for (let at = 0; at < column.length && tried.length < TRIED_ROWS; at += step) tried.push(column[at]!);
    let best = ownValue;
    let least = this.#cost(tried, word, ownValue) * WORTH;
    const offer = (choice: Choice) => {
      if (least === 0) return;
      const bits = this.#cost(tried, word, choice);
      if (bits >= least) return;
      best = choice;
      least = bits;
    };
    const infoAt = this.group.infoAt(this.group.earlier.rows[tried[0]!]!);
    offer({ kind: prediction.now, first: 0, second: 0 });
    if (infoAt > 0 && word === infoAt + infoAges.acknowledged) {
      const { sent, received } = infoAges;
      offer({ kind: prediction.later, first: infoAt + sent, second: infoAt + received });
    }
    for (const first of others) {
      offer({ kind: prediction.move, first, second: 0 });
      offer({ kind: prediction.value, first, second: 0 });
    }
    return best;
  }
}

/** Patterns that are remembered from sample to sample: with more, a group begins anew. */
const PATTERNS_LIMIT = 4096;

/** Numbers the sets of words that changed together, from the last whole sample on. */
class Patterns {
  readonly distinct: number[][] = [];
  readonly #byHash = new Map<number, number>();

  /** @returns the number of a pattern; the same pattern may get another number if hashes collide */
  numberOf(pattern: readonly number[], hash: number): number {
    const known = this.#byHash.get(hash);
    if (known !== undefined) {
      const found = this.distinct[known]!;
      if (found.length === pattern.length && found.every((word, index) => word === pattern[index]))
        return known;
    }
    const number = this.distinct.push(pattern.slice()) - 1;
    this.#byHash.set(hash, number);
    return number;
  }
}

const HASH_FACTOR = 0x0100_0193;

/** The patterns of each group: its reader knows those of the samples before. */
const patternsOf = new WeakMap<ImageGroup, Patterns>();

/** Writes the changed words: the patterns, which of them each row has, then the numbers word by word. */
function encodeChanges(sink: ByteSink, group: ImageGroup, nowMs: number): void {
  const { rows, starts, words, count } = group.earlier;
  sink.rising(rows.subarray(0, count));
  const changes = new Changes(group, nowMs);
  const { columns } = changes;
  const known = patternsOf.get(group);
  const isNew = known === undefined || known.distinct.length > PATTERNS_LIMIT;
  const patterns = isNew ? new Patterns() : known;
  patternsOf.set(group, patterns);
  const old = patterns.distinct.length;
  const numbers = new Uint32Array(count);
  const pattern: number[] = [];
  for (let index = 0; index < count; index++) {
    const row = rows[index]!;
    const now = group.words(row);
    const nowAt = group.wordsFrom(row);
    const from = starts[index]!;
    const size = starts[index + 1]! - from;
    let hash = 0;
    pattern.length = 0;
    for (let word = 0; word < size; word++) {
      if (now[nowAt + word] === words[from + word]) continue;
      pattern.push(word);
      hash = Math.imul(hash ^ word, HASH_FACTOR);
      const column = columns[word];
      if (column === undefined) columns[word] = [index];
      else column.push(index);
    }
    numbers[index] = patterns.numberOf(pattern, hash);
  }
  sink.unsigned(old);
  sink.unsigned(patterns.distinct.length - old);
  for (const each of patterns.distinct.slice(old)) sink.rising(each);
  for (const number of numbers) sink.unsigned(number);
  const others: number[] = [];
  columns.forEach((column, word) => {
    const choice = changes.choose(word, others);
    sink.unsigned(choice.kind);
    if (choice.kind !== prediction.own && choice.kind !== prediction.now) sink.unsigned(choice.first);
    if (choice.kind === prediction.later) sink.unsigned(choice.second);
    for (const index of column) sink.signed(changes.residual(index, word, choice));
    others.push(word);
  });
}

/** The versions of what is in a sample: the first wrote every column as the difference to its own earlier value. */
export const sampleFormats = { first: 1, current: 2 } as const;

/** Counts of one encoded image. */
export interface EncodedCounts {
  readonly sockets: number;
  /** Sockets that are new, or changed in any word. */
  readonly changed: number;
}

/**
 * Writes the last sample of an image.
 *
 * @param whole whether to write all sockets; if not, what changed since the sample before
 * @param nowMs about when it was taken, in milliseconds since boot
 */
export function encodeImage(sink: ByteSink, image: Image, whole: boolean, nowMs: number): EncodedCounts {
  let sockets = 0;
  let changed = 0;
  const time = toTick(nowMs);
  const groups = [...image.values()].filter(({ count }) => count > 0);
  sink.unsigned(time);
  sink.unsigned(groups.length);
  for (const group of groups) {
    const { count, sources, previousCount } = group;
    sink.unsigned(group.place);
    sink.unsigned(group.dump);
    sink.unsigned(group.family);
    sink.unsigned(count);
    sockets += count;
    // A group without sockets is not written, so that for the reader there was none.
    if (whole || previousCount === 0) {
      const all = Array.from({ length: count }, (_, row) => row);
      sink.rising([]);
      sink.rising(all);
      for (let row = 0; row < count; row++) sink.unsigned(0);
      sink.rising([]);
      encodeWhole(sink, group, all);
      patternsOf.delete(group);
      changed += count;
      continue;
    }
    const kept = keptRows(group);
    const stays = new Uint8Array(previousCount);
    const inserted: number[] = [];
    for (let row = 0; row < count; row++)
      if (kept[row] === 1) stays[sources[row]!] = 1;
      else inserted.push(row);
    const removed: number[] = [];
    for (let row = 0; row < previousCount; row++) if (stays[row] === 0) removed.push(row);
    sink.rising(removed);
    sink.rising(inserted);
    for (const row of inserted) sink.unsigned(sources[row]! + 1);
    sink.rising(group.whole.filter((row) => sources[row]! >= 0));
    encodeWhole(sink, group, group.whole);
    encodeChanges(sink, group, time);
    changed += group.whole.length + group.earlier.count;
  }
  return { sockets, changed };
}
