/** Formats column values as text, for tables and CSV. */
import type { Unit } from "../bytes/layout.ts";
import type { Json } from "../model/json.ts";

/** A column of the output, whose rows are sockets or groups. */
export interface Head {
  /** Heading in tables. */
  readonly name: string;
  /** Key in JSON and CSV; dots separate nested objects. */
  readonly key: string;
  /** Whether its values are numbers. */
  readonly numeric: boolean;
  /** Unit of its values, unless the name contains it. */
  readonly unit?: Unit;
}

/** The values of a row, in the order of the columns. */
export type Row = readonly (Json | undefined)[];

/** The text of a value. Elements of a flat list are joined with `separator`; anything nested is JSON. */
export function valueText(value: Json, separator: string): string {
  if (typeof value === "string") return value;
  if (!Array.isArray(value) || value.some((each) => typeof each === "object")) return JSON.stringify(value);
  return value.join(separator);
}
