/**
 * Text written at a position: each function writes at `at` and returns the position behind what it wrote.
 *
 * Numbers are stored four digits at a time, labels, blanks and copies eight bytes at a time, so up to {@link OVERSHOOT} bytes
 * behind the returned position may be overwritten. The caller makes sure that there is room for those too; whatever
 * is written next replaces them. Nothing here allocates, except for the rare values that need exact decimal expansion.
 */
import { keepOutOfLastTier } from "#libc";
import { formatFixed, formatGeneral } from "./decimal.ts";

/** Bytes behind the returned position that may be overwritten. */
export const OVERSHOOT = 8;
/** Room for the longest text of a number (a sign and 309 digits), with {@link OVERSHOOT}. */
export const NUMBER_ROOM = 352;

/** Room for a {@link Stamp}. */
export const STAMP_ROOM = 24;

const ZERO = 0x30;
const MINUS = 0x2d;
const POINT = 0x2e;
const BLANK = 0x20;
/** Closer to a tie than this, only the exact expansion shows which way to round. */
const NEAR_TIE = 1e-6;
/** From here on a double has no bits for halves. */
const EXACT = 2 ** 52;
/** Numbers below this are far from the limits of a double. */
const SMALL = 2 ** 30;
const MAX_INT32 = 0x7fffffff;
const GROUP = 10_000;
const TWO_GROUPS = 100_000_000;

/** The four digits of each number below 10,000, the first in the lowest byte; 0 where not computed yet. */
const groups = new Int32Array(GROUP);

function makeGroup(value: number): number {
  const thousands = (value / 1000) | 0;
  const hundreds = ((value / 100) | 0) % 10;
  const tens = ((value / 10) | 0) % 10;
  const digits = thousands | (hundreds << 8) | (tens << 16) | ((value % 10) << 24);
  groups[value] = digits + 0x30303030;
  return groups[value]!;
}

/** The text of a number below 10,000 as four bytes, with leading zeros. */
function group(value: number): number {
  return groups[value]! || makeGroup(value);
}

/** Writes a whole number from 0 to 2^31 - 1. */
export function putInt31(target: DataView, at: number, value: number): number {
  if (value < 10) {
    target.setUint8(at, ZERO + value);
    return at + 1;
  }
  if (value < GROUP) {
    const zeros = value < 100 ? 2 : value < 1000 ? 1 : 0;
    target.setInt32(at, group(value) >>> (zeros << 3), true);
    return at + 4 - zeros;
  }
  const high = (value / GROUP) | 0;
  if (high >= GROUP) return putTenDigits(target, at, value);
  const zeros = high < 10 ? 3 : high < 100 ? 2 : high < 1000 ? 1 : 0;
  target.setInt32(at, group(high) >>> (zeros << 3), true);
  const next = at + 4 - zeros;
  target.setInt32(next, group(value - high * GROUP), true);
  return next + 4;
}

/** Writes a whole number of nine or ten digits. */
function putTenDigits(target: DataView, at: number, value: number): number {
  const high = (value / TWO_GROUPS) | 0;
  const rest = value - high * TWO_GROUPS;
  const next = putInt31(target, at, high);
  const middle = (rest / GROUP) | 0;
  target.setInt32(next, group(middle), true);
  target.setInt32(next + 4, group(rest - middle * GROUP), true);
  return next + 8;
}

/** Writes a whole number from 0 to 2^53. */
export function putUnsigned(target: DataView, at: number, value: number): number {
  if (value <= MAX_INT32) return putInt31(target, at, value | 0);
  const quotient = Math.floor(value / TWO_GROUPS);
  const rest = (value - quotient * TWO_GROUPS) | 0;
  const high = (rest / GROUP) | 0;
  const next = putUnsigned(target, at, quotient);
  target.setInt32(next, group(high), true);
  target.setInt32(next + 4, group(rest - high * GROUP), true);
  return next + 8;
}

