/** Thresholds of rules: their values, units, reasons, and how they are written. */
import { readAmount, writeAmount } from "../filter/quantity.ts";

/** What a threshold counts. Times are in milliseconds, sizes in bytes, shares in percent. */
export type Quantity = "count" | "time" | "size" | "percent";

/** A number that decides whether a rule finds something. */
export interface Threshold {
  /** The value unless it is set to another one. */
  readonly value: number;
  readonly quantity: Quantity;
  /** What it counts, a colon, and the reason for the value, in one line. */
  readonly doc: string;
}

const US_PER_MS = 1000;

/** How to write a value of each quantity, for error messages. */
export const spelling: Readonly<Record<Quantity, string>> = {
  count: "a number",
  time: "a time such as 500ms or 5s (units: ms, s, m, h)",
  size: "a number of bytes such as 1500 or 64k (k, m, g: powers of 1024)",
  percent: "a percentage such as 80%",
};

/** Parses a value. @returns undefined if it is malformed */
export function readThreshold(text: string, quantity: Quantity): number | undefined {
  switch (quantity) {
    case "percent": {
      const digits = /^(\d{1,6}(?:\.\d{1,3})?)%?$/.exec(text)?.[1];
      return digits === undefined ? undefined : Number(digits);
    }
    case "time": {
      const microseconds = readAmount(text, "time");
      return microseconds === undefined || microseconds % US_PER_MS !== 0
        ? undefined
        : microseconds / US_PER_MS;
    }
    default:
      return readAmount(text, quantity);
  }
}

/** Formats a value so that {@link readThreshold} parses it back. */
export function writeThreshold(value: number, quantity: Quantity): string {
  if (quantity === "percent") return `${value}%`;
  return quantity === "time" ? writeAmount(value * US_PER_MS, "time") : writeAmount(value, quantity);
}
