/** Times as people type them: `03:12`, `yesterday`, `-2h`, `2026-11-21 03:12:05`, `@1795230725`. */

const UNITS_MS: Readonly<Record<string, number>> = {
  s: 1000,
  m: 60_000,
  min: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
};
const DAY_MS = UNITS_MS["d"]!;
/** Epoch times from here on are in milliseconds: as seconds they would be after the year 5138. */
const MILLISECONDS_FROM = 1e11;

/** How times are written, for error messages. */
export const timeSpelling =
  "a time such as 03:12, yesterday, -2h, 2026-11-21T03:12:05, or seconds since 1970";

const CLOCK = /^(\d{1,2}):(\d{2})(?::(\d{2})(\.\d{1,3})?)?$/;
const ISO =
  /^(\d{4})-(\d{2})-(\d{2})(?:[T ](\d{1,2}):(\d{2})(?::(\d{2})(\.\d{1,3})?)?)?(Z|[+-]\d{2}:?\d{2})?$/;

/** The local midnight of a day. */
function midnight(nowMs: number, daysAgo: number): number {
  const date = new Date(nowMs);
  return new Date(date.getFullYear(), date.getMonth(), date.getDate() - daysAgo).getTime();
}

/** A time of day; one that is still to come is yesterday's. */
function clockTime(match: RegExpExecArray, nowMs: number, daysAgo: number | undefined): number | undefined {
  const [, hour, minute, second = "0", fraction = ""] = match;
  if (Number(hour) > 23 || Number(minute) > 59 || Number(second) > 60) return undefined;
  const at = (days: number): number => {
    const date = new Date(midnight(nowMs, days));
    date.setHours(Number(hour), Number(minute), Number(second), Math.round(Number(`0${fraction}`) * 1000));
    return date.getTime();
  };
  if (daysAgo !== undefined) return at(daysAgo);
  const today = at(0);
  return today <= nowMs ? today : at(1);
}

function isoTime(match: RegExpExecArray): number | undefined {
  const [, year, month, day, hour = "0", minute = "0", second = "0", fraction = "", zone] = match;
  const ms = Math.round(Number(`0${fraction}`) * 1000);
  const parts = [Number(year), Number(month) - 1, Number(day)] as const;
  const time = [Number(hour), Number(minute), Number(second), ms] as const;
  if (time[0] > 23 || time[1] > 59 || time[2] > 60) return undefined;
  const date = new Date(Date.UTC(...parts));
  if (date.getUTCMonth() !== parts[1] || date.getUTCDate() !== parts[2]) return undefined;
  if (zone === undefined) return new Date(...parts, ...time).getTime();
  const digits = /([+-])(\d{2}):?(\d{2})/.exec(zone);
  const offset =
    digits === null ? 0 : (digits[1] === "-" ? -1 : 1) * (Number(digits[2]) * 60 + Number(digits[3]));
  return Date.UTC(...parts, ...time) - offset * UNITS_MS["m"]!;
}

/** Reads a time. @param nowMs what relative times refer to @returns milliseconds since 1970; undefined if it is none */
export function readTime(text: string, nowMs: number): number | undefined {
  const word = text.trim();
  if (word === "now") return nowMs;
  if (word === "today") return midnight(nowMs, 0);
  if (word === "yesterday") return midnight(nowMs, 1);
  const named = /^(today|yesterday)[ T](.+)$/.exec(word);
  if (named !== null) {
    const match = CLOCK.exec(named[2]!);
    return match === null ? undefined : clockTime(match, nowMs, named[1] === "today" ? 0 : 1);
  }
  const ago = /^(?:-(\d+(?:\.\d+)?)\s*([a-z]+)|(\d+(?:\.\d+)?)\s*([a-z]+) ago)$/.exec(word);
  if (ago !== null) {
    const unit = UNITS_MS[ago[2] ?? ago[4]!];
    return unit === undefined ? undefined : nowMs - Number(ago[1] ?? ago[3]) * unit;
  }
  const epoch = /^@?(\d{9,14}(?:\.\d{1,6})?)$/.exec(word)?.[1];
  if (epoch !== undefined) return Number(epoch) >= MILLISECONDS_FROM ? Number(epoch) : Number(epoch) * 1000;
  const clock = CLOCK.exec(word);
  if (clock !== null) return clockTime(clock, nowMs, undefined);
  const iso = ISO.exec(word);
  return iso === null ? undefined : isoTime(iso);
}

const two = (value: number) => String(value).padStart(2, "0");

/** A time in the local zone, as it can be typed: `2026-11-21 03:12:05`. */
export function timeText(ms: number): string {
  const date = new Date(ms);
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  return `${day} ${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}

/** A duration in its two largest units: `1d 2h`, `5m 3s`, `40s`. */
export function durationText(ms: number): string {
  const seconds = Math.round(ms / 1000);
  const parts = [
    [Math.floor(seconds / (DAY_MS / 1000)), "d"],
    [Math.floor(seconds / 3600) % 24, "h"],
    [Math.floor(seconds / 60) % 60, "m"],
    [seconds % 60, "s"],
  ] as const;
  const first = parts.findIndex(([value]) => value > 0);
  if (first < 0) return "0s";
  return parts
    .slice(first, first + 2)
    .filter(([value]) => value > 0)
    .map(([value, unit]) => `${value}${unit}`)
    .join(" ");
}
