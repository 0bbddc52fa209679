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

/** Groups by the key of one of their values: the groups themselves at the last value. */
type GroupsByValue = Map<unknown, Group | GroupsByValue>;

/** What distinguishes a value from others. */
function keyOf(value: Json | undefined): unknown {
  return typeof value === "object" ? `\0${JSON.stringify(value)}` : value;
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
  const groups: Group[] = [];
  /** The groups by their first value, then by the next one and so on. */
  const root: GroupsByValue = new Map();
  const keysOf = catalogReader(by);
  const numbersOf = catalogReader(sum);
  const last = by.length - 1;

  function groupOf(values: readonly (Json | undefined)[]): Group {
    let level = root;
    for (let index = 0; index < last; index++) {
      const key = keyOf(values[index]);
      let next = level.get(key) as GroupsByValue | undefined;
      if (next === undefined) {
        next = new Map();
        level.set(key, next);
      }
      level = next;
    }
    const key = keyOf(values[last]);
    let group = level.get(key) as Group | undefined;
    if (group === undefined) {
      group = { values, count: 0, sums: sum.map(() => undefined) };
      groups.push(group);
      level.set(key, group);
    }
    return group;
  }

  function count(values: readonly (Json | undefined)[], numbers: readonly (Json | undefined)[]): void {
    const group = groupOf(values);
    group.count++;
    const { sums } = group;
    for (let index = 0; index < numbers.length; index++) {
      const number = numbers[index];
      if (typeof number === "number") sums[index] = (sums[index] ?? 0) + number;
    }
  }

  function add(socket: { readonly kind: Kind }): void {
    const numbers = numbersOf(socket);
    const values = keysOf(socket);
    if (!values.some(Array.isArray)) {
      count(values, numbers);
      return;
    }
    let combinations: (Json | undefined)[][] = [[]];
    for (const value of values) {
      const own = alternatives(value);
      combinations = combinations.flatMap((before) => own.map((each) => [...before, each]));
    }
    for (const each of combinations) count(each, numbers);
  }

  return { add, groups: () => groups };
}
