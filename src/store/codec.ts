/**
 * Samples as differences: which sockets came, went and moved, and of those that changed the words that did, column by
 * column, so that equal changes stand beside each other for the compression that follows.
 */
import { StoreError } from "./error.ts";
import { type Group, type GroupKey, groupName, hasAges, type Image, settleTimes } from "./image.ts";
import type { ByteSink, ByteSource } from "./numbers.ts";

/** Most sockets of one group, and most words of one message, that a file may claim. */
export const sampleLimits = { sockets: 1 << 24, words: 1 << 14, groups: 1 << 16 } as const;

/** How far ahead a socket is looked for before all are indexed: as many as may have gone in a row. */
const AHEAD = 8;

/** The row of the earlier image that each row continues; -1 for a new socket. */
function matchRows(previous: Group | undefined, next: Group): Int32Array {
  const sources = new Int32Array(next.count).fill(-1);
  if (previous === undefined) return sources;
  let index: Map<number, number> | undefined;
  const used = new Uint8Array(previous.count);
  const indexed = (): Map<number, number> => {
    const map = new Map<number, number>();
    for (let row = previous.count - 1; row >= 0; row--) map.set(previous.keys[row]!, row);
    return map;
  };
  let at = 0;
  for (let row = 0; row < next.count; row++) {
    const key = next.keys[row]!;
    if (key === 0) continue;
    let found = -1;
    for (let ahead = at; ahead < previous.count && ahead < at + AHEAD; ahead++)
      if (previous.keys[ahead] === key) {
        found = ahead;
        break;
      }
    if (found < 0) {
      index ??= indexed();
      found = index.get(key) ?? -1;
    }
    if (found < 0 || used[found] === 1) continue;
    used[found] = 1;
    sources[row] = found;
    at = found + 1;
  }
  return sources;
}

