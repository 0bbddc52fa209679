/** What a socket can show to machines: one row per value, from which JSON, its schema and its documentation are made. */
import type { Field, Fields, Unit } from "../bytes/layout.ts";
import type { Demand } from "../model/demand.ts";
import type { FactField, FactLayout, FactProperties } from "../model/fact.ts";
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
  readonly view: (socket: S) => object | undefined;
  /** Reads the value from that view. */
  readonly value: (struct: object) => Json | undefined;
}

/** One value that a socket can show. */
export interface Column<S> extends FactProperties {
  /** Its key in JSON; a dot descends into an object. */
  readonly key: string;
  readonly type: ColumnType;
  readonly unit?: Unit;
  /** What it means, in one line. */
  readonly doc: string;
  /** The kernel's name for it. */
  readonly kernel?: string;
  /** First kernel that sends it. */
  readonly since?: string;
  /** The demand that fills it; a column without one is always filled. */
  readonly demand?: Demand;
  /**
   * The values that it can have, if they are words. If the word stands for a number of the kernel (`kernel` is set),
   * the value may also be `unknown(N)`: newer kernels have more numbers.
   */
  readonly words?: readonly string[];
  /** What an array holds: values of a type, or objects of these keys. */
  readonly items?: ColumnType | readonly ItemKey[];
  /** What ss prints before the value, without the blanks around it. */
  readonly ss?: string;
  /** The row of the kernel struct that it is read from. */
  readonly field?: FactField;
  /** How it is read if it is a field of a kernel struct. */
  readonly part?: StructPart<S>;
  /** Reads it; undefined is absent. */
  readonly read: (socket: S) => Json | undefined;
}

/** How a column is read: all that the functions that make objects and rows need of it. */
export type ColumnReader<S> = Pick<Column<S>, "read" | "part">;

/** Units that a key ends in, so that a number is never without its unit. */
const unitSuffix: Partial<Record<Unit, string>> = {
  bytes: "Bytes",
  "bytes/s": "BytesPerSecond",
  ms: "Ms",
  us: "Us",
};

/** What a unit is called at the end of a key; undefined for a unit that keys do not name. */
export function suffixOf(unit: Unit | undefined): string | undefined {
  return unit === undefined ? undefined : unitSuffix[unit];
}

/** The JSON key of a layout's field: its name, and its unit unless the name has it. */
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

/** A socket's cookie as text; undefined for 0, which stands for a source without cookies, such as /proc. */
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

/** What a row of a layout or of a table of attributes says that a column repeats. */
type FactSource = FactProperties &
  Pick<FactField, "doc" | "listener"> &
  Partial<Pick<FactField, "unit" | "kernel" | "since">>;

/** The properties of a column that stand in the row of the field or attribute that it is read from. */
export function factOf({
  doc,
  listener,
  unit,
  kernel,
  since,
  metric,
  filter,
  group,
}: FactSource): Pick<Column<never>, "doc" | "unit" | "kernel" | "since" | keyof FactProperties> {
  return {
    doc: listener === undefined ? doc : `${doc}; for LISTEN: ${listener}`,
    ...(unit === undefined ? {} : { unit }),
    ...(kernel === undefined ? {} : { kernel }),
    ...(since === undefined ? {} : { since }),
    ...(metric === undefined ? {} : { metric }),
    ...(filter === undefined ? {} : { filter }),
    ...(group === undefined ? {} : { group }),
  };
}

/** Makes the function that reads a field of a view for machines; a plain number of the kernel is given as it is. */
function valueReader(name: string, field: FactField): StructPart<never>["value"] {
  type Struct = Readonly<Record<string, number | bigint | undefined>>;
  if (field.none === undefined && field.type !== "id64" && !isFlag(field))
    return (struct) => (struct as Struct)[name] as number | undefined;
  return (struct) => fieldValue(field, (struct as Struct)[name]);
}

/**
 * The columns of a kernel struct, below one key.
 *
 * @param key the object that holds them
 * @param demand what makes the kernel send the struct
 * @param view gives the view of it
 */
