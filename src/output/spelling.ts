/** What ss calls the columns that it shows, too. */
import type { Column } from "../fields/column.ts";
import { ssLabel } from "../table/labels.ts";
// The modules that write rows note their labels when they are loaded.
import "./row.ts";
import "../families/inet/row/tcp-info-items.ts";

/** What ss prints before the value of a column, or above it; undefined for a value that ss does not print. */
export function ssSpelling({ ss, field }: Pick<Column<never>, "ss" | "field">): string | undefined {
  return ss ?? (field && ssLabel(field));
}
