/** `--columns help`: every column that can be chosen by name. */
import type { CatalogColumn } from "../catalogue/catalog.ts";
import { everyColumn, shortNames } from "../output/columns.ts";
import { ColumnsTable } from "../output/columns-table.ts";
import { HELP_COLUMNS, wrapped } from "./help.ts";
import { optionsOf } from "./options.ts";

/** Where what a column means begins on a terminal. */
const MEANING_COLUMN = 26;

/** A column on a terminal: its key, then what it means, its other names, its unit and its option. */
function helpEntry(column: CatalogColumn, screen: number): string {
  const { key, unit, demand, doc } = column;
  const option = demand && optionsOf(demand);
  const left = key.padEnd(MEANING_COLUMN - 1);
  const others = [shortNames(column).join(", "), unit, option].filter((each) => each);
  const words = `${doc}${others.length > 0 ? ` [${others.join("; ")}]` : ""}`.split(" ");
  if (left.length < MEANING_COLUMN) return wrapped(left, words, screen);
  return `${key}\n${wrapped(" ".repeat(MEANING_COLUMN - 1), words, screen)}`;
}

/**
 * What `--columns help` shows: on a terminal as wide as that, elsewhere a line for each column.
 *
 * @param terminalColumns width of the terminal; 0 if unknown, undefined if it is not a terminal
 */
export function columnsHelp(terminalColumns: number | undefined): string {
  const { derived, columns } = everyColumn();
  const all: readonly CatalogColumn[] = [...derived, ...columns];
  if (terminalColumns !== undefined)
    return all.map((column) => helpEntry(column, terminalColumns || HELP_COLUMNS)).join("");
  const chunks: Uint8Array[] = [];
  const heads = ["COLUMN", "ALSO", "UNIT", "OPTION", "MEANING"].map((name) => ({
    name,
    key: name,
    numeric: false,
  }));
  const table = new ColumnsTable(heads, {
    header: true,
    screen: undefined,
    write: (bytes) => chunks.push(bytes),
  });
  for (const column of all) {
    const { key, unit, demand, doc } = column;
    const option = demand && optionsOf(demand);
    table.write([key, shortNames(column).join(" "), unit, option, doc]);
  }
  table.flush();
  return Buffer.concat(chunks).toString();
}
