/** Numbers of variable length: seven bits a byte, lowest first. Bytes are read with limits, as files may be damaged. */
import { StoreError } from "./error.ts";

const CONTINUES = 0x80;
const FIRST_CAPACITY = 1 << 12;
/** Bytes that a sink keeps for its next use: a whole sample takes many times what a difference takes. */
const LONGEST_KEPT = 1 << 21;
/** Bytes by which a sink that is longer than this grows at once. */
const LONGEST_STEP = 1 << 22;

/** Collects bytes and numbers. */
export class ByteSink {
  #bytes = new Uint8Array(FIRST_CAPACITY);
  #length = 0;

  /** Forgets everything, to be filled again. Memory that is seldom needed is given back. */
  clear(): void {
    this.#length = 0;
    if (this.#bytes.length > LONGEST_KEPT) this.#bytes = new Uint8Array(FIRST_CAPACITY);
  }

  /** Everything so far; valid until the next call of any method. */
  get bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  /** Adds a whole number from 0 to 2^53. */
  unsigned(value: number): void {
    if (this.#length + 8 > this.#bytes.length) this.#reserve(8);
    if (value < CONTINUES) {
      this.#bytes[this.#length++] = value;
      return;
    }
    let rest = value;
    while (rest >= CONTINUES) {
      this.#bytes[this.#length++] = (rest % CONTINUES) + CONTINUES;
      rest = Math.floor(rest / CONTINUES);
    }
    this.#bytes[this.#length++] = rest;
  }

  /** Adds a whole number of either sign, up to 2^52. */
  signed(value: number): void {
    this.unsigned(value >= 0 ? value * 2 : -value * 2 - 1);
  }

  /** Adds numbers that rise: their count, the first, then the differences less one. */
  rising(values: ArrayLike<number>): void {
    this.unsigned(values.length);
    let next = 0;
    for (let index = 0; index < values.length; index++) {
      this.unsigned(values[index]! - next);
      next = values[index]! + 1;
    }
  }

  /** Adds bytes. @param fill writes them from a place on */
  planes(count: number, fill: (bytes: Uint8Array, at: number) => void): void {
    this.#reserve(count);
    fill(this.#bytes, this.#length);
    this.#length += count;
  }

  #reserve(count: number): void {
    const needed = this.#length + count;
    if (needed <= this.#bytes.length) return;
    const step = Math.min(this.#bytes.length, LONGEST_STEP);
    const larger = new Uint8Array(Math.max(needed, this.#bytes.length + step));
    larger.set(this.bytes);
    this.#bytes = larger;
  }
}

/** Reads what {@link ByteSink} wrote. Every method throws StoreError if the bytes end too early or make no sense. */
export class ByteSource {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** A whole number from 0 to 2^53. */
  unsigned(): number {
    const first = this.#byte();
    if (first < CONTINUES) return first;
    this.#at--;
    let value = 0;
    for (let factor = 1; factor < 2 ** 56; factor *= CONTINUES) {
      const byte = this.#byte();
      value += (byte % CONTINUES) * factor;
      if (byte < CONTINUES) return value;
    }
    throw new StoreError("a number of a sample has too many digits");
  }

  /** A number that must not exceed a limit: a count, or an index. */
  atMost(limit: number): number {
    const value = this.unsigned();
    if (value > limit) throw new StoreError(`a sample has ${value} where ${limit} is the most`);
    return value;
  }

  /** A whole number of either sign. */
  signed(): number {
    const value = this.unsigned();
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
  }

  /** Numbers that rise, each below a limit of at most 2^32. */
  rising(limit: number): Uint32Array {
    const count = this.atMost(limit);
    // Each takes a byte at least.
    if (count > this.left) throw new StoreError("a sample ends too early");
    const values = new Uint32Array(count);
    let next = 0;
    for (let index = 0; index < count; index++) {
      const value = next + this.unsigned();
      if (value >= limit) throw new StoreError("a sample points beyond its sockets");
      values[index] = value;
      next = value + 1;
    }
    return values;
  }

  /** Numbers of either sign, modulo 2^32. @param values is filled from one index up to another */
  signedInto(values: Int32Array, from: number, end: number): void {
    const bytes = this.#bytes;
    let at = this.#at;
    for (let index = from; index < end; index++) {
      // Most numbers are short; beyond the end of the bytes there is no short one.
      const first = bytes[at] ?? CONTINUES;
      if (first < CONTINUES) {
        values[index] = (first >>> 1) ^ -(first & 1);
        at++;
        continue;
      }
      const second = bytes[at + 1] ?? CONTINUES;
      if (second < CONTINUES) {
        const value = (first & ~CONTINUES) | (second << 7);
        values[index] = (value >>> 1) ^ -(value & 1);
        at += 2;
        continue;
      }
      this.#at = at;
      values[index] = this.signed();
      at = this.#at;
    }
    this.#at = at;
  }

  /** So many bytes. */
  take(count: number): Uint8Array {
    if (count > this.left) throw new StoreError("a sample ends too early");
    this.#at += count;
    return this.#bytes.subarray(this.#at - count, this.#at);
  }

  #byte(): number {
    if (this.#at >= this.#bytes.length) throw new StoreError("a sample ends too early");
    return this.#bytes[this.#at++]!;
  }

  /** How many bytes are left. */
  get left(): number {
    return this.#bytes.length - this.#at;
  }
}
