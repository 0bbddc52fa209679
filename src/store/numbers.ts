/** Numbers of variable length: seven bits a byte, lowest first. Bytes are read with limits, as files may be damaged. */
import { StoreError } from "./error.ts";

const CONTINUES = 0x80;
const FIRST_CAPACITY = 1 << 12;

/** Collects bytes and numbers. */
export class ByteSink {
  #bytes = new Uint8Array(FIRST_CAPACITY);
  #length = 0;

  /** Everything so far; valid until the next call of any method. */
  get bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  /** Adds a whole number from 0 to 2^53. */
  unsigned(value: number): void {
    this.#reserve(8);
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

  /** Adds one byte. */
  byte(value: number): void {
    this.#reserve(1);
    this.#bytes[this.#length++] = value;
  }

  #reserve(count: number): void {
    if (this.#length + count <= this.#bytes.length) return;
    const larger = new Uint8Array(this.#bytes.length * 2);
    larger.set(this.#bytes);
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
    let value = 0;
    for (let factor = 1; factor < 2 ** 56; factor *= CONTINUES) {
      const byte = this.byte();
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

  /** Numbers that rise, each below a limit. */
  rising(limit: number): number[] {
    const count = this.atMost(limit);
    const values: number[] = [];
    let next = 0;
    for (let index = 0; index < count; index++) {
      const value = next + this.unsigned();
      if (value >= limit) throw new StoreError("a sample points beyond its sockets");
      values.push(value);
      next = value + 1;
    }
    return values;
  }

  /** Adds a number of either sign to one word of each of many messages. */
  addSigned(messages: readonly Uint32Array[], word: number): void {
    const bytes = this.#bytes;
    let at = this.#at;
    for (let index = 0; index < messages.length; index++) {
      let value = 0;
      let byte = CONTINUES;
      for (let factor = 1; byte >= CONTINUES; factor *= CONTINUES) {
        if (at >= bytes.length) throw new StoreError("a sample ends too early");
        if (factor >= 2 ** 56) throw new StoreError("a number of a sample has too many digits");
        byte = bytes[at++]!;
        value += (byte % CONTINUES) * factor;
      }
      const words = messages[index]!;
      words[word] = words[word]! + (value % 2 === 0 ? value / 2 : -(value + 1) / 2);
    }
    this.#at = at;
  }

  /** Reads records of one size, whose first bytes come first, then their second ones, and so on. */
  planes(to: Uint8Array, size: number, count: number): void {
    const bytes = this.#bytes;
    let at = this.#at;
    if (bytes.length - at < size * count) throw new StoreError("a sample ends too early");
    for (let plane = 0; plane < size; plane++)
      for (let place = plane; place < to.length; place += size) to[place] = bytes[at++]!;
    this.#at = at;
  }

  /** One byte. */
  byte(): number {
    if (this.#at >= this.#bytes.length) throw new StoreError("a sample ends too early");
    return this.#bytes[this.#at++]!;
  }

  /** How many bytes are left. */
  get left(): number {
    return this.#bytes.length - this.#at;
  }
}
