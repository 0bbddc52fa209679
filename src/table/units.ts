/** Durations and rates as ss writes them. */
import { keepOutOfLastTier } from "#libc";
import { formatGeneral } from "../bytes/decimal.ts";
import {
  NUMBER_ROOM,
  putAscii,
  putFixed0,
  putGeneral3,
  putInt31,
  putStamp,
  putUnsigned,
  stamp,
} from "../bytes/put.ts";
import type { ByteWriter } from "../bytes/writer.ts";

const ms = stamp("ms");
const sec = stamp("sec");
const min = stamp("min");
const POINT = 0x2e;
const ZERO = 0x30;

/** Writes 0 to 999 in three digits. */
function putMilliseconds(target: DataView, at: number, value: number): number {
  let next = at;
  if (value < 100) target.setUint8(next++, ZERO);
  if (value < 10) target.setUint8(next++, ZERO);
  return putInt31(target, next, value);
}

/**
 * Writes how many milliseconds are left of a timer: `005ms`, `9.373sec`, `12sec`, `1min9sec`, `119min`; nothing for 0.
 *
 * @returns the position behind it
 */
export function putTimer(target: DataView, at: number, value: number): number {
  const seconds = Math.floor(value / 1000);
  const minutes = Math.floor(seconds / 60);
  if (minutes > 0) {
    const next = putStamp(target, putUnsigned(target, at, minutes), min);
    const rest = seconds - minutes * 60;
    if (minutes >= 10 || rest === 0) return next;
    return putStamp(target, putInt31(target, next, rest), sec);
  }
  const rest = value - seconds * 1000;
  if (seconds > 0) {
    let next = putInt31(target, at, seconds);
    if (seconds < 10 && rest > 0) {
      target.setUint8(next, POINT);
      next = putMilliseconds(target, next + 1, rest);
    }
    return putStamp(target, next, sec);
  }
  return value > 0 ? putStamp(target, putMilliseconds(target, at, value), ms) : at;
}

/** {@link putTimer} at the end of what a writer holds. */
export function writeTimer(text: ByteWriter, value: number): void {
  text.reserve(NUMBER_ROOM);
  text.length = putTimer(text.data, text.length, value);
}

/** Writes a value above `scale` in multiples of it. */
function putScaled(target: DataView, at: number, value: number, scale: number, suffix: number): number {
  const next = putGeneral3(target, at, value / scale);
  target.setUint8(next, suffix);
  return next + 1;
}

/**
 * Writes a rate in bits per second: three digits and a suffix, or with `numeric` a whole number.
 *
 * @returns the position behind it
 */
export function putBandwidth(target: DataView, at: number, value: number, numeric: boolean): number {
  if (numeric) return putFixed0(target, at, value);
  if (value >= 1e12) return putScaled(target, at, value, 1e12, 0x54);
  if (value >= 1e9) return putScaled(target, at, value, 1e9, 0x47);
  if (value >= 1e6) return putScaled(target, at, value, 1e6, 0x4d);
  if (value >= 1e3) return putScaled(target, at, value, 1e3, 0x6b);
  return putAscii(target, at, formatGeneral(value, 6));
}

/** {@link putBandwidth} at the end of what a writer holds. */
export function writeBandwidth(text: ByteWriter, value: number, numeric: boolean): void {
  text.reserve(NUMBER_ROOM);
  text.length = putBandwidth(text.data, text.length, value, numeric);
}

keepOutOfLastTier(putMilliseconds, putTimer, putScaled, putBandwidth);
