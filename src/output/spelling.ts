/** ss's labels for columns. */
import type { Column } from "../fields/column.ts";
import { ssLabel } from "../table/labels.ts";
// Imported for its side effect: the modules that write rows register their labels when they are loaded.
import "./row.ts";
import "../families/inet/row/tcp-info-items.ts";

/** ss's label before a column's value, or its heading; undefined if ss does not print the value. */
export function ssSpelling({ ss, field }: Pick<Column<never>, "ss" | "field">): string | undefined {
  return ss ?? (field && ssLabel(field));
}
