/** Groups of sockets with counts and sums, such as connections by process and state. */
import type { Json } from "../model/json.ts";
import type { Kind } from "../model/selection.ts";
import { type CatalogColumn, catalogReader } from "./catalog.ts";

/** A group of sockets. */
export interface Group {
  /** The values that its sockets share, in the order of the keys. */
  readonly values: readonly (Json | undefined)[];
  count: number;
  /** Sums of the added columns; undefined as long as no socket has the number. */
  readonly sums: (number | undefined)[];
}

/** The values that a socket counts for: each element of an array, or the value itself. */
function alternatives(value: Json | undefined): readonly (Json | undefined)[] {
  return Array.isArray(value) && value.length > 0
    ? [...new Set(value)]
    : [Array.isArray(value) ? undefined : value];
}

/** Names a group by its values. JSON of a list begins with another character than a text alone. */
function nameOf(values: readonly (Json | undefined)[]): string {
  const [value] = values;
  return values.length === 1 && typeof value === "string" ? `"${value}` : JSON.stringify(values);
}

/** Sockets being grouped. */
export interface Grouping {
  /** Counts a socket, once for each process that has it open. */
  add(socket: { readonly kind: Kind }): void;
  /** The groups so far, in the order of their first sockets. */
  groups(): Group[];
}

/**
 * Groups sockets by the values of columns.
 *
 * @param by the columns to group by
 * @param sum the columns of numbers to add up
 */
export function groupSockets(by: readonly CatalogColumn[], sum: readonly CatalogColumn[]): Grouping {
  const groups = new Map<string, Group>();
  const keysOf = catalogReader(by);
  const numbersOf = catalogReader(sum);
  function count(values: readonly (Json | undefined)[], numbers: readonly (Json | undefined)[]): void {
    const name = nameOf(values);
    let group = groups.get(name);
    if (group === undefined) {
      group = { values, count: 0, sums: sum.map(() => undefined) };
      groups.set(name, group);
    }
    group.count++;
    const { sums } = group;
    for (let index = 0; index < sums.length; index++) {
      const number = numbers[index];
      if (typeof number === "number") sums[index] = (sums[index] ?? 0) + number;
    }
  }
  function add(socket: { readonly kind: Kind }): void {
    const numbers = numbersOf(socket);
    const keys = keysOf(socket);
    if (!keys.some(Array.isArray)) {
      count(keys, numbers);
      return;
    }
    let combinations: (Json | undefined)[][] = [[]];
    for (const key of keys) {
      const own = alternatives(key);
      combinations = combinations.flatMap((values) => own.map((value) => [...values, value]));
    }
    for (const values of combinations) count(values, numbers);
  }
  return { add, groups: () => [...groups.values()] };
}
