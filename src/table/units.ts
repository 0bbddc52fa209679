/** Durations and rates as ss writes them. */
import { formatGeneral } from "../bytes/decimal.ts";
import { ascii, type ByteWriter } from "../bytes/writer.ts";

const ms = ascii("ms");
const sec = ascii("sec");
const min = ascii("min");
const POINT = 0x2e;
const ZERO = 0x30;

function milliseconds(text: ByteWriter, value: number): void {
  if (value < 100) text.byte(ZERO);
  if (value < 10) text.byte(ZERO);
  text.unsigned(value);
}

/** Writes what is left of a timer: `005ms`, `9.373sec`, `12sec`, `1min9sec`, `119min`; nothing for 0. */
export function writeTimer(text: ByteWriter, value: number): void {
  const seconds = Math.floor(value / 1000);
  const minutes = Math.floor(seconds / 60);
  if (minutes > 0) {
    text.unsigned(minutes);
    text.put(min);
    const rest = seconds % 60;
    if (minutes >= 10 || rest === 0) return;
    text.unsigned(rest);
    text.put(sec);
  } else if (seconds > 0) {
    text.unsigned(seconds);
    const rest = value % 1000;
    if (seconds < 10 && rest > 0) {
      text.byte(POINT);
      milliseconds(text, rest);
    }
    text.put(sec);
  } else if (value > 0) {
    milliseconds(text, value);
    text.put(ms);
  }
}

const scales = [
  { from: 1e12, suffix: 0x54 },
  { from: 1e9, suffix: 0x47 },
  { from: 1e6, suffix: 0x4d },
  { from: 1e3, suffix: 0x6b },
] as const;

/** Writes a rate in bits per second: three digits and a suffix, or with `numeric` a whole number. */
export function writeBandwidth(text: ByteWriter, value: number, numeric: boolean): void {
  if (numeric) {
    text.fixed0(value);
    return;
  }
  for (const { from, suffix } of scales) {
    if (value < from) continue;
    text.general3(value / from);
    text.byte(suffix);
    return;
  }
  text.text(formatGeneral(value, 6));
}
