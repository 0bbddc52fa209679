/** The columns that can be chosen by name, before any socket is there. */
import { type Catalog, type CatalogColumn, catalog } from "../catalogue/catalog.ts";
import { kinds } from "../catalogue/describe.ts";
import { once } from "../enrich/once.ts";
import { type NameSource, noNames } from "../fields/names.ts";
import type { Kind } from "../model/selection.ts";
import { kindsOf, type Selection } from "../model/selection.ts";
import { ssSpelling } from "./spelling.ts";

/** The catalogues that have been made, as long as their names are in use. */
const made = new WeakMap<NameSource, Catalog>();

/** The columns with the names of a run. Those of all kinds are made once for the same names: that takes milliseconds. */
export function columnsWith(names: NameSource, ofKinds: readonly Kind[] = kinds): Catalog {
  if (ofKinds !== kinds) return catalog(names, ofKinds, ssSpelling);
  let known = made.get(names);
  if (known === undefined) {
    known = catalog(names, kinds, ssSpelling);
    made.set(names, known);
  }
  return known;
}

/** The columns as they are looked up while a command line is read: they know no names. */
export const everyColumn = (): Catalog => columnsWith(noNames);

/** The kinds of the sockets that are selected, in the order of the tables of columns. */
export function selectedKinds({ tables }: Pick<Selection, "tables">): readonly Kind[] {
  const selected = kindsOf({ tables });
  return kinds.filter((kind) => selected.has(kind));
}

/** What a person may call a column, beside its key. */
export function shortNames({ shorts }: Pick<CatalogColumn, "shorts">): readonly string[] {
  return shorts.filter((name) => !name.includes("."));
}

/** The words that a list of columns is completed with. */
export const columnNames: () => readonly string[] = once(() => {
  const { derived, columns } = everyColumn();
  return [...new Set([...derived, ...columns].flatMap((column) => [column.key, ...shortNames(column)]))];
});
