/** A growing buffer of text as bytes: the hot path writes numbers and words into it without making strings. */
import {
  NUMBER_ROOM,
  putFixed0,
  putFixed1,
  putGeneral3,
  putHex,
  putHex64,
  putInt32,
  putStamp,
  putThousandths,
  putUint64,
  putUnsigned,
  STAMP_ROOM,
  type Stamp,
} from "./put.ts";

const encoder = new TextEncoder();

/** The bytes of a short text, which is nearly always ASCII: the runtime's encoder takes a short run longer. */
export function ascii(text: string): Uint8Array {
  const { length } = text;
  const bytes = new Uint8Array(length);
  for (let index = 0; index < length; index++) {
    const code = text.charCodeAt(index);
    if (code >= 0x80) return encoder.encode(text);
    bytes[index] = code;
  }
  return bytes;
}

/** Text being written, byte by byte. */
export class ByteWriter {
  /** The buffer; what is written so far ends at `length`. */
  bytes: Uint8Array;
  /** The same buffer, for the functions of put.ts; changes whenever `bytes` does. */
  data: DataView;
  /** Bytes written so far. */
  length = 0;

  readonly #step: number;

  /**
   * @param capacity bytes to start with
   * @param step what the buffer grows to at least, once it must grow
   */
  constructor(capacity = 4096, step = 0) {
    this.#step = step;
    this.bytes = new Uint8Array(capacity);
    this.data = new DataView(this.bytes.buffer);
  }

  /** Makes room for `count` more bytes. */
  reserve(count: number): void {
    if (this.length + count > this.bytes.length) this.#grow(count);
  }

  #grow(count: number): void {
    const grown = new Uint8Array(Math.max(this.bytes.length * 2, this.length + count, this.#step));
    grown.set(this.bytes.subarray(0, this.length));
    this.bytes = grown;
    this.data = new DataView(grown.buffer);
  }

  /** What is written so far; valid until the next write. */
  view(): Uint8Array {
    return new Uint8Array(this.bytes.buffer, 0, this.length);
  }

  /** Writes one byte. */
  byte(value: number): void {
    if (this.length === this.bytes.length) this.reserve(1);
    this.bytes[this.length++] = value;
  }

  /** Writes a constant made by {@link ascii}, or any short run of bytes. */
  put(text: Uint8Array): void {
    const count = text.length;
    if (this.length + count > this.bytes.length) this.#grow(count);
    const { bytes } = this;
    let at = this.length;
    for (let index = 0; index < count; index++) bytes[at++] = text[index]!;
    this.length = at;
  }

  /** Writes a constant made by {@link stamp}. */
  stamp(text: Stamp): void {
    this.reserve(STAMP_ROOM);
    this.length = putStamp(this.data, this.length, text);
  }

  /** Writes `bytes[from..to)`. */
  copy(bytes: Uint8Array, from: number, to: number): void {
    this.reserve(to - from);
    if (to - from > 64) {
      this.bytes.set(bytes.subarray(from, to), this.length);
      this.length += to - from;
      return;
    }
    const target = this.bytes;
    let at = this.length;
    for (let index = from; index < to; index++) target[at++] = bytes[index]!;
    this.length = at;
  }

  /** Writes the same byte `count` times; nothing if `count` is not positive. */
  fill(value: number, count: number): void {
    if (count <= 0) return;
    this.reserve(count);
    const { bytes } = this;
    const end = this.length + count;
    for (let at = this.length; at < end; at++) bytes[at] = value;
    this.length = end;
  }

  /** Writes text as UTF-8. */
  text(text: string): void {
    this.reserve(text.length * 3);
    const { bytes } = this;
    let at = this.length;
    for (let index = 0; index < text.length; index++) {
      const code = text.charCodeAt(index);
      if (code >= 0x80) {
        this.#encode(text);
        return;
      }
      bytes[at++] = code;
    }
    this.length = at;
  }

  #encode(text: string): void {
    this.length += encoder.encodeInto(text, this.bytes.subarray(this.length)).written;
  }

  /** Writes a whole number from 0 to 2^53 in decimal. */
  unsigned(value: number): void {
    this.reserve(NUMBER_ROOM);
    this.length = putUnsigned(this.data, this.length, value);
  }

  /** Writes a 32-bit value as C's `%d` does: the same bits read as signed. */
  signed32(value: number): void {
    this.reserve(NUMBER_ROOM);
    this.length = putInt32(this.data, this.length, value | 0);
  }

  /** Writes the unsigned 64-bit number whose halves are given. */
  unsigned64(low: number, high: number): void {
    this.reserve(NUMBER_ROOM);
    this.length = putUint64(this.data, this.length, low, high);
  }

  /** Writes an unsigned 32-bit value in hexadecimal, at least `width` digits. */
  hex(value: number, width = 1): void {
    this.reserve(NUMBER_ROOM);
    this.length = putHex(this.data, this.length, value, width);
  }

  /** Writes the unsigned 64-bit number whose halves are given in hexadecimal. */
  hex64(low: number, high: number): void {
    this.reserve(NUMBER_ROOM);
    this.length = putHex64(this.data, this.length, low, high);
  }

  /** Writes a thousandth of a whole number that is not negative as C's `%g` does. */
  thousandths(value: number): void {
    this.reserve(NUMBER_ROOM);
    this.length = putThousandths(this.data, this.length, value);
  }

  /** Writes a finite number that is not negative as C's `%.0f` does. */
  fixed0(value: number): void {
    this.reserve(NUMBER_ROOM);
    this.length = putFixed0(this.data, this.length, value);
  }

  /** Writes a finite number that is not negative as C's `%.1f` does. */
  fixed1(value: number): void {
    this.reserve(NUMBER_ROOM);
    this.length = putFixed1(this.data, this.length, value);
  }

  /** Writes a finite number that is not negative as C's `%.3g` does. */
  general3(value: number): void {
    this.reserve(NUMBER_ROOM);
    this.length = putGeneral3(this.data, this.length, value);
  }
}
