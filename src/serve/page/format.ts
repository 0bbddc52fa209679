/** Numbers as people read them, at most five characters, so that columns stay still. */

/** Powers of a thousand. */
const PREFIXES = ["", "K", "M", "G", "T", "P", "E"] as const;

/** The text of an unknown value. */
export const UNKNOWN = "–";

/** Three significant digits and a prefix: `0.25`, `12.3K`, `999M`. */
export function short(value: number): string {
  let scaled = value;
  let prefix = 0;
  // From 999.5 on, three digits would round to a fourth.
  while (scaled >= 999.5 && prefix < PREFIXES.length - 1) {
    scaled /= 1000;
    prefix++;
  }
  if (prefix === 0 && Number.isInteger(scaled)) return `${scaled}`;
  const digits = scaled >= 99.95 ? 0 : scaled >= 9.995 ? 1 : 2;
  return `${scaled.toFixed(digits)}${PREFIXES[prefix]}`;
}

/** Microseconds as milliseconds, with three significant digits. */
export function milliseconds(us: number): string {
  const ms = us / 1000;
  return ms < 1 ? ms.toFixed(3) : short(ms);
}

/** Seconds in the largest unit that fits: `450 ms`, `12 s`, `3 min`, `2.5 h`, `4 d`. */
export function duration(seconds: number): string {
  if (seconds < 1) return `${Math.round(seconds * 1000)} ms`;
  const steps = [
    [60, 1, "s"],
    [3600, 60, "min"],
    [86_400, 3600, "h"],
    [Number.POSITIVE_INFINITY, 86_400, "d"],
  ] as const;
  const [, size, unit] = steps.find(([end]) => seconds < end)!;
  const amount = seconds / size;
  return `${amount < 10 && size > 1 ? Math.round(amount * 10) / 10 : Math.round(amount)} ${unit}`;
}

/** How a value of a column is written, by the column's unit. */
const writers: Readonly<Record<string, (value: number) => string>> = {
  bytes: short,
  "bytes/s": (value) => short(Math.round(value)),
  "1/s": short,
  us: milliseconds,
  ms: (value) => duration(value / 1000),
};

/** A time as the server writes it. */
const TIME = /^\d{4}-\d\d-\d\dT[\d:.]+Z$/;

/** The text of a cell. Text that the server sent stays as it is. */
export function cellText(value: unknown, unit: string | undefined): string {
  if (value === undefined || value === null || value === "") return UNKNOWN;
  if (typeof value === "number") return (writers[unit ?? ""] ?? String)(value);
  if (typeof value === "boolean") return value ? "yes" : "no";
  if (Array.isArray(value))
    return value.length === 0 ? UNKNOWN : value.map((each) => cellText(each, unit)).join(", ");
  if (typeof value !== "string") return JSON.stringify(value);
  return TIME.test(value) ? moment(Date.parse(value)) : value;
}

/** A time of day, to the second, in the browser's time zone. */
export function clock(time: number): string {
  return new Date(time).toLocaleTimeString("en-GB");
}

/** Day and time of day, to the second: `11-21 20:15:03`. */
export function moment(time: number): string {
  const date = new Date(time);
  const two = (value: number) => `${value}`.padStart(2, "0");
  return `${two(date.getMonth() + 1)}-${two(date.getDate())} ${clock(time)}`;
}

/** The two ends of a span, given as ISO 8601: `11-21 20:15:03 – 20:18:44`. */
export function spanText(from: string, until: string): string {
  const [first, last] = [Date.parse(from), Date.parse(until)];
  const isOneDay = new Date(first).toDateString() === new Date(last).toDateString();
  return `${moment(first)} – ${isOneDay ? clock(last) : moment(last)}`;
}
