/** Values of columns as text for people and spreadsheets. */
import type { Unit } from "../bytes/layout.ts";
import type { Json } from "../model/json.ts";

/** A column of rows: sockets, or groups of them. */
export interface Head {
  /** What people call it. */
  readonly name: string;
  /** What machines call it: its key in JSON, a dot for each object on the way. */
  readonly key: string;
  /** Whether its values are numbers. */
  readonly numeric: boolean;
  /** The unit of its values, unless the name tells it. */
  readonly unit?: Unit;
}

/** The values of a row, in the order of the columns. */
export type Row = readonly (Json | undefined)[];

/** The text of a value: lists of plain values with `separator` between them, everything deeper as JSON. */
export function valueText(value: Json, separator: string): string {
  if (typeof value === "string") return value;
  if (!Array.isArray(value) || value.some((each) => typeof each === "object")) return JSON.stringify(value);
  return value.join(separator);
}
