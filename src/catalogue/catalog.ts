/** The columns of all kinds of sockets in one catalogue, and the names that people type for them. */
import type { Unit } from "../bytes/layout.ts";
import { once } from "../enrich/once.ts";
import { type Column, type ColumnReader, type ColumnType, rowReader, suffixOf } from "../fields/column.ts";
import { type NameSource, noNames } from "../fields/names.ts";
import type { Demand } from "../model/demand.ts";
import type { Json } from "../model/json.ts";
import type { Kind } from "../model/selection.ts";
import { derivedColumns } from "./derived.ts";
import { columnsOf, kinds } from "./describe.ts";
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

/** Names that users know from ss. */
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

/** Normalizes a name: ignores case, `-` and `_`. */
function fold(name: string): string {
  return name.toLowerCase().replace(/[-_]/g, "");
}

/** A key without the unit at its end. */
export function withoutUnit(key: string, unit: Unit | undefined): string {
  const suffix = suffixOf(unit);
  return suffix !== undefined && key.endsWith(suffix) ? key.slice(0, -suffix.length) : key;
}

/** Names for a column in addition to ss's: habitual names, and its key or the key's end, with and without the unit. */
function shortNames({ key, unit }: Pick<Entry, "key" | "unit">): string[] {
  const bare = withoutUnit(key, unit);
  const end = (text: string) => text.slice(text.lastIndexOf(".") + 1);
  return [...habitsOf(key), end(bare), end(key), bare];
}

/** The word that ss prints before a value, without punctuation; undefined if there is none. */
function wordOf(spelling: string | undefined): string | undefined {
  return /^([a-z][\w-]*?)-?:?$/.exec(spelling ?? "")?.[1];
}

/** The column for a shared short name: the one outside of objects, else the one of TCP, else the only one. */
function meant(candidates: readonly Entry[]): readonly Entry[] {
  const outside = candidates.filter(({ key }) => !key.includes("."));
  if (outside.length > 0) return outside.length === 1 ? outside : [];
  const ofTcp = candidates.filter(({ key }) => key.startsWith("tcpInfo."));
  if (ofTcp.length > 0) return ofTcp.length === 1 ? ofTcp : [];
  return candidates.length === 1 ? candidates : [];
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

/** ss's word for a column, if there is one. */
function wordsOf({ word }: Entry): string[] {
  const own = word();
  return own === undefined ? [] : [own];
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

  const byName = new Map<string, readonly Entry[]>();
  const add = (name: string, found: readonly Entry[]) => {
    const folded = fold(name);
    if (found.length > 0 && !byName.has(folded)) byName.set(folded, found);
  };
  const addMeant = (namesOf: (entry: Entry) => readonly string[]) => {
    const candidates = new Map<string, Entry[]>();
    for (const entry of columns)
      for (const name of new Set(namesOf(entry).map(fold))) {
        const others = candidates.get(name);
        if (others === undefined) candidates.set(name, [entry]);
        else others.push(entry);
      }
    for (const [name, entries] of candidates) add(name, meant(entries));
  };
  const below = (object: string) =>
    columns.filter(({ key }) => key === object || key.startsWith(`${object}.`));
  for (const entry of derived) add(entry.key, [entry]);
  for (const entry of columns) add(entry.key, [entry]);
  for (const { key } of columns)
    for (let dot = key.indexOf("."); dot >= 0; dot = key.indexOf(".", dot + 1))
      if (!byName.has(fold(key.slice(0, dot)))) add(key.slice(0, dot), below(key.slice(0, dot)));
  for (const [name, key] of Object.entries(habits)) add(name, byName.get(fold(key)) ?? []);
  /** Most names are keys, and the other names take longer to find out. */
  const addShortNames = once(() => {
    // ss uses one word for two values in places (rtt, retrans), so the end of a key counts first.
    addMeant(shortNames);
    addMeant(wordsOf);
  });
  const lookUp = (name: string): readonly Entry[] | undefined => {
    const folded = fold(name);
    if (!byName.has(folded)) addShortNames();
    return byName.get(folded);
  };
  return {
    columns,
    derived,
    find(name, whole) {
      const found = lookUp(name);
      const source = found?.length === 1 ? sources.get(found[0]!.key) : undefined;
      return whole && source !== undefined ? below(source) : found;
    },
    shortsOf(entry) {
      if (entry.isDerived) return habitsOf(entry.key);
      const all = new Set([...shortNames(entry), ...wordsOf(entry)]);
      return [...all].filter((name) => name !== entry.key && lookUp(name)?.[0] === entry);
    },
  };
}

/** The index of all kinds, once it is made: that takes milliseconds. */
const indexOfAll = new WeakMap<Spelling, Index>();

function indexOf(ofKinds: readonly Kind[], spelling: Spelling): Index {
  if (ofKinds !== kinds) return makeIndex(ofKinds, spelling);
  let index = indexOfAll.get(spelling);
  if (index === undefined) {
    index = makeIndex(kinds, spelling);
    indexOfAll.set(spelling, index);
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
