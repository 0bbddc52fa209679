/** The order of rows: ranks of values, so that a hundred thousand rows are sorted by numbers. */

import { catalogReader } from "../catalogue/catalog.ts";
import { compareValues } from "../catalogue/order.ts";
import { byEnd } from "../live/page.ts";
import { smallest } from "../live/smallest.ts";
import type { Json } from "../model/json.ts";
import type { ServedSort } from "./columns.ts";
import { type Matched, Remembered } from "./matching.ts";
import type { Snapshot } from "./snapshot.ts";

/** From this many different texts on, they are compared by their characters alone: collation takes too long. */
const COLLATED = 10_000;
/** Rows of a window near the beginning are selected without sorting the rest. */
const SELECTED = 2000;

/** Ranks of values; NaN for an absent one. */
function ranksOf(values: readonly (Json | undefined)[]): Float64Array {
  const ranks = new Float64Array(values.length).fill(Number.NaN);
  const texts = new Map<string, number>();
  const keys = new Array<string | undefined>(values.length);
  let numbers = true;
  for (let index = 0; index < values.length; index++) {
    const value = values[index];
    if (value === undefined || value === null || (Array.isArray(value) && value.length === 0)) continue;
    if (typeof value === "number" && numbers) {
      ranks[index] = value;
      continue;
    }
    if (numbers) {
      // Not numbers alone: all become texts.
      numbers = false;
      for (let before = 0; before < index; before++)
        if (!Number.isNaN(ranks[before]!)) {
          keys[before] = `${ranks[before]}`;
          texts.set(keys[before]!, 0);
        }
    }
    const text = typeof value === "string" ? value : JSON.stringify(value);
    keys[index] = text;
    texts.set(text, 0);
  }
  if (numbers) return ranks;
  const sorted = [...texts.keys()].sort(texts.size > COLLATED ? undefined : compareValues);
  for (const [rank, text] of sorted.entries()) texts.set(text, rank);
  for (let index = 0; index < values.length; index++) {
    const key = keys[index];
    ranks[index] = key === undefined ? Number.NaN : texts.get(key)!;
  }
  return ranks;
}

/** Compares two slots. */
type Compare = (a: number, b: number) => number;

const orders = new Remembered<Matched, readonly number[]>(8);

/** Compares by ranks: absent ones come last, equal ones stay in the order of their slots. */
function byRank(ranks: ArrayLike<number>, descending: boolean): Compare {
  const sign = descending ? -1 : 1;
  return (a, b) => {
    const left = ranks[a]!;
    const right = ranks[b]!;
    if (left < right) return -sign;
    if (left > right) return sign;
    if (left === right) return a - b;
    const leftAbsent = Number.isNaN(left);
    return leftAbsent === Number.isNaN(right) ? a - b : leftAbsent ? 1 : -1;
  };
}

/**
 * Numbers that order slots by columns whose values take long to read from a hundred thousand sockets: the live table
 * has what they are made of. The first process that has a socket open counts.
 */
const tableRanks: Readonly<Record<string, (snapshot: Snapshot, slots: readonly number[]) => Float64Array>> = {
  cookie: ({ table, sockets }, slots) => ranked(sockets.length, slots, (slot) => table.cookie(slot)),
  pid: ({ table, sockets }, slots) => ranked(sockets.length, slots, (slot) => table.process[slot]!),
  process({ table, sockets, owners }, slots) {
    const pids = [...new Set(slots.map((slot) => table.process[slot]!))];
    const ranks = ranksOf(pids.map((pid) => owners.name(pid)));
    const rankOf = new Map(pids.map((pid, index) => [pid, ranks[index]! + 1]));
    return ranked(sockets.length, slots, (slot) => rankOf.get(table.process[slot]!)!);
  },
};

/** The numbers of slots; NaN for numbers that are not positive, which stand for none. */
function ranked(length: number, slots: readonly number[], rankOf: (slot: number) => number): Float64Array {
  const ranks = new Float64Array(length).fill(Number.NaN);
  for (const slot of slots) {
    const rank = rankOf(slot);
    if (rank > 0) ranks[slot] = rank;
  }
  return ranks;
}

function compareOf(snapshot: Snapshot, { slots }: Matched, { column, descending }: ServedSort): Compare {
  const { table, sockets } = snapshot;
  if (column.number !== undefined) return byRank(table.numbers[column.number], descending);
  if (column.key === "local" || column.key === "peer") {
    const order = byEnd(table, column.key, descending);
    return (a, b) => order(a, b) || a - b;
  }
  const fast = Object.hasOwn(tableRanks, column.key) ? tableRanks[column.key] : undefined;
  if (fast !== undefined) return byRank(fast(snapshot, slots), descending);
  const read = catalogReader([column.column!]);
  const ranks = ranksOf(slots.map((slot) => read(sockets.at(slot)!)[0]));
  const bySlot = new Float64Array(sockets.length).fill(Number.NaN);
  slots.forEach((slot, index) => {
    bySlot[slot] = ranks[index]!;
  });
  return byRank(bySlot, descending);
}

/** A window of the selected sockets in an order. */
export function inOrder(
  snapshot: Snapshot,
  matched: Matched,
  sort: ServedSort,
  offset: number,
  limit: number,
): readonly number[] {
  const { slots } = matched;
  const name = `${sort.descending ? "-" : ""}${sort.column.key}`;
  const end = Math.min(offset + limit, slots.length);
  if (offset >= end) return [];
  const compare = () => compareOf(snapshot, matched, sort);
  if (end <= SELECTED) return smallest(slots, end, compare()).slice(offset);
  return orders.get(matched, name, () => slots.toSorted(compare())).slice(offset, end);
}
