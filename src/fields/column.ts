/** What a socket can show to machines: one row a value, from which JSON, its schema and its documentation are made. */
import type { Field, Fields, Layout, Unit } from "../bytes/layout.ts";
import type { Demand } from "../model/demand.ts";
import type { Json } from "../model/json.ts";
import { states } from "../model/state.ts";

/** The JSON type of a value. `hex` is a string: a 64-bit identity, `0x` and hexadecimal digits. */
export type ColumnType = "string" | "integer" | "number" | "boolean" | "hex" | "array" | "any";

/** A key of the objects that an array holds. */
export interface ItemKey {
  readonly key: string;
  readonly type: ColumnType;
  /** What it means, in one line. */
  readonly doc: string;
  /** What it holds, if it is an array. */
  readonly items?: ColumnType;
  /** Some objects lack it. */
  readonly optional?: true;
}

/**
 * How a column of a kernel struct is read in two steps, so that all columns of the struct share one view of a socket.
 */
export interface StructPart<S> {
  /** The view of a socket's struct, undefined if there is none; the same function for all columns of the struct. */
  view(socket: S): object | undefined;
  /** Reads the value from that view. */
  value(struct: object): Json | undefined;
}

/** One value that a socket can show. */
export interface Column<S> {
  /** Its key in JSON; a dot descends into an object. */
  readonly key: string;
  readonly type: ColumnType;
  readonly unit?: Unit;
  /** What it means, in one line. */
  readonly doc: string;
  /** The kernel's name for it. */
  readonly kernel?: string;
  /** First kernel that tells it. */
  readonly since?: string;
  /** The demand that fills it; without one it is always there. */
  readonly demand?: Demand;
  /**
   * The values that it can have, where they are words. A word for a number of the kernel's (`kernel` is there) may
   * also be `unknown(N)`: newer kernels have more numbers.
   */
  readonly words?: readonly string[];
  /** What an array holds: values of a type, or objects of these keys. */
  readonly items?: ColumnType | readonly ItemKey[];
  /** What ss prints before the value, blanks at either end left out. */
  readonly ss?: string;
  /** The row of the kernel struct that it is read from. */
  readonly field?: Field;
  /** How it is read if it is a field of a kernel struct. */
  readonly part?: StructPart<S>;
  /** Reads it; undefined is absent. */
  readonly read: (socket: S) => Json | undefined;
}

/** Units that a key ends in, so that a number never stands without its unit. */
const unitSuffix: Partial<Record<Unit, string>> = {
  bytes: "Bytes",
  "bytes/s": "BytesPerSecond",
  ms: "Ms",
  us: "Us",
};

/** What a unit is called at the end of a key; undefined for a unit that keys do not tell. */
export function suffixOf(unit: Unit | undefined): string | undefined {
  return unit === undefined ? undefined : unitSuffix[unit];
}

/** The JSON key of a layout's field: its name, and its unit unless the name tells it. */
export function fieldKey(name: string, field: Field): string {
  const suffix = suffixOf(field.unit);
  if (suffix === undefined) return name;
  const words = name.replace(/[A-Z]/g, " $&").toLowerCase().split(" ");
  return words.includes(suffix.toLowerCase()) ? name : name + suffix;
}

/** A 64-bit identity as text. */
export function hexIdentity(value: bigint): string {
  return `0x${value.toString(16)}`;
}

/** A socket's cookie as text; undefined for 0, which says that the source of the socket does not tell. */
export function cookieText(cookie: bigint): string | undefined {
  return cookie === 0n ? undefined : hexIdentity(cookie);
}

/** Whether a field is a flag: one bit. */
export function isFlag(field: Field): boolean {
  return field.bits?.[1] === 1;
}

/** The value of a layout's field for machines: flags as booleans, "no limit" and what was not sent as absence. */
export function fieldValue(field: Field, value: number | bigint | undefined): Json | undefined {
  if (value === undefined || value === field.none) return undefined;
  if (typeof value === "bigint") return hexIdentity(value);
  return isFlag(field) ? value !== 0 : value;
}

/**
 * The columns of a kernel struct, below one key.
 *
 * @param key the object that they stand in
 * @param demand what asks the kernel for the struct
 * @param view gives the view of it
 */
export function structColumns<S, L extends Layout>(
  key: string,
  demand: Demand | undefined,
  layout: L,
  view: (socket: S) => Partial<Fields<L>> | undefined,
): Column<S>[] {
  return Object.entries(layout).map(([name, field]) => ({
    key: `${key}.${fieldKey(name, field)}`,
    type: isFlag(field) ? "boolean" : field.type === "id64" ? "hex" : "integer",
    doc: field.doc,
    field,
    ...(field.unit === undefined ? {} : { unit: field.unit }),
    ...(field.kernel === undefined ? {} : { kernel: field.kernel }),
    ...(field.since === undefined ? {} : { since: field.since }),
    ...(demand === undefined ? {} : { demand }),
    part: { view, value: (struct) => fieldValue(field, (struct as Partial<Fields<L>>)[name]) },
    read: (socket) => {
      const struct = view(socket);
      return struct === undefined ? undefined : fieldValue(field, struct[name]);
    },
  }));
}

/** The words of the `state` column. */
export const stateWords: readonly string[] = states.map((state) =>
  "name" in state ? state.name : state.label,
);

type Tree = { [key: string]: Json | Tree };

/**
 * Makes the function that gives the plain object of a socket: each column that has a value, in the table's order.
 */
export function describer<S>(
  columns: readonly Pick<Column<S>, "key" | "read">[],
): (socket: S) => { readonly [key: string]: Json } {
  const steps = columns.map(({ key, read }) => {
    const path = key.split(".");
    return { leaf: path.pop()!, path, read };
  });
  return (socket) => {
    const tree: Tree = {};
    for (const { path, leaf, read } of steps) {
      const value = read(socket);
      if (value === undefined) continue;
      let object = tree;
      for (const key of path) {
        object[key] ??= {};
        object = object[key] as Tree;
      }
      object[leaf] = value;
    }
    return tree as { readonly [key: string]: Json };
  };
}