/** Writes 32 bits, given as a signed number, as C's `%u` does. */
export function putUint32(target: DataView, at: number, bits: number): number {
  return bits >= 0 ? putInt31(target, at, bits) : putUnsigned(target, at, bits >>> 0);
}

/** Writes 32 bits, given as a signed number, as C's `%d` does. */
export function putInt32(target: DataView, at: number, bits: number): number {
  if (bits >= 0) return putInt31(target, at, bits);
  target.setUint8(at, MINUS);
  return putUnsigned(target, at + 1, -bits);
}

/** Writes the unsigned 64-bit number whose 32-bit halves are given, signed or not. */
export function putUint64(target: DataView, at: number, low: number, high: number): number {
  if (high === 0) return putUint32(target, at, low | 0);
  if (high >>> 0 < 0x20_0000) return putUnsigned(target, at, (high >>> 0) * 2 ** 32 + (low >>> 0));
  return putAscii(target, at, ((BigInt(high >>> 0) << 32n) | BigInt(low >>> 0)).toString());
}

/** Writes an unsigned 32-bit value in hexadecimal, at least `width` digits. */
export function putHex(target: DataView, at: number, value: number, width: number): number {
  let digits = width;
  while (digits < 8 && value >>> (digits << 2) !== 0) digits++;
  let next = at;
  for (let shift = (digits - 1) << 2; shift >= 0; shift -= 4) {
    const digit = (value >>> shift) & 15;
    target.setUint8(next++, digit < 10 ? ZERO + digit : 0x57 + digit);
  }
  return next;
}

/** Writes the unsigned 64-bit number whose 32-bit halves are given in hexadecimal. */
export function putHex64(target: DataView, at: number, low: number, high: number): number {
  if (high === 0) return putHex(target, at, low, 1);
  return putHex(target, putHex(target, at, high, 1), low, 8);
}

/** Writes a thousandth of a whole number that is not negative as C's `%g` does. */
export function putThousandths(target: DataView, at: number, value: number): number {
  if (value >= 1_000_000) return putAscii(target, at, formatGeneral(value / 1000, 6));
  const whole = (value / 1000) | 0;
  const rest = value - whole * 1000;
  const next = putInt31(target, at, whole);
  if (rest === 0) return next;
  // The leading zero of the four digits becomes the point.
  const text = (group(rest) & ~0xff) | POINT;
  target.setInt32(next, text, true);
  return text >>> 24 !== ZERO ? next + 4 : ((text >>> 16) & 0xff) !== ZERO ? next + 3 : next + 2;
}

/** Writes a finite number that is not negative as C's `%.0f` does. */
export function putFixed0(target: DataView, at: number, value: number): number {
  if (value >= EXACT) return putAscii(target, at, formatFixed(value, 0));
  const floor = Math.floor(value);
  const rest = value - floor;
  return putUnsigned(target, at, rest > 0.5 || (rest === 0.5 && floor % 2 === 1) ? floor + 1 : floor);
}

/** Writes a finite number that is not negative as C's `%.1f` does. */
export function putFixed1(target: DataView, at: number, value: number): number {
  const tenths = value * 10;
  const rounded = Math.round(tenths);
  if (rounded >= SMALL || Math.abs(tenths - Math.floor(tenths) - 0.5) < NEAR_TIE)
    return putAscii(target, at, formatFixed(value, 1));
  const whole = (rounded / 10) | 0;
  const next = putInt31(target, at, whole);
  target.setUint8(next, POINT);
  target.setUint8(next + 1, ZERO + (rounded - whole * 10));
  return next + 2;
}

/** Writes a finite number that is not negative as C's `%.3g` does. */
export function putGeneral3(target: DataView, at: number, value: number): number {
  if (value >= 1 && value < 999) {
    const scale = value < 10 ? 100 : value < 100 ? 10 : 1;
    const scaled = value * scale;
    const rounded = Math.round(scaled);
    // Next to a tie the exact expansion decides; everywhere else this is the nearest.
    if (rounded < 1000 && Math.abs(scaled - Math.floor(scaled) - 0.5) > NEAR_TIE) {
      const whole = (rounded / scale) | 0;
      let next = putInt31(target, at, whole);
      let rest = rounded - whole * scale;
      if (rest === 0) return next;
      target.setUint8(next++, POINT);
      if (scale === 100) {
        const tens = (rest / 10) | 0;
        target.setUint8(next++, ZERO + tens);
        rest -= tens * 10;
        if (rest === 0) return next;
      }
      target.setUint8(next, ZERO + rest);
      return next + 1;
    }
  }
  return putAscii(target, at, formatGeneral(value, 3));
}