export function structColumns<S, L extends FactLayout>(
  key: string,
  demand: Demand | undefined,
  layout: L,
  view: (socket: S) => Partial<Fields<L>> | undefined,
): Column<S>[] {
  return Object.entries(layout).map(([name, field]) => {
    const value = valueReader(name, field);
    return {
      key: `${key}.${fieldKey(name, field)}`,
      type: isFlag(field) ? "boolean" : field.type === "id64" ? "hex" : "integer",
      field,
      ...factOf(field),
      ...(demand === undefined ? {} : { demand }),
      part: { view, value },
      read: (socket) => {
        const struct = view(socket);
        return struct === undefined ? undefined : value(struct);
      },
    };
  });
}

/** The words of the `state` column. */
export const stateWords: readonly string[] = states.map((state) =>
  "name" in state ? state.name : state.label,
);

type Tree = { [key: string]: Json | Tree };

/** Columns that are read together: those of one kernel struct, or a single one. */
interface Run<S> {
  readonly view: StructPart<S>["view"] | undefined;
  /** Where each column stands among all. */
  readonly places: readonly number[];
}

/** The columns in runs: neighbours that share a struct are in one. */
function runsOf<S>(columns: readonly ColumnReader<S>[]): Run<S>[] {
  const runs: { view: Run<S>["view"]; places: number[] }[] = [];
  columns.forEach(({ part }, place) => {
    const last = runs.at(-1);
    if (part !== undefined && last?.view === part.view) last.places.push(place);
    else runs.push({ view: part?.view, places: [place] });
  });
  return runs;
}

/** Makes the function that finds the object that a path of keys leads to, and makes it if it is not there yet. */
function branchAt(path: readonly string[]): (tree: Tree) => Tree {
  return (tree) => {
    let object = tree;
    for (const key of path) {
      object[key] ??= {};
      object = object[key] as Tree;
    }
    return object;
  };
}

/**
 * Makes the function that gives the plain object of a socket: each column that has a value, in the table's order. It
 * makes one view for each kernel struct of a socket.
 */
export function describer<S>(
  columns: readonly (Pick<Column<S>, "key"> & ColumnReader<S>)[],
): (socket: S) => { readonly [key: string]: Json } {
  const steps = runsOf(columns).map(({ view, places }) => {
    const own = places.map((place) => columns[place]!);
    const path = own[0]!.key.split(".").slice(0, -1);
    const branch = branchAt(path);
    const leaves = own.map(({ key }) => key.slice(key.lastIndexOf(".") + 1));
    if (view === undefined) {
      const { read } = own[0]!;
      return (socket: S, tree: Tree): void => {
        const value = read(socket);
        if (value !== undefined) branch(tree)[leaves[0]!] = value;
      };
    }
    const values = own.map(({ part }) => part!.value);
    return (socket: S, tree: Tree): void => {
      const struct = view(socket);
      if (struct === undefined) return;
      let object: Tree | undefined;
      for (let index = 0; index < values.length; index++) {
        const value = values[index]!(struct);
        if (value === undefined) continue;
        object ??= branch(tree);
        object[leaves[index]!] = value;
      }
    };
  });
  return (socket) => {
    const tree: Tree = {};
    for (const step of steps) step(socket, tree);
    return tree as { readonly [key: string]: Json };
  };
}

/**
 * Makes the function that reads columns of a socket as a row, with one view for each run of columns of one kernel
 * struct.
 */
export function rowReader<S>(columns: readonly ColumnReader<S>[]): (socket: S) => (Json | undefined)[] {
  const runs = runsOf(columns);
  return (socket) => {
    const row = new Array<Json | undefined>(columns.length);
    for (const { view, places } of runs) {
      if (view === undefined) {
        row[places[0]!] = columns[places[0]!]!.read(socket);
        continue;
      }
      const struct = view(socket);
      for (const place of places)
        row[place] = struct === undefined ? undefined : columns[place]!.part!.value(struct);
    }
    return row;
  };
}
