/** Amounts as text, in the unit that people would choose. */

const US_PER_MS = 1000;
const MS_PER_S = 1000;
const S_PER_MIN = 60;
const MIN_PER_H = 60;
const H_PER_DAY = 24;
/** Bytes are written exactly below this number. */
const EXACT_BYTES = 100_000;

/** A number with three significant digits: `1.25`, `12.5`, `125`, `4000`. */
function short(value: number): string {
  if (value >= 100) return String(Math.round(value));
  const digits = value >= 10 ? 10 : value >= 1 ? 100 : 1000;
  return String(Math.round(value * digits) / digits);
}

/** A number in the largest unit that leaves it at least 1. @param units names, each with how many of it make the next */
function scaled(value: number, units: readonly (readonly [name: string, next: number])[]): string {
  let rest = value;
  for (const [name, next] of units) {
    if (rest < next) return `${short(rest)} ${name}`;
    rest /= next;
  }
  return `${short(rest)} ${units.at(-1)![0]}`;
}

/** Milliseconds: `40 ms`, `3.2 s`, `5 min 3 s`, `2 h 10 min`, `3 days 4 h`. */
export function durationText(ms: number): string {
  if (ms < MS_PER_S) return `${short(ms)} ms`;
  const seconds = ms / MS_PER_S;
  if (seconds < S_PER_MIN) return `${short(seconds)} s`;
  const pair = (large: number, unit: string, rest: number, next: string) =>
    rest === 0 ? `${large} ${unit}` : `${large} ${unit} ${rest} ${next}`;
  const whole = Math.floor(seconds);
  const minutes = Math.floor(whole / S_PER_MIN);
  if (minutes < MIN_PER_H) return pair(minutes, "min", whole % S_PER_MIN, "s");
  const hours = Math.floor(minutes / MIN_PER_H);
  if (hours < H_PER_DAY) return pair(hours, "h", minutes % MIN_PER_H, "min");
  const days = Math.floor(hours / H_PER_DAY);
  return pair(days, days === 1 ? "day" : "days", hours % H_PER_DAY, "h");
}

/** Microseconds: `34 us`, `1.25 ms`, and from a second on as {@link durationText}. */
export function microsecondsText(us: number): string {
  return us < US_PER_MS ? `${us} us` : durationText(us / US_PER_MS);
}

/** Bytes: `1 byte`, `65483 bytes`, `2.8 MB`. Powers of 1000. */
export function bytesText(bytes: number): string {
  if (bytes < EXACT_BYTES) return bytes === 1 ? "1 byte" : `${bytes} bytes`;
  return scaled(bytes / 1000, [
    ["kB", 1000],
    ["MB", 1000],
    ["GB", 1000],
    ["TB", Number.POSITIVE_INFINITY],
  ]);
}

/** A rate in bytes per second, written in bits as ss does: `1.25 Gbit/s`. */
export function rateText(bytesPerSecond: number): string {
  return scaled(bytesPerSecond * 8, [
    ["bit/s", 1000],
    ["kbit/s", 1000],
    ["Mbit/s", 1000],
    ["Gbit/s", 1000],
    ["Tbit/s", Number.POSITIVE_INFINITY],
  ]);
}

/** Milliseconds as seconds with one decimal: `1.3 s`. */
export function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}

/** Milliseconds as seconds with as many decimals as needed: `60 s`, `0.5 s`. */
export function wholeSeconds(ms: number): string {
  return `${ms / 1000} s`;
}
