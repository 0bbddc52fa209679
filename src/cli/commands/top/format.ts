/** Numbers in few columns, always of the same width at most, so that nothing jumps. */
import type { ValueKind } from "../../../live/columns.ts";

/** Powers of a thousand. */
const PREFIXES = ["", "K", "M", "G", "T", "P", "E"] as const;
const THOUSAND = 1000;
const US_PER_MS = 1000;

/** The text of an unknown number. */
export const UNKNOWN = "-";

/** Three significant digits and a prefix: `0.25`, `12.3K`, `999M`. At most five characters. */
export function short(value: number): string {
  let scaled = value;
  let prefix = 0;
  // From 999.5 on, three digits would round to a fourth.
  while (scaled >= 999.5 && prefix < PREFIXES.length - 1) {
    scaled /= THOUSAND;
    prefix++;
  }
  const digits = scaled >= 99.95 || scaled === 0 ? 0 : scaled >= 9.995 ? 1 : 2;
  const text = scaled.toFixed(digits);
  // A whole number without prefix is a count: it has no decimals.
  const exact = prefix === 0 && Number.isInteger(scaled) ? `${scaled}` : text;
  return `${exact}${PREFIXES[prefix]}`;
}

/** A time in milliseconds with three significant digits. */
function milliseconds(us: number): string {
  const ms = us / US_PER_MS;
  return ms < 1 ? ms.toFixed(3) : short(ms);
}

/** How numbers of each kind are written. */
const writers: Readonly<Record<Exclude<ValueKind, "text">, (value: number) => string>> = {
  count: (value) => `${value}`,
  bytes: short,
  "bytes/s": (value) => short(Math.round(value)),
  "1/s": short,
  us: milliseconds,
};

/** A value of a column as text. */
export function valueText(kind: ValueKind, value: string | number | undefined): string {
  if (value === undefined) return UNKNOWN;
  return typeof value === "string" || kind === "text" ? `${value}` : writers[kind](value);
}
