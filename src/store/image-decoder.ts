/**
 * Reads samples back, one after the other. The messages of a group are in one array, and a sample changes them in
 * place: to read the last of a hundred samples costs as much as what changed in them, not as many copies.
 */
import { expectLongRun } from "#libc";
import { type Choice, ownValue, prediction, sampleFormats, sampleLimits } from "./codec.ts";
import { StoreError } from "./error.ts";
import { type GroupKey, groupName } from "./image.ts";
import type { ByteSource } from "./numbers.ts";

/** A message as it was stored: ages are still times. */
export interface StoredMessage {
  readonly words: Uint32Array;
  /** Bytes of the message. */
  readonly length: number;
}

/** The sockets of a group, decoded. */
export interface DecodedGroup extends GroupKey {
  /** In the kernel's order. */
  readonly messages: readonly StoredMessage[];
}

/** A decoded image, by {@link groupName}. */
export type DecodedImage = ReadonlyMap<string, DecodedGroup>;

/** The start of a row whose message the sample has whole. */
const WHOLE = 0xffff_ffff;
const WORD = 4;

function sizeOf(length: number): number {
  return (length + WORD - 1) >>> 2;
}

function decodeChoice(source: ByteSource, word: number): Choice {
  const kind = source.atMost(prediction.later);
  if (kind === prediction.own || kind === prediction.now) return { kind, first: 0, second: 0 };
  // Only a column before this one is surely in every message that has it.
  const first = source.atMost(word - 1);
  return { kind, first, second: kind === prediction.later ? source.atMost(word - 1) : 0 };
}

/** The changes of a sample, column by column: which of the changed messages each column is of, and by how much. */
interface Columns {
  /** Where the entries of each word begin; those of the last end behind it. */
  readonly starts: Uint32Array;
  /** Indices among the changed messages, rising within a column. */
  readonly indices: Uint32Array;
  /** What was added to each value; filled in column by column. */
  readonly deltas: Int32Array;
}

/** Sorts the words of changed messages by column. @param numbers the pattern of each changed message */
function columnsOf(
  patterns: readonly Uint32Array[],
  numbers: Uint32Array,
  width: number,
  most: number,
): Columns {
  const uses = new Uint32Array(patterns.length);
  for (let index = 0; index < numbers.length; index++) uses[numbers[index]!]!++;
  const starts = new Uint32Array(width + 1);
  let total = 0;
  for (let number = 0; number < patterns.length; number++) {
    const count = uses[number]!;
    if (count === 0) continue;
    const pattern = patterns[number]!;
    total += count * pattern.length;
    for (let at = 0; at < pattern.length; at++) starts[pattern[at]! + 1]! += count;
  }
  // Each of them takes a byte at least.
  if (total > most) throw new StoreError("a sample ends too early");
  for (let word = 0; word < width; word++) starts[word + 1]! += starts[word]!;
  const next = starts.slice();
  const indices = new Uint32Array(total);
  for (let index = 0; index < numbers.length; index++) {
    const pattern = patterns[numbers[index]!]!;
    for (let at = 0; at < pattern.length; at++) indices[next[pattern[at]!]!++] = index;
  }
  return { starts, indices, deltas: new Int32Array(total) };
}

/** One group from sample to sample. */
class GroupDecoder implements DecodedGroup {
  readonly place: number;
  readonly dump: number;
  readonly family: number;
  #count = 0;
  /** Of each row: where its message is in `#words`, and its bytes. */
  #starts = new Uint32Array(0);
  #lengths = new Uint32Array(0);
  #words = new Int32Array(0);
  #used = 0;
  /** The sets of words that have changed together so far. */
  #patterns: Uint32Array[] = [];
  #messages: StoredMessage[] | undefined;

  constructor({ place, dump, family }: GroupKey) {
    this.place = place;
    this.dump = dump;
    this.family = family;
  }