/** The rows that keep their order: a longest rising subsequence of their sources. */
function keptRows(sources: Int32Array): Uint8Array {
  const kept = new Uint8Array(sources.length);
  /** The row that ends the best sequence of each length. */
  const ends: number[] = [];
  const before = new Int32Array(sources.length).fill(-1);
  for (let row = 0; row < sources.length; row++) {
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

/** Which rows of a group are written whole, and which words of the others changed. */
interface Differences {
  /** Rows that continue a socket, and are written whole all the same: their length differs. */
  readonly reshaped: number[];
  readonly whole: number[];
  readonly changed: number[];
  /** Of each changed row, the indices of the changed words. */
  readonly patterns: number[][];
}

function findDifferences(previous: Group | undefined, next: Group, sources: Int32Array): Differences {
  const found: Differences = { reshaped: [], whole: [], changed: [], patterns: [] };
  const ages = hasAges(next);
  for (let row = 0; row < next.count; row++) {
    const source = sources[row]!;
    if (source < 0 || previous === undefined) {
      found.whole.push(row);
      continue;
    }
    if (previous.lengths[source] !== next.lengths[row]) {
      found.reshaped.push(row);
      found.whole.push(row);
      continue;
    }
    if (ages) settleTimes(next, row, previous, source);
    const from = next.starts[row]!;
    const size = next.starts[row + 1]! - from;
    const earlier = previous.starts[source]!;
    let pattern: number[] | undefined;
    for (let word = 0; word < size; word++)
      if (next.words[from + word] !== previous.words[earlier + word]) {
        pattern ??= [];
        pattern.push(word);
      }
    if (pattern === undefined) continue;
    found.changed.push(row);
    found.patterns.push(pattern);
  }
  return found;
}

/** Writes whole messages: their lengths, then for each length the bytes of all words, plane by plane. */
function encodeWhole(sink: ByteSink, { words, starts, lengths }: Group, rows: readonly number[]): void {
  const sizes = new Map<number, number[]>();
  for (const row of rows) {
    sink.unsigned(lengths[row]!);
    const size = starts[row + 1]! - starts[row]!;
    const same = sizes.get(size);
    if (same === undefined) sizes.set(size, [row]);
    else same.push(row);
  }
  for (const [size, same] of sizes)
    for (let word = 0; word < size; word++)
      for (let shift = 0; shift < 32; shift += 8)
        for (const row of same) sink.byte((words[starts[row]! + word]! >>> shift) & 0xff);
}

/** Writes the changed words: the patterns, which of them each row has, then the differences word by word. */
function encodeChanges(
  sink: ByteSink,
  previous: Group,
  next: Group,
  sources: Int32Array,
  { changed, patterns }: Differences,
): void {
  sink.rising(changed);
  const known = new Map<string, number>();
  const numbers: number[] = [];
  const distinct: number[][] = [];
  const columns: number[][] = [];
  for (let index = 0; index < changed.length; index++) {
    const pattern = patterns[index]!;
    const name = pattern.join();
    let number = known.get(name);
    if (number === undefined) {
      number = distinct.push(pattern) - 1;
      known.set(name, number);
    }
    numbers.push(number);
    const row = changed[index]!;
    const from = next.starts[row]!;
    const earlier = previous.starts[sources[row]!]!;
    for (const word of pattern) {
      columns[word] ??= [];
      columns[word].push((next.words[from + word]! - previous.words[earlier + word]!) | 0);
    }
  }
  sink.unsigned(distinct.length);
  for (const pattern of distinct) sink.rising(pattern);
  for (const number of numbers) sink.unsigned(number);
  for (const column of columns) for (const value of column ?? []) sink.signed(value);
}

/** Counts of one encoded image. */
export interface EncodedCounts {
  readonly sockets: number;
  /** Sockets that are new, or changed in any word. */
  readonly changed: number;
}

/** Writes an image as its difference to an earlier one, or whole if there is none. */
export function encodeImage(sink: ByteSink, previous: Image | undefined, next: Image): EncodedCounts {
  let sockets = 0;
  let changed = 0;
  const groups = [...next.values()].filter(({ count }) => count > 0);
  sink.unsigned(groups.length);
  for (const group of groups) {
    const earlier = previous?.get(groupName(group));
    // A group without sockets is not written, so that for the reader there was none.
    const before = earlier?.count === 0 ? undefined : earlier;
    const sources = matchRows(before, group);
    const kept = keptRows(sources);
    const staying = new Set<number>();
    const inserted: number[] = [];
    for (let row = 0; row < group.count; row++)
      if (kept[row] === 1) staying.add(sources[row]!);
      else inserted.push(row);
    const removed: number[] = [];
    for (let row = 0; row < (before?.count ?? 0); row++) if (!staying.has(row)) removed.push(row);
    const differences = findDifferences(before, group, sources);
    sink.unsigned(group.place);
    sink.unsigned(group.dump);
    sink.unsigned(group.family);
    sink.unsigned(group.count);
    sink.rising(removed);
    sink.rising(inserted);
    for (const row of inserted) sink.unsigned(sources[row]! + 1);
    sink.rising(differences.reshaped);
    encodeWhole(sink, group, differences.whole);
    if (before !== undefined) encodeChanges(sink, before, group, sources, differences);
    sockets += group.count;
    changed += differences.whole.length + differences.changed.length;
  }
  return { sockets, changed };
}

/** A message as it was stored: ages are still times. */
export interface StoredMessage {
  readonly words: Uint32Array;
  /** Bytes of the message. */
  readonly length: number;
}

/** The sockets of a group, decoded. */
export interface DecodedGroup extends GroupKey {
  readonly messages: readonly StoredMessage[];
}

/** A decoded image, by {@link groupName}. */
export type DecodedImage = ReadonlyMap<string, DecodedGroup>;

function decodeWhole(source: ByteSource, count: number): StoredMessage[] {
  const messages: { words: Uint32Array; readonly length: number }[] = [];
  const sizes = new Map<number, number[]>();
  let total = 0;
  for (let index = 0; index < count; index++) {
    const length = source.atMost(sampleLimits.words * 4);
    const size = (length + 3) >>> 2;
    total += size * 4;
    if (total > source.left) throw new StoreError("a sample ends too early");
    messages.push({ words: noWords, length });
    const same = sizes.get(size);
    if (same === undefined) sizes.set(size, [index]);
    else same.push(index);
  }
  for (const [size, same] of sizes) {
    // Messages of one length stand in one array, byte plane by byte plane.
    const all = new Uint32Array(size * same.length);
    source.planes(new Uint8Array(all.buffer), size * 4, same.length);
    same.forEach((index, at) => {
      messages[index]!.words = all.subarray(at * size, (at + 1) * size);
    });
  }
  return messages;
}

const noWords = new Uint32Array(0);

function decodeChanges(source: ByteSource, messages: readonly StoredMessage[]): void {
  const changed = source.rising(messages.length);
  const patterns = Array.from({ length: source.atMost(changed.length) }, () =>
    source.rising(sampleLimits.words),
  );
  const columns: Uint32Array[][] = [];
  for (const row of changed) {
    const pattern = patterns[source.atMost(patterns.length - 1)]!;
    const { words } = messages[row]!;
    if ((pattern.at(-1) ?? 0) >= words.length)
      throw new StoreError("a sample changes a word beyond the end of a message");
    for (let index = 0; index < pattern.length; index++) {
      const word = pattern[index]!;
      const column = columns[word];
      if (column === undefined) columns[word] = [words];
      else column.push(words);
    }
  }
  for (let word = 0; word < columns.length; word++) {
    const column = columns[word];
    if (column !== undefined) source.addSigned(column, word);
  }
}

/**
 * Reads an image.
 *
 * @param previous the image that it was written as a difference to. It goes into the new one, and must not be used again
 * @throws StoreError
 */
export function decodeImage(source: ByteSource, previous: DecodedImage | undefined): DecodedImage {
  const image = new Map<string, DecodedGroup>();
  for (let groups = source.atMost(sampleLimits.groups); groups > 0; groups--) {
    const place = source.unsigned();
    const dump = source.unsigned();
    const family = source.unsigned();
    const key = { place, dump, family };
    const before = previous?.get(groupName(key));
    const earlier = before?.messages ?? [];
    const count = source.atMost(sampleLimits.sockets);
    const removed = new Set(source.rising(earlier.length));
    const inserted = source.rising(count);
    if (earlier.length - removed.size + inserted.length !== count)
      throw new StoreError("a sample has another number of sockets than it says");
    const messages: (StoredMessage | undefined)[] = new Array(count);
    const isInserted = new Uint8Array(count);
    for (const row of inserted) {
      const from = source.atMost(earlier.length);
      if (from > 0) messages[row] = earlier[from - 1]!;
      isInserted[row] = 1;
    }
    let at = 0;
    for (let row = 0; row < count; row++) {
      if (isInserted[row] === 1) continue;
      while (removed.has(at)) at++;
      messages[row] = earlier[at++]!;
    }
    for (const row of source.rising(count)) messages[row] = undefined;
    const missing = Array.from(messages.keys()).filter((row) => messages[row] === undefined);
    const whole = decodeWhole(source, missing.length);
    missing.forEach((row, index) => {
      messages[row] = whole[index]!;
    });
    if (before !== undefined) decodeChanges(source, messages as readonly StoredMessage[]);
    image.set(groupName(key), { ...key, messages: messages as StoredMessage[] });
  }
  return image;
}
