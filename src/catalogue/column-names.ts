/** The names that people type for columns: keys, ends of keys, ss's words, and habitual names. */
import type { Unit } from "../bytes/layout.ts";
import { once } from "../enrich/once.ts";
import { suffixOf } from "../fields/column.ts";

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
export function habitsOf(key: string): string[] {
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
function shortNames({ key, unit }: NamedColumn): string[] {
  const bare = withoutUnit(key, unit);
  const end = (text: string) => text.slice(text.lastIndexOf(".") + 1);
  return [...habitsOf(key), end(bare), end(key), bare];
}

/** The word that ss prints before a value, without punctuation; undefined if there is none. */
export function wordOf(spelling: string | undefined): string | undefined {
  return /^([a-z][\w-]*?)-?:?$/.exec(spelling ?? "")?.[1];
}

/** The parts of a column that names refer to. */
export interface NamedColumn {
  readonly key: string;
  readonly unit?: Unit;
}

/** The column for a shared short name: the one outside of objects, else the one of TCP, else the only one. */
function meant<C extends NamedColumn>(candidates: readonly C[]): readonly C[] {
  const outside = candidates.filter(({ key }) => !key.includes("."));
  if (outside.length > 0) return outside.length === 1 ? outside : [];
  const ofTcp = candidates.filter(({ key }) => key.startsWith("tcpInfo."));
  if (ofTcp.length > 0) return ofTcp.length === 1 ? ofTcp : [];
  return candidates.length === 1 ? candidates : [];
}

/** The columns by their names. */
export interface ColumnNames<C> {
  /** The columns that a name stands for: one, or all of an object. */
  find(name: string): readonly C[] | undefined;
  /** The column of a key, or the columns of an object. */
  below(object: string): readonly C[];
  /** The names besides its key that stand for a column of a whole object alone. */
  shortsOf(column: C): readonly string[];
}

/**
 * Columns by name. Where names clash, the earlier kind of name counts.
 *
 * @param wordOf what ss calls a column; undefined if it does not print it
 */
export function columnNames<C extends NamedColumn>(
  columns: readonly C[],
  derived: readonly C[],
  wordOf: (column: C) => string | undefined,
): ColumnNames<C> {
  const byName = new Map<string, readonly C[]>();
  const below = (object: string) =>
    columns.filter(({ key }) => key === object || key.startsWith(`${object}.`));
  const add = (name: string, found: readonly C[]) => {
    const folded = fold(name);
    if (found.length > 0 && !byName.has(folded)) byName.set(folded, found);
  };
  const addMeant = (namesOf: (column: C) => readonly string[]) => {
    const candidates = new Map<string, C[]>();
    for (const column of columns)
      for (const name of new Set(namesOf(column).map(fold))) {
        const others = candidates.get(name);
        if (others === undefined) candidates.set(name, [column]);
        else others.push(column);
      }
    for (const [name, own] of candidates) add(name, meant(own));
  };
  const wordsOf = (column: C) => {
    const word = wordOf(column);
    return word === undefined ? [] : [word];
  };

  for (const column of derived) add(column.key, [column]);
  for (const column of columns) add(column.key, [column]);
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
  const find = (name: string) => {
    const folded = fold(name);
    if (!byName.has(folded)) addShortNames();
    return byName.get(folded);
  };
  return {
    find,
    below,
    shortsOf: (column) =>
      [...new Set([...shortNames(column), ...wordsOf(column)])].filter(
        (name) => name !== column.key && find(name)?.[0] === column,
      ),
  };
}
