/** Groups of sockets with counts and sums: who has the most connections, in which states. */
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
  function add(socket: { readonly kind: Kind }): void {
    const numbers = numbersOf(socket);
    let combinations: (Json | undefined)[][] = [[]];
    for (const key of keysOf(socket)) {
      const own = alternatives(key);
      combinations = combinations.flatMap((values) => own.map((value) => [...values, value]));
    }
    for (const values of combinations) {
      const name = JSON.stringify(values);
      let group = groups.get(name);
      if (group === undefined) {
        group = { values, count: 0, sums: sum.map(() => undefined) };
        groups.set(name, group);
      }
      group.count++;
      const { sums } = group;
      numbers.forEach((number, index) => {
        if (typeof number === "number") sums[index] = (sums[index] ?? 0) + number;
      });
    }
  }
  return { add, groups: () => [...groups.values()] };
}
