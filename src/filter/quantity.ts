/** Amounts with their units, as filters spell them: `50ms`, `64k`, `1.5mbps`, `3`. */
import { integer } from "./numbers.ts";

/** How the amounts of one kind are spelled. */
interface DimensionRow {
  /** What one is called in messages. */
  readonly expects: string;
  /** The units, smallest first; each is so many of the first. The empty word says that a bare number will do. */
  readonly units: Readonly<Record<string, number>>;
}

/** The kinds of amount, each counted in the smallest of its units. Case does not matter. */
export const dimensions = {
  count: { expects: "a number", units: { "": 1 } },
  time: {
    expects: "a time such as 50ms (units: us, ms, s, m, h)",
    units: { us: 1, ms: 1000, s: 1_000_000, m: 60_000_000, h: 3_600_000_000 },
  },
  size: {
    expects: "a number of bytes such as 1500 or 64k (k, m, g: powers of 1024)",
    units: { "": 1, k: 2 ** 10, m: 2 ** 20, g: 2 ** 30 },
  },
  rate: {
    expects: "a rate such as 10mbps (units: bps, kbps, mbps, gbps, tbps)",
    units: { bps: 1, kbps: 1e3, mbps: 1e6, gbps: 1e9, tbps: 1e12 },
  },
} as const satisfies Record<string, DimensionRow>;

/** A kind of amount. */
export type Dimension = keyof typeof dimensions;

const AMOUNT = /^([0-9]+)(?:\.([0-9]+))?([A-Za-z]*)$/;
/** Longer numbers are no safe integers in any unit, and would take long to convert. */
const LONGEST = 40;

/**
 * Reads an amount. A plain count is a number in any base, as ports are.
 *
 * @returns it in the smallest unit; undefined for what is none, or no whole number of that unit
 */
export function readAmount(text: string, dimension: Dimension): number | undefined {
  if (text.length > LONGEST) return undefined;
  if (dimension === "count") {
    const count = integer(text);
    return count !== undefined && count >= 0 ? count : undefined;
  }
  const found = AMOUNT.exec(text);
  if (found === null) return undefined;
  const [, whole = "", fraction = "", unit = ""] = found;
  const units: Readonly<Record<string, number>> = dimensions[dimension].units;
  const word = unit.toLowerCase();
  if (!Object.hasOwn(units, word)) return undefined;
  const scaled = BigInt(whole + fraction) * BigInt(units[word]!);
  const divisor = 10n ** BigInt(fraction.length);
  const value = Number(scaled / divisor);
  return scaled % divisor === 0n && Number.isSafeInteger(value) ? value : undefined;
}

/** Writes an amount so that it reads as the same: in the largest unit of which it is a whole number. */
export function writeAmount(amount: number, dimension: Dimension): string {
  const fitting = Object.entries(dimensions[dimension].units).filter(([, size]) => amount % size === 0);
  const [unit, size] = amount === 0 ? fitting[0]! : fitting.at(-1)!;
  return `${amount / size}${unit}`;
}
