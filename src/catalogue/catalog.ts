/** The columns of all kinds of sockets in one catalogue, and the names that people type for them. */
import type { Unit } from "../bytes/layout.ts";
import { type Column, type ColumnReader, type ColumnType, rowReader } from "../fields/column.ts";
import { type NameSource, noNames } from "../fields/names.ts";
import type { Demand } from "../model/demand.ts";
import type { Json } from "../model/json.ts";
import type { Kind } from "../model/selection.ts";
import { columnNames, habitsOf, wordOf } from "./column-names.ts";
import { derivedColumns } from "./derived.ts";
import { columnsOf } from "./describe.ts";
import { networkOf, prefixLengths } from "./network.ts";

/** A column, of all kinds of sockets that have it. */
export interface CatalogColumn {
  readonly key: string;
  readonly type: ColumnType;
  readonly unit?: Unit;
  readonly doc: string;
  /** The demand that fills it; a column without one is always filled. */
  readonly demand?: Demand;
  /** Further names for it, in addition to its key. */
  readonly shorts: readonly string[];
  /** How it is read from a kind of socket; undefined if that kind does not have it. */
  readerOf(kind: Kind): ColumnReader<unknown> | undefined;
  /** Reads it; undefined if the socket does not have it. */
  read(socket: { readonly kind: Kind }): Json | undefined;
}

/** The function that reads columns of any socket as a row; columns of one kernel struct share a view of the socket. */
export function catalogReader(
  columns: readonly Pick<CatalogColumn, "readerOf">[],
): (socket: { readonly kind: Kind }) => (Json | undefined)[] {
  const byKind = new Map<Kind, (socket: unknown) => (Json | undefined)[]>();
  return (socket) => {
    let read = byKind.get(socket.kind);
    if (read === undefined) {
      read = rowReader(columns.map((column) => column.readerOf(socket.kind) ?? { read: () => undefined }));
      byKind.set(socket.kind, read);
    }
    return read(socket);
  };
}

/** All columns. */
export interface Catalog {
  /** The columns of whole objects, in the order of the kinds' tables. */
  readonly columns: readonly CatalogColumn[];
  /** The columns that are put together from others. */
  readonly derived: readonly CatalogColumn[];
  /**
   * The columns that a name stands for: one, or all of an object.
   *
   * @param whole for JSON: a derived column stands for its sources
   * @returns undefined for an unknown name
   */
  find(name: string, whole?: boolean): readonly CatalogColumn[] | undefined;
}

/** An address column as the networks of its addresses. */
function networkColumn(column: CatalogColumn, first: number, second?: number): CatalogColumn | undefined {
  const lengths = prefixLengths(first, second);
  const { key, type } = column;
  if (lengths === undefined || !key.endsWith(".address")) return undefined;
  const networkAt: CatalogColumn["read"] = (socket) => {
    const address = column.read(socket);
    return address === undefined ? undefined : networkOf(String(address), lengths);
  };
  return {
    key: key.replace(/address$/, "network"),
    type,
    doc: "the network that the address belongs to",
    ...(column.demand === undefined ? {} : { demand: column.demand }),
    shorts: [],
    readerOf: () => ({ read: (socket) => networkAt(socket as { readonly kind: Kind }) }),
    read: networkAt,
  };
}

/** A column of all kinds that have it, without the names that its values may need. */
interface Entry extends Pick<CatalogColumn, "key" | "type" | "unit" | "doc" | "demand"> {
  readonly kinds: Set<Kind>;
  /** ss's word for it. */
  readonly word: () => string | undefined;
  /** Whether it is put together from others. */
  readonly isDerived: boolean;
}

/** What names stand for. It is the same whatever names the values have. */
interface Index {
  readonly columns: readonly Entry[];
  readonly derived: readonly Entry[];
  /** The columns that a name stands for, without networks. */
  find(name: string, whole: boolean): readonly Entry[] | undefined;
  /** Further names that stand for a column alone. */
  shortsOf(entry: Entry): readonly string[];
}

/** The columns of several kinds: those of the same key are one. */
function merge(
  kinds: readonly Kind[],
  isDerived: boolean,
  columnsOf: (kind: Kind) => readonly Column<unknown>[],
  spelling: Spelling,
): Entry[] {
  const entries = new Map<string, Entry>();
  for (const kind of kinds) {
    for (const column of columnsOf(kind)) {
      const { key, type, unit, doc, demand } = column;
      const known = entries.get(key);
      if (known !== undefined) {
        known.kinds.add(kind);
        continue;
      }
      entries.set(key, {
        key,
        type,
        doc,
        ...(unit === undefined ? {} : { unit }),
        ...(demand === undefined ? {} : { demand }),
        kinds: new Set([kind]),
        word: () => wordOf(spelling(column)),
        isDerived,
      });
    }
  }
  return [...entries.values()];
}

