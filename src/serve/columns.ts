/** The columns of rows: those of the catalogue, and the rates of the last two samples. */
import type { Unit } from "../bytes/layout.ts";
import type { Catalog, CatalogColumn } from "../catalogue/catalog.ts";
import type { ColumnType } from "../fields/column.ts";
import { socketColumns } from "../live/columns.ts";
import type { NumberName } from "../live/table.ts";
import type { Demand } from "../model/demand.ts";
import { wrongParameter } from "./problem.ts";

/** A rate. */
export interface LiveColumn {
  readonly name: string;
  readonly key: string;
  readonly doc: string;
  readonly unit: Unit | "1/s";
  readonly number: NumberName;
}

/** The names and keys of the rates, by their names in `top`. */
const rateNames = {
  rx: ["rx", "receivedBytesPerSecond"],
  tx: ["tx", "ackedBytesPerSecond"],
  rate: ["rate", "transferredBytesPerSecond"],
  retrans: ["retransRate", "retransmitsPerSecond"],
  drops: ["dropRate", "dropsPerSecond"],
} as const;

/** The rates. */
export const liveColumns: readonly LiveColumn[] = Object.entries(rateNames).map(([word, [name, key]]) => {
  const { doc, number, kind } = socketColumns.find((column) => column.key === word)!;
  return { name, key, doc, unit: kind === "bytes/s" ? "bytes/s" : "1/s", number: number! };
});

/** A column of an answer. */
export interface ServedColumn {
  readonly key: string;
  readonly type: ColumnType;
  readonly unit?: string | undefined;
  readonly doc: string;
  readonly demand?: Demand | undefined;
  /** The number of the live table; undefined for a column of the catalogue. */
  readonly number?: NumberName;
  readonly column?: CatalogColumn;
}

/** The columns that rows have unless others are named. */
export const shownColumns: readonly string[] = [
  "netid",
  "state",
  "local",
  "peer",
  "process",
  "rx",
  "tx",
  "recvq",
  "sendq",
  "rtt",
];

/** The columns that a name stands for: one, or all of an object. @throws Refusal for an unknown name */
export function columnsNamed(
  { find }: Pick<Catalog, "find">,
  parameter: string,
  name: string,
): ServedColumn[] {
  const live = liveColumns.find((each) => each.name === name || each.key === name);
  if (live !== undefined) {
    const { key, unit, doc, number } = live;
    return [{ key, type: "number", unit, doc, number }];
  }
  const found = find(name);
  if (found === undefined)
    throw wrongParameter(parameter, `"${name}" is not a column: /api/fields lists them.`);
  return found.map((column) => {
    const { key, type, unit, doc, demand } = column;
    return { key, type, unit, doc, demand, column };
  });
}

/** The most columns of one answer. */
const MOST_COLUMNS = 256;

/** The columns of a list of names. @throws Refusal */
export function columnsOf(catalog: Pick<Catalog, "find">, names: readonly string[]): readonly ServedColumn[] {
  const columns = names.flatMap((name) => columnsNamed(catalog, "columns", name));
  if (columns.length > MOST_COLUMNS)
    throw wrongParameter("columns", `These are more than ${MOST_COLUMNS} columns.`);
  return columns;
}

/** A column to sort by. */
export interface ServedSort {
  readonly column: ServedColumn;
  readonly descending: boolean;
}

/** Reads `sort`. @throws Refusal */
export function sortOf(catalog: Pick<Catalog, "find">, text: string): ServedSort {
  const descending = text.startsWith("-");
  const name = descending ? text.slice(1) : text;
  const [column, ...others] = columnsNamed(catalog, "sort", name);
  if (column === undefined || others.length > 0)
    throw wrongParameter("sort", `"${name}" is several columns.`);
  return { column, descending };
}

/** The demands of columns. A column never makes the demand `netns`, which would list other namespaces. */
export function demandsOf(columns: readonly ServedColumn[]): Demand[] {
  return columns.flatMap(({ demand }) => (demand === undefined || demand === "netns" ? [] : demand));
}
