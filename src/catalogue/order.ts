/** The order of values: numbers by size, texts as people sort them, absent values at the end. */
import type { Json } from "../model/json.ts";

/** Sorts `eth2` before `eth10` and `10.0.0.9` before `10.0.0.10`, in the same way on every host. */
const collator = new Intl.Collator("en", { numeric: true });

/** Compares texts. */
export const collate: (one: string, other: string) => number = collator.compare;

/** Compares values of one column. */
export function compareValues(a: Json, b: Json): number {
  if (typeof a === "number" && typeof b === "number") return a - b;
  const text = (value: Json) => (typeof value === "string" ? value : JSON.stringify(value));
  return collator.compare(text(a), text(b));
}

/** A value as it is compared: an empty list counts as absent. */
export function known(value: Json | undefined): Json | undefined {
  return Array.isArray(value) && value.length === 0 ? undefined : value;
}

/** A row's values in the columns that sort it. */
export type SortValues = readonly (Json | undefined)[];

/**
 * Makes the function that compares the values that two rows are sorted by.
 *
 * @param descending for each value whether the largest comes first; absent ones are last either way
 */
export function rowOrder(descending: readonly boolean[]): (a: SortValues, b: SortValues) => number {
  return (a, b) => {
    for (let index = 0; index < descending.length; index++) {
      const [left, right] = [known(a[index]), known(b[index])];
      if (left === undefined && right === undefined) continue;
      if (left === undefined) return 1;
      if (right === undefined) return -1;
      const order = compareValues(left, right);
      if (order !== 0) return descending[index] ? -order : order;
    }
    return 0;
  };
}
