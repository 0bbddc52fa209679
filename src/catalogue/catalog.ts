/** The columns of all kinds of sockets in one catalogue, and the names that people type for them. */
import type { Unit } from "../bytes/layout.ts";
import { type Column, type ColumnReader, type ColumnType, rowReader } from "../fields/column.ts";
import type { NameSource } from "../fields/names.ts";
import type { Demand } from "../model/demand.ts";
import type { Json } from "../model/json.ts";
import type { Kind } from "../model/selection.ts";
import { columnNames, habitsOf, shortNames, wordOf } from "./column-names.ts";
import { type DerivedColumn, derivedColumns } from "./derived.ts";
import { columnsByKind } from "./describe.ts";
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
  if (lengths === undefined || !column.key.endsWith(".address")) return undefined;
  const networkAt: CatalogColumn["read"] = (socket) => {
    const address = column.read(socket);
    return address === undefined ? undefined : networkOf(String(address), lengths);
  };
  return {
    ...column,
    key: column.key.replace(/address$/, "network"),
    doc: "the network that the address belongs to",
    shorts: [],
    readerOf: () => ({ read: (socket) => networkAt(socket as { readonly kind: Kind }) }),
    read: networkAt,
  };
}

/**
 * Makes the catalogue.
 *
 * @param spelling what ss prints before the field of a kernel struct
 */
export function catalog(
  source: NameSource,
  kinds: readonly Kind[],
  spelling: (column: Column<never>) => string | undefined,
): Catalog {
  const byKind = columnsByKind(source);
  /** What ss calls the columns, by their keys. */
  const words = new Map<string, string>();
  /** The columns of the same key, of all kinds, as one. */
  function merge(columnsOf: (kind: Kind) => readonly Column<unknown>[]): CatalogColumn[] {
    const readers = new Map<string, Partial<Record<Kind, ColumnReader<unknown>>>>();
    const merged: CatalogColumn[] = [];
    for (const kind of kinds) {
      for (const column of columnsOf(kind)) {
        const { key, type, unit, doc, demand } = column;
        const known = readers.get(key);
        if (known !== undefined) {
          known[kind] = column;
          continue;
        }
        const own: Partial<Record<Kind, ColumnReader<unknown>>> = { [kind]: column };
        readers.set(key, own);
        const word = wordOf(spelling(column));
        if (word !== undefined) words.set(key, word);
        merged.push({
          key,
          type,
          doc,
          shorts: shortNames(column),
          ...(unit === undefined ? {} : { unit }),
          ...(demand === undefined ? {} : { demand }),
          readerOf: (each) => own[each],
          read: (socket) => own[socket.kind]?.read(socket),
        });
      }
    }
    return merged;
  }

  const columnsOf = (kind: Kind) => byKind[kind] as readonly Column<unknown>[];
  const columns = merge(columnsOf);
  const sources = new Map<string, string>();
  const derived = merge((kind) => {
    const own: readonly DerivedColumn[] = derivedColumns(kind, columnsOf(kind), source);
    for (const { key, of } of own) if (of !== undefined) sources.set(key, of);
    return own;
  });

  const names = columnNames(columns, derived, words);
  return {
    columns: columns.map((column) => ({ ...column, shorts: names.shortsOf(column) })),
    derived: derived.map((column) => ({ ...column, shorts: habitsOf(column.key) })),
    find(name, whole = false) {
      const network = /^(.+?)\/(\d+)(?:\/(\d+))?$/.exec(name);
      if (network !== null) {
        const [address, ...others] = names.find(network[1]!) ?? [];
        if (address === undefined || others.length > 0) return undefined;
        const second = network[3] === undefined ? undefined : Number(network[3]);
        const column = networkColumn(address, Number(network[2]), second);
        return column && [column];
      }
      const found = names.find(name);
      const origin = found?.length === 1 ? sources.get(found[0]!.key) : undefined;
      return whole && origin !== undefined ? names.below(origin) : found;
    },
  };
}
