/** The columns of all kinds of sockets in one catalogue, and the names that people type for them. */
import type { Unit } from "../bytes/layout.ts";
import { type Column, type ColumnReader, type ColumnType, rowReader, suffixOf } from "../fields/column.ts";
import type { NameSource } from "../fields/names.ts";
import type { Demand } from "../model/demand.ts";
import type { Json } from "../model/json.ts";
import type { Kind } from "../model/selection.ts";
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
  /** Names that mean it besides its key. */
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
   * @param whole for JSON: a column that is put together from others stands for those others
   * @returns undefined for an unknown name
   */
  find(name: string, whole?: boolean): readonly CatalogColumn[] | undefined;
}

/** Names that users of ss are used to. */
const habits: Readonly<Record<string, string>> = {
  recvq: "recvQueueBytes",
  sendq: "sendQueueBytes",
  src: "local.address",
  dst: "peer.address",
  sport: "local.port",
  dport: "peer.port",
  dev: "local.interface",
  cong: "congestion",
  skmem: "memory",
  comm: "process",
};

/** The habitual names of a column. */
function habitsOf(key: string): string[] {
  return Object.keys(habits).filter((name) => habits[name] === key);
}

/** A name without what does not matter: case, `-` and `_`. */
function fold(name: string): string {
  return name.toLowerCase().replace(/[-_]/g, "");
}

/** A key without the unit at its end. */
export function withoutUnit(key: string, unit: Unit | undefined): string {
  const suffix = suffixOf(unit);
  return suffix !== undefined && key.endsWith(suffix) ? key.slice(0, -suffix.length) : key;
}

/** Names for a column besides that of ss: names by habit, and its key or the key's end, with and without the unit. */
function shortNames({ key, unit }: Column<never>): string[] {
  const bare = withoutUnit(key, unit);
  const end = (text: string) => text.slice(text.lastIndexOf(".") + 1);
  return [...habitsOf(key), end(bare), end(key), bare];
}

/** The word in what ss prints before a value; undefined if there is none. */
function wordOf(spelling: string | undefined): string | undefined {
  return /^([a-z][\w-]*?)-?:?$/.exec(spelling ?? "")?.[1];
}

/** The column that a shared short name means: the one outside of objects, else the one of TCP, else the only one. */
function meant(candidates: readonly CatalogColumn[]): readonly CatalogColumn[] {
  const outside = candidates.filter(({ key }) => !key.includes("."));
  if (outside.length > 0) return outside.length === 1 ? outside : [];
  const ofTcp = candidates.filter(({ key }) => key.startsWith("tcpInfo."));
  if (ofTcp.length > 0) return ofTcp.length === 1 ? ofTcp : [];
  return candidates.length === 1 ? candidates : [];
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
  names: NameSource,
  kinds: readonly Kind[],
  spelling: (column: Column<never>) => string | undefined,
): Catalog {
  const byKind = columnsByKind(names);
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
    const own: readonly DerivedColumn[] = derivedColumns(kind, columnsOf(kind), names);
    for (const { key, of } of own) if (of !== undefined) sources.set(key, of);
    return own;
  });

  const byName = new Map<string, readonly CatalogColumn[]>();
  const add = (name: string, found: readonly CatalogColumn[]) => {
    const folded = fold(name);
    if (found.length > 0 && !byName.has(folded)) byName.set(folded, found);
  };
  const addMeant = (namesOf: (column: CatalogColumn) => string | readonly string[]) => {
    const candidates = new Map<string, CatalogColumn[]>();
    for (const column of columns)
      for (const name of new Set([namesOf(column)].flat().map(fold)))
        candidates.set(name, [...(candidates.get(name) ?? []), column]);
    for (const [name, own] of candidates) add(name, meant(own));
  };
  const below = (object: string) =>
    columns.filter(({ key }) => key === object || key.startsWith(`${object}.`));
  for (const column of [...derived, ...columns]) add(column.key, [column]);
  for (const { key } of columns)
    for (let dot = key.indexOf("."); dot >= 0; dot = key.indexOf(".", dot + 1))
      if (!byName.has(fold(key.slice(0, dot)))) add(key.slice(0, dot), below(key.slice(0, dot)));
  for (const [name, key] of Object.entries(habits)) add(name, byName.get(fold(key)) ?? []);
  // ss uses one word for two values in places (rtt, retrans), so the end of a key counts first.
  addMeant((column) => column.shorts);
  addMeant(({ key }) => words.get(key) ?? []);

  const isMeant = (column: CatalogColumn) => (name: string) => byName.get(fold(name))?.[0] === column;
  return {
    columns: columns.map((column) => ({
      ...column,
      shorts: [...new Set([...column.shorts, words.get(column.key) ?? []].flat())].filter(
        (name) => name !== column.key && isMeant(column)(name),
      ),
    })),
    derived: derived.map((column) => ({ ...column, shorts: habitsOf(column.key) })),
    find(name, whole = false) {
      const network = /^(.+?)\/(\d+)(?:\/(\d+))?$/.exec(name);
      if (network !== null) {
        const [address, ...others] = byName.get(fold(network[1]!)) ?? [];
        if (address === undefined || others.length > 0) return undefined;
        const second = network[3] === undefined ? undefined : Number(network[3]);
        const column = networkColumn(address, Number(network[2]), second);
        return column && [column];
      }
      const found = byName.get(fold(name));
      const source = found?.length === 1 ? sources.get(found[0]!.key) : undefined;
      return whole && source !== undefined ? below(source) : found;
    },
  };
}