/** Writes a string of ASCII characters. */
export function putAscii(target: DataView, at: number, text: string): number {
  for (let index = 0; index < text.length; index++) target.setUint8(at + index, text.charCodeAt(index));
  return at + text.length;
}

/** Writes a short run of bytes. */
export function putBytes(target: DataView, at: number, bytes: Uint8Array): number {
  const { length } = bytes;
  for (let index = 0; index < length; index++) target.setUint8(at + index, bytes[index]!);
  return at + length;
}

/** A constant piece of ASCII text of up to 24 characters, as three stores of eight bytes. */
export interface Stamp {
  readonly text: string;
  readonly first: number;
  readonly second: number;
  readonly third: number;
  readonly length: number;
}

const WORD = 8;
const stampBytes = new Uint8Array(STAMP_ROOM);
const stampWords = new DataView(stampBytes.buffer);

/**
 * Makes a stamp.
 *
 * @throws RangeError if the text is longer than 24 characters or not ASCII. No eight bytes of ASCII are a NaN, whose bytes
 *   could change
 */
export function stamp(text: string): Stamp {
  const { length } = text;
  if (length > STAMP_ROOM) throw new RangeError(`no stamp: ${text}`);
  for (let at = 0; at < STAMP_ROOM; at++) {
    const code = at < length ? text.charCodeAt(at) : BLANK;
    if (code >= 0x80) throw new RangeError(`no stamp: ${text}`);
    stampBytes[at] = code;
  }
  return {
    text,
    first: stampWords.getFloat64(0, true),
    second: stampWords.getFloat64(WORD, true),
    third: stampWords.getFloat64(2 * WORD, true),
    length: text.length,
  };
}

/** Writes a stamp. */
export function putStamp(target: DataView, at: number, { first, second, third, length }: Stamp): number {
  target.setFloat64(at, first, true);
  if (length > WORD) target.setFloat64(at + WORD, second, true);
  if (length > 2 * WORD) target.setFloat64(at + 2 * WORD, third, true);
  return at + length;
}

const BLANKS = stamp("").first;

/** Writes `count` blanks; none if `count` is not positive. */
export function putBlanks(target: DataView, at: number, count: number): number {
  for (let done = 0; done < count; done += WORD) target.setFloat64(at + done, BLANKS, true);
  return count > 0 ? at + count : at;
}

/**
 * Copies `length` bytes from `from` in `source`, eight at a time: up to seven bytes behind them are read too. Words
 * whose bytes are a NaN go in two parts, as a NaN need not keep its bytes.
 */
export function putCopy(
  target: DataView,
  at: number,
  source: DataView,
  from: number,
  length: number,
): number {
  for (let done = 0; done < length; done += WORD) {
    const word = source.getFloat64(from + done, true);
    // biome-ignore lint/suspicious/noSelfCompare: a NaN is what differs from itself, and this is compiled to one test
    if (word === word) target.setFloat64(at + done, word, true);
    else {
      target.setInt32(at + done, source.getInt32(from + done, true), true);
      target.setInt32(at + done + 4, source.getInt32(from + done + 4, true), true);
    }
  }
  return at + length;
}

keepOutOfLastTier(
  group,
  putInt31,
  putTenDigits,
  putUnsigned,
  putUint32,
  putInt32,
  putUint64,
  putHex,
  putHex64,
  putThousandths,
);
keepOutOfLastTier(putFixed0, putFixed1, putGeneral3, putAscii, putBytes, putStamp, putBlanks, putCopy);
