/** Sockets grouped and counted: who has the most connections, in which states. */
import type { Json } from "../model/json.ts";
import type { CatalogColumn } from "./catalog.ts";
import type { Kind } from "./describe.ts";

/** Sockets that have the same values. */
export interface Group {
  /** Those values, in the order of the keys. */
  readonly values: readonly (Json | undefined)[];
  count: number;
  /** Sums of what is added up; undefined as long as no socket has the number. */
  readonly sums: (number | undefined)[];
}

/** The values that a socket counts for: each element of an array, or the value itself. */
function alternatives(value: Json | undefined): readonly (Json | undefined)[] {
  return Array.isArray(value) && value.length > 0
    ? [...new Set(value)]
    : [Array.isArray(value) ? undefined : value];
}

/**
 * Groups sockets by the values of columns. A socket that several processes have open counts for each.
 *
 * @param by the columns that they are grouped by
 * @param sum the columns of numbers that are added up
 * @returns the groups, in the order in which they were met
 */
export function groupSockets(
  sockets: Iterable<{ readonly kind: Kind }>,
  by: readonly CatalogColumn[],
  sum: readonly CatalogColumn[],
): Group[] {
  const groups = new Map<string, Group>();
  for (const socket of sockets) {
    const numbers = sum.map((column) => column.read(socket));
    let combinations: (Json | undefined)[][] = [[]];
    for (const column of by) {
      const own = alternatives(column.read(socket));
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
  return [...groups.values()];
}