  get messages(): readonly StoredMessage[] {
    if (this.#messages === undefined) {
      const words = new Uint32Array(this.#words.buffer);
      this.#messages = Array.from(this.#starts, (start, row) => {
        const length = this.#lengths[row]!;
        return { words: words.subarray(start, start + sizeOf(length)), length };
      });
    }
    return this.#messages;
  }

  /** Takes the group's part of a sample. @param isFirst whether the sample before did not have the group */
  read(source: ByteSource, format: number, nowMs: number, isFirst: boolean): void {
    this.#messages = undefined;
    this.#readRows(source);
    if (isFirst) this.#patterns = [];
    else this.#readChanges(source, format, nowMs);
  }

  /** Reads which sockets are gone, new or elsewhere, and the messages that are whole. */
  #readRows(source: ByteSource): void {
    const before = this.#count;
    const count = source.atMost(sampleLimits.sockets);
    const removed = source.rising(before);
    const inserted = source.rising(count);
    if (before - removed.length + inserted.length !== count)
      throw new StoreError("a sample has another number of sockets than it says");
    let wholes = 0;
    if (inserted.length > 0 || removed.length > 0) {
      const starts = new Uint32Array(count);
      const lengths = new Uint32Array(count);
      const isTaken = new Uint8Array(before);
      let next = 0;
      let gone = 0;
      let kept = 0;
      for (let row = 0; row < count; row++) {
        let from: number;
        if (inserted[next] === row) {
          next++;
          from = source.atMost(before) - 1;
        } else {
          for (; removed[gone] === kept; gone++) kept++;
          from = kept++;
        }
        if (from < 0) {
          starts[row] = WHOLE;
          wholes++;
          continue;
        }
        if (isTaken[from] === 1) throw new StoreError("a sample has a socket twice");
        isTaken[from] = 1;
        starts[row] = this.#starts[from]!;
        lengths[row] = this.#lengths[from]!;
      }
      this.#starts = starts;
      this.#lengths = lengths;
    }
    this.#count = count;
    for (const row of source.rising(count)) {
      if (this.#starts[row] !== WHOLE) wholes++;
      this.#starts[row] = WHOLE;
    }
    if (wholes > 0) this.#readWhole(source, wholes);
  }

  /** Reads whole messages: their lengths, then for each size the bytes of all words, plane by plane. */
  #readWhole(source: ByteSource, count: number): void {
    const starts = this.#starts;
    const rowsOfSize = new Map<number, number[]>();
    let total = 0;
    for (let row = 0, left = count; left > 0; row++) {
      if (starts[row] !== WHOLE) continue;
      left--;
      const length = source.atMost(sampleLimits.words * WORD);
      this.#lengths[row] = length;
      const size = sizeOf(length);
      total += size;
      const same = rowsOfSize.get(size);
      if (same === undefined) rowsOfSize.set(size, [row]);
      else same.push(row);
    }
    if (total * WORD > source.left) throw new StoreError("a sample ends too early");
    this.#reserve(total);
    const words = this.#words;
    for (const [size, rows] of rowsOfSize) {
      const { length } = rows;
      const bytes = source.take(length * size * WORD);
      const from = this.#used;
      this.#used += length * size;
      for (let index = 0; index < length; index++) starts[rows[index]!] = from + index * size;
      for (let word = 0; word < size; word++) {
        let plane = word * WORD * length;
        for (let at = from + word; at < this.#used; at += size, plane++)
          words[at] =
            bytes[plane]! |
            (bytes[plane + length]! << 8) |
            (bytes[plane + 2 * length]! << 16) |
            (bytes[plane + 3 * length]! << 24);
      }
    }
  }

  /** Makes room for so many words, and gives up that of messages that are gone. */
  #reserve(count: number): void {
    if (this.#used + count <= this.#words.length) return;
    let live = 0;
    for (let row = 0; row < this.#count; row++)
      if (this.#starts[row] !== WHOLE) live += sizeOf(this.#lengths[row]!);
    // The first sample is most often the largest by far.
    const words = new Int32Array(live === 0 ? count : 2 * (live + count));
    let used = 0;
    for (let row = 0; row < this.#count; row++) {
      const start = this.#starts[row]!;
      if (start === WHOLE) continue;
      const size = sizeOf(this.#lengths[row]!);
      words.set(this.#words.subarray(start, start + size), used);
      this.#starts[row] = used;
      used += size;
    }
    this.#words = words;
    this.#used = used;
  }

  #readChanges(source: ByteSource, format: number, nowMs: number): void {
    const rows = source.rising(this.#count);
    const known = format === sampleFormats.first ? 0 : source.atMost(this.#patterns.length);
    const patterns = this.#patterns.slice(0, known);
    this.#patterns = patterns;
    for (let more = source.atMost(rows.length); more > 0; more--)
      patterns.push(source.rising(sampleLimits.words));
    const ends = Uint32Array.from(patterns, (pattern) => (pattern.at(-1) ?? -1) + 1);
    const numbers = new Uint32Array(rows.length);
    let width = 0;
    for (let index = 0; index < rows.length; index++) {
      const number = source.atMost(patterns.length - 1);
      const end = ends[number]!;
      numbers[index] = number;
      if (end > width) width = end;
      if (end > sizeOf(this.#lengths[rows[index]!]!))
        throw new StoreError("a sample changes a word beyond the end of a message");
    }
    const columns = columnsOf(patterns, numbers, width, source.left);
    // From here on, of each changed message.
    const starts = rows;
    for (let index = 0; index < rows.length; index++) starts[index] = this.#starts[rows[index]!]!;
    for (let word = 0; word < width; word++)
      if (columns.starts[word] !== columns.starts[word + 1]) {
        const choice = format === sampleFormats.first ? ownValue : decodeChoice(source, word);
        this.#readColumn(source, choice, word, columns, starts, nowMs);
      }
  }

  /** Reads the changes of one word. @param places where each changed message is */
  #readColumn(
    source: ByteSource,
    { kind, first, second }: Choice,
    word: number,
    { starts, indices, deltas }: Columns,
    places: Uint32Array,
    nowMs: number,
  ): void {
    const words = this.#words;
    const from = starts[word]!;
    const end = starts[word + 1]!;
    source.signedInto(deltas, from, end);
    switch (kind) {
      case prediction.own:
        for (let at = from; at < end; at++) {
          const place = places[indices[at]!]! + word;
          words[place] = words[place]! + deltas[at]!;
        }
        return;
      case prediction.move: {
        const otherEnd = starts[first + 1]!;
        for (let at = from, other = starts[first]!; at < end; at++) {
          const index = indices[at]!;
          while (other < otherEnd && indices[other]! < index) other++;
          if (other < otherEnd && indices[other] === index) deltas[at] = deltas[at]! + deltas[other]!;
          const place = places[index]! + word;
          words[place] = words[place]! + deltas[at]!;
        }
        return;
      }
      default:
        for (let at = from; at < end; at++) {
          const start = places[indices[at]!]!;
          let expected = nowMs;
          if (kind !== prediction.now) expected = words[start + first]!;
          if (kind === prediction.later) expected = later(expected, words[start + second]!);
          const place = start + word;
          const before = words[place]!;
          words[place] = expected + deltas[at]!;
          deltas[at] = words[place]! - before;
        }
    }
  }
}

/** The later of two times, which wrap. */
function later(one: number, other: number): number {
  return ((one - other) | 0) > 0 ? one : other;
}

/** Bytes of a sample from which on the code that reads it is worth compiling. */
const MANY_BYTES = 1 << 16;

/** Decodes consecutive samples, from a whole one on. */
export class ImageDecoder {
  #groups = new Map<string, GroupDecoder>();

  /** The sockets of the last sample; valid until the next is read. */
  get image(): DecodedImage {
    return this.#groups;
  }

  /**
   * Reads the next sample.
   *
   * @param format one of {@link sampleFormats}
   * @throws StoreError; the image has then parts of two samples
   */
  read(source: ByteSource, format: number = sampleFormats.current): void {
    if (format > sampleFormats.current) throw new StoreError(`a sample has the unknown format ${format}`);
    if (source.left > MANY_BYTES) expectLongRun();
    const before = this.#groups;
    this.#groups = new Map();
    const nowMs = format === sampleFormats.first ? 0 : source.unsigned() | 0;
    for (let groups = source.atMost(sampleLimits.groups); groups > 0; groups--) {
      const place = source.unsigned();
      const dump = source.unsigned();
      const family = source.unsigned();
      const key = { place, dump, family };
      const name = groupName(key);
      const known = before.get(name);
      before.delete(name);
      const group = known ?? new GroupDecoder(key);
      group.read(source, format, nowMs, known === undefined);
      this.#groups.set(name, group);
    }
  }
}