/** The function that gives what ss prints before a column's value; undefined if it does not print the value. */
type Spelling = (column: Column<never>) => string | undefined;

function makeIndex(kinds: readonly Kind[], spelling: Spelling): Index {
  const own = new Map(kinds.map((kind) => [kind, columnsOf(kind, noNames)]));
  const columns = merge(kinds, false, (kind) => own.get(kind)!, spelling);
  /** The columns that a derived one stands for. */
  const sources = new Map<string, string>();
  const derivedOf = (kind: Kind) => {
    const derived = derivedColumns(kind, own.get(kind)!, noNames);
    for (const { key, of } of derived) if (of !== undefined) sources.set(key, of);
    return derived;
  };
  const derived = merge(kinds, true, derivedOf, spelling);

  const names = columnNames(columns, derived, ({ word }: Entry) => word());
  return {
    columns,
    derived,
    find(name, whole) {
      const found = names.find(name);
      const origin = found?.length === 1 ? sources.get(found[0]!.key) : undefined;
      return whole && origin !== undefined ? names.below(origin) : found;
    },
    shortsOf: (entry) => (entry.isDerived ? habitsOf(entry.key) : names.shortsOf(entry)),
  };
}

/** The indexes that were made, by the kinds in them: each takes milliseconds. */
const indexes = new WeakMap<Spelling, Map<string, Index>>();

function indexOf(ofKinds: readonly Kind[], spelling: Spelling): Index {
  const made = indexes.get(spelling) ?? new Map<string, Index>();
  indexes.set(spelling, made);
  const key = ofKinds.join();
  let index = made.get(key);
  if (index === undefined) {
    index = makeIndex(ofKinds, spelling);
    made.set(key, index);
  }
  return index;
}

/**
 * Makes the catalogue.
 *
 * @param names names for what the columns read: they may change what a column gives, and not which columns there are
 * @param spelling what ss prints before the field of a kernel struct; the same function for all catalogues
 */
export function catalog(names: NameSource, ofKinds: readonly Kind[], spelling: Spelling): Catalog {
  const index = indexOf(ofKinds, spelling);
  /** The readers of each kind of sockets that is read, by their keys. */
  const readers = {
    plain: new Map<Kind, ReadonlyMap<string, ColumnReader<unknown>>>(),
    derived: new Map<Kind, ReadonlyMap<string, ColumnReader<unknown>>>(),
  };
  const readersOf = (kind: Kind, isDerived: boolean) => {
    const known = readers[isDerived ? "derived" : "plain"];
    let found = known.get(kind);
    if (found === undefined) {
      const own = columnsOf(kind, names);
      const all = isDerived ? derivedColumns(kind, own, names) : own;
      found = new Map(all.map((column) => [column.key, column]));
      known.set(kind, found);
    }
    return found;
  };
  const bound = new Map<Entry, CatalogColumn>();
  const bind = (entry: Entry): CatalogColumn => {
    let column = bound.get(entry);
    if (column === undefined) {
      const { key, type, doc, unit, demand, isDerived } = entry;
      const readerOf = (kind: Kind) =>
        entry.kinds.has(kind) ? readersOf(kind, isDerived).get(key) : undefined;
      column = {
        key,
        type,
        doc,
        ...(unit === undefined ? {} : { unit }),
        ...(demand === undefined ? {} : { demand }),
        get shorts() {
          return index.shortsOf(entry);
        },
        readerOf,
        read: (socket) => readerOf(socket.kind)?.read(socket),
      };
      bound.set(entry, column);
    }
    return column;
  };
  return {
    get columns() {
      return index.columns.map(bind);
    },
    get derived() {
      return index.derived.map(bind);
    },
    find(name, whole = false) {
      const network = /^(.+?)\/(\d+)(?:\/(\d+))?$/.exec(name);
      if (network === null) return index.find(name, whole)?.map(bind);
      const [address, ...others] = index.find(network[1]!, false) ?? [];
      if (address === undefined || others.length > 0) return undefined;
      const second = network[3] === undefined ? undefined : Number(network[3]);
      const column = networkColumn(bind(address), Number(network[2]), second);
      return column && [column];
    },
  };
}
