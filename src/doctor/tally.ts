/** Counts by keys of a few 32-bit words, without making strings. */

import { keepOutOfLastTier } from "#libc";

/** One key and its counts; valid until the next one is read. */
export interface Entry {
  /** The words of the key. */
  readonly key: Uint32Array;
  /** Its counts. */
  readonly counts: Uint32Array;
}

/** The share of slots in use at which the table doubles. */
const FULL = 0.6;

/** The largest count. */
const LARGEST = 0xffff_ffff;

/**
 * Finds the slot of a key in a table, and writes the key there if it is new.
 *
 * @param words of a key
 * @param stride words of a slot
 * @param from the key, from word `offset` on
 * @returns where in the table the slot begins
 */
function find(table: Uint32Array, words: number, stride: number, from: Uint32Array, offset: number): number {
  const slots = table.length / stride;
  let hash = 0x9e37_79b9;
  for (let word = 0; word < words; word++) {
    hash = Math.imul(hash ^ from[offset + word]!, 0x85eb_ca6b);
    hash ^= hash >>> 15;
  }
  for (let slot = hash & (slots - 1); ; slot = (slot + 1) & (slots - 1)) {
    const at = slot * stride;
    if (table[at + words] === 0) {
      for (let word = 0; word < words; word++) table[at + word] = from[offset + word]!;
      return at;
    }
    let same = true;
    for (let word = 0; word < words && same; word++) same = table[at + word] === from[offset + word]!;
    if (same) return at;
  }
}

/** A hash table with open addressing. */
export class Tally {
  readonly #words: number;
  readonly #counters: number;
  readonly #stride: number;
  #slots = 1 << 8;
  #table: Uint32Array;
  #size = 0;
  /** The key to count next: fill it, then call `add`. */
  readonly key: Uint32Array;

  /**
   * @param words of a key
   * @param counters of each key
   */
  constructor(words: number, counters = 1) {
    this.#words = words;
    this.#counters = counters;
    // The first counter is how often the key was added; 0 marks a free slot.
    this.#stride = words + counters;
    this.#table = new Uint32Array(this.#slots * this.#stride);
    this.key = new Uint32Array(words);
  }

  /** How many keys there are. */
  get size(): number {
    return this.#size;
  }

  /**
   * Counts {@link key} once.
   *
   * @param also a second counter to increase
   * @param amount by how much; no counter grows beyond 32 bits
   * @returns how often it has been counted
   */
  add(also = 0, amount = 1): number {
    const at = find(this.#table, this.#words, this.#stride, this.key, 0);
    const counter = at + this.#words;
    const count = ++this.#table[counter]!;
    if (also > 0) this.#table[counter + also] = Math.min(LARGEST, this.#table[counter + also]! + amount);
    if (count === 1 && ++this.#size > this.#slots * FULL) this.#grow();
    return count;
  }

  /** Whether {@link key} has been counted. */
  hasKey(): boolean {
    return this.#table[find(this.#table, this.#words, this.#stride, this.key, 0) + this.#words] !== 0;
  }

  /** Adds to a counter of {@link key}, which must have been counted; no counter grows beyond 32 bits. */
  sum(counter: number, amount: number): void {
    const at = find(this.#table, this.#words, this.#stride, this.key, 0) + this.#words + counter;
    this.#table[at] = Math.min(LARGEST, this.#table[at]! + amount);
  }

  /** Every key with its counts. */
  [Symbol.iterator](): Generator<Entry> {
    return this.atLeast(1);
  }

  /** The keys whose first counter, or the one that `counter` names, has reached `least`, with their counts. */
  *atLeast(least: number, counter = 0): Generator<Entry> {
    for (let slot = 0; slot < this.#slots; slot++) {
      const at = slot * this.#stride;
      const end = at + this.#words;
      if (this.#table[end] !== 0 && this.#table[end + counter]! >= least)
        yield {
          key: this.#table.subarray(at, end),
          counts: this.#table.subarray(end, end + this.#counters),
        };
    }
  }

  #grow(): void {
    const slots = this.#slots * 2;
    const table = new Uint32Array(slots * this.#stride);
    for (let from = 0; from < this.#table.length; from += this.#stride) {
      if (this.#table[from + this.#words] === 0) continue;
      const at = find(table, this.#words, this.#stride, this.#table, from);
      for (let word = this.#words; word < this.#stride; word++) table[at + word] = this.#table[from + word]!;
    }
    this.#slots = slots;
    this.#table = table;
  }
}

keepOutOfLastTier(find, Tally.prototype.add);
