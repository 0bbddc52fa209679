/** The columns that a presentation shows, groups by and adds up, with the names of a run. */
import type { Catalog, CatalogColumn } from "../catalogue/catalog.ts";
import type { NameSource } from "../fields/names.ts";
import type { Selection } from "../model/selection.ts";
import { columnsWith, selectedKinds } from "../output/columns.ts";
import type { Presentation } from "./plan.ts";

/** A chosen column, with the name that the user gave for it. */
export interface Chosen {
  readonly name: string;
  readonly column: CatalogColumn;
}

function choose(names: readonly string[], { find }: Catalog, whole: boolean): Chosen[] {
  return names.flatMap((name) => {
    const found = find(name, whole) ?? [];
    return found.map((column) => ({ name: found.length === 1 ? name : column.key, column }));
  });
}

/** The columns of rows of values: the named ones, or all that the options fill. */
export function chosenColumns(
  presentation: Presentation,
  selection: Pick<Selection, "tables">,
  source: NameSource,
): Chosen[] {
  const { format, columns } = presentation;
  const whole = format === "json" || format === "ndjson";
  if (columns !== undefined) return choose(columns, columnsWith(source), whole);
  return columnsWith(source, selectedKinds(selection))
    .columns.filter((column) => isShown(column, presentation))
    .map((column) => ({ name: column.key, column }));
}

/** Whether CSV has a column by default: the kernel always sends it, or an option requests it. */
function isShown({ demand }: CatalogColumn, { shown, format }: Presentation): boolean {
  return (
    demand === undefined ||
    shown.has(demand) ||
    ((demand === "uid" || demand === "peerNames") && format !== "table")
  );
}

/** The columns of a grouping: what sockets are grouped by, and what is added up. */
export interface GroupColumns {
  readonly by: readonly Chosen[];
  readonly sum: readonly Chosen[];
}

/** The columns of `--by`. */
export function groupColumns(presentation: Presentation, source: NameSource): GroupColumns {
  const catalog = columnsWith(source);
  return {
    by: choose(presentation.by!, catalog, false),
    sum: choose(presentation.columns!, catalog, false),
  };
}
