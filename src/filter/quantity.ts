/** Amounts with units in filters: `50ms`, `64k`, `1.5mbps`, `3`. */
import { integer } from "../bytes/c-numbers.ts";

/** The spelling of one kind of amount. */
interface DimensionRow {
  /** A noun phrase for messages. */
  readonly expects: string;
  /** The units, smallest first, as multiples of the first. The empty name allows a number without a unit. */
  readonly units: Readonly<Record<string, number>>;
}

/** The kinds of amount. Values count in the smallest unit; names of units ignore case. */
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
/** Longer numbers are not safe integers in any unit, and slow to convert. */
const LONGEST = 40;

/**
 * Reads an amount. A count may have any base, like a port.
 *
 * @returns the value in the smallest unit; undefined for other text, and for fractions of that unit
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

/** Writes an amount in the largest unit that needs no fraction. `readAmount` reads the same value. */
export function writeAmount(amount: number, dimension: Dimension): string {
  const fitting = Object.entries(dimensions[dimension].units).filter(([, size]) => amount % size === 0);
  const [unit, size] = amount === 0 ? fitting[0]! : fitting.at(-1)!;
  return `${amount / size}${unit}`;
}
