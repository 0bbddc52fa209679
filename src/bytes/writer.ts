/** A growing buffer of text as bytes: what the hot path writes numbers and words into, making no string. */
import { formatFixed, formatGeneral } from "./decimal.ts";

const encoder = new TextEncoder();
const ZERO = 0x30;
const MINUS = 0x2d;
const POINT = 0x2e;
/** Next to a tie by this much, only the exact expansion tells which way to round. */
const NEAR_TIE = 1e-6;
/** Below this a double has bits for halves. */
const EXACT = 2 ** 52;
/** Numbers below this are far from the limits of a double. */
const SMALL = 2 ** 30;
const MAX_INT32 = 0x7fffffff;
const NINE_DIGITS = 1e9;
const powersOfTen = Int32Array.from({ length: 10 }, (_, exponent) => 10 ** exponent);
/** The longest text that a number writes: a sign, 20 digits and room to spare. */
const NUMBER_ROOM = 32;

/** The bytes of a constant piece of text, made once. */
export function ascii(text: string): Uint8Array {
  return encoder.encode(text);
}

const hexDigits = ascii("0123456789abcdef");

/** Text being written, byte by byte. */
export class ByteWriter {
  /** The buffer; what is written so far ends at `length`. */
  bytes: Uint8Array;
  /** Bytes written so far. */
  length = 0;

  /** @param capacity bytes to start with */
  constructor(capacity = 4096) {
    this.bytes = new Uint8Array(capacity);
  }

  /** Makes room for `count` more bytes. */
  reserve(count: number): void {
    if (this.length + count > this.bytes.length) this.#grow(count);
  }

  #grow(count: number): void {
    const grown = new Uint8Array(Math.max(this.bytes.length * 2, this.length + count));
    grown.set(this.bytes.subarray(0, this.length));
    this.bytes = grown;
  }

  /** What is written so far; valid until the next write. */
  view(): Uint8Array {
    return this.bytes.subarray(0, this.length);
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
    if (this.length + NUMBER_ROOM > this.bytes.length) this.#grow(NUMBER_ROOM);
    let small = value;
    if (value > MAX_INT32) {
      // The last nine digits remain, with their zeros; those before them are written first.
      const high = Math.floor(value / NINE_DIGITS);
      this.unsigned(high);
      small = value - high * NINE_DIGITS;
      for (let digits = 9; digits > 1 && small < powersOfTen[digits - 1]!; digits--) this.byte(ZERO);
    }
    let rest = small | 0;
    let digits = 1;
    while (digits < powersOfTen.length && rest >= powersOfTen[digits]!) digits++;
    const { bytes } = this;
    let at = this.length + digits;
    this.length = at;
    do {
      const quotient = (rest / 10) | 0;
      bytes[--at] = ZERO + (rest - quotient * 10);
      rest = quotient;
    } while (rest > 0);
  }

  /** Writes a 32-bit value as C's `%d` does: the same bits read as signed. */
  signed32(value: number): void {
    const signed = value | 0;
    if (signed >= 0) this.unsigned(signed);
    else {
      this.byte(MINUS);
      this.unsigned(-signed);
    }
  }

  /** Writes the unsigned 64-bit number whose halves are given. */
  unsigned64(low: number, high: number): void {
    if (high < 0x20_0000) this.unsigned(high * 2 ** 32 + low);
    else this.text(((BigInt(high) << 32n) | BigInt(low)).toString());
  }

  /** Writes an unsigned 32-bit value in hexadecimal, at least `width` digits. */
  hex(value: number, width = 1): void {
    this.reserve(NUMBER_ROOM);
    let digits = width;
    while (digits < 8 && value >>> (digits * 4) !== 0) digits++;
    for (let shift = (digits - 1) * 4; shift >= 0; shift -= 4)
      this.bytes[this.length++] = hexDigits[(value >>> shift) & 15]!;
  }

  /** Writes the unsigned 64-bit number whose halves are given in hexadecimal. */
  hex64(low: number, high: number): void {
    if (high === 0) this.hex(low);
    else {
      this.hex(high);
      this.hex(low, 8);
    }
  }

  /** Writes `thousandths / 1000` as C's `%g` does. */
  thousandths(value: number): void {
    if (value >= 1_000_000) {
      this.text(formatGeneral(value / 1000, 6));
      return;
    }
    const whole = (value / 1000) | 0;
    this.unsigned(whole);
    let rest = value - whole * 1000;
    if (rest === 0) return;
    this.byte(POINT);
    for (let unit = 100; rest > 0; unit = (unit / 10) | 0) {
      const digit = (rest / unit) | 0;
      this.byte(ZERO + digit);
      rest -= digit * unit;
    }
  }

  /** Writes a finite number that is not negative as C's `%.0f` does. */
  fixed0(value: number): void {
    if (value >= EXACT) {
      this.text(formatFixed(value, 0));
      return;
    }
    const floor = Math.floor(value);
    const rest = value - floor;
    this.unsigned(rest > 0.5 || (rest === 0.5 && floor % 2 === 1) ? floor + 1 : floor);
  }

  /** Writes a finite number that is not negative as C's `%.1f` does. */
  fixed1(value: number): void {
    const tenths = value * 10;
    const rounded = Math.round(tenths);
    if (rounded >= SMALL || Math.abs(tenths - Math.floor(tenths) - 0.5) < NEAR_TIE) {
      this.text(formatFixed(value, 1));
      return;
    }
    this.unsigned((rounded / 10) | 0);
    this.byte(POINT);
    this.byte(ZERO + (rounded % 10));
  }

  /** Writes a finite number as C's `%.3g` does. */
  general3(value: number): void {
    if (value >= 1 && value < 999) {
      const decimals = value < 10 ? 2 : value < 100 ? 1 : 0;
      const scale = decimals === 2 ? 100 : decimals === 1 ? 10 : 1;
      const scaled = value * scale;
      const rounded = Math.round(scaled);
      // Next to a tie the exact expansion decides; everywhere else this is the nearest.
      if (rounded < 1000 && Math.abs(scaled - Math.floor(scaled) - 0.5) > NEAR_TIE) {
        let rest = rounded % scale;
        this.unsigned((rounded / scale) | 0);
        if (rest === 0) return;
        this.byte(POINT);
        if (scale === 100) {
          this.byte(ZERO + ((rest / 10) | 0));
          rest %= 10;
          if (rest === 0) return;
        }
        this.byte(ZERO + rest);
        return;
      }
    }
    this.text(formatGeneral(value, 3));
  }
}
