/** Columns put together from others, for tables, CSV, sorting and grouping: whole objects do not have them. */

import { once } from "../enrich/once.ts";
import type { ProcessDetails } from "../enrich/process-details.ts";
import { type Owner, processName } from "../enrich/processes.ts";
import type { Column } from "../fields/column.ts";
import type { NameSource } from "../fields/names.ts";
import { detailsWithin } from "../fields/processes.ts";
import type { Json } from "../model/json.ts";
import type { Kind } from "../model/selection.ts";

/** A column that stands for others in tables. */
export interface DerivedColumn extends Column<unknown> {
  /** The key of those others, or the beginning of their keys. JSON has them instead. */
  readonly of?: string;
}

/** One side of a connection. */
type End = "local" | "peer";

/**
 * The parts of an endpoint, for families that do not use every column of the endpoint. Each part is a list of columns; the
 * first column with a value counts.
 */
const endParts: Partial<Record<Kind, Readonly<Record<End, readonly (readonly string[])[]>>>> = {
  unix: { local: [["path", "abstract"]], peer: [["inode"]] },
  packet: { local: [["interface", "interfaceIndex"]], peer: [] },
  netlink: { local: [["portId"]], peer: [["portId"]] },
  tipc: { local: [["node"], ["ref"]], peer: [["node"], ["ref"]] },
  xdp: { local: [["interface", "interfaceIndex"], ["queue"]], peer: [] },
};

type Read = (key: string) => Json | undefined;

/** `ADDRESS%INTERFACE:PORT`, an IPv6 address in brackets, `*` for no port. */
function inetEnd(read: Read): string {
  const host = String(read("host") ?? read("address"));
  const bracketed = host.includes(":") ? `[${host}]` : host;
  const link = read("interface");
  return `${bracketed}${link === undefined ? "" : `%${link}`}:${read("service") ?? (read("port") || "*")}`;
}

/** Joins the parts with colons. A missing part is `*`. */
function partsEnd(parts: readonly (readonly string[])[], read: Read): string | undefined {
  const values = parts.map((keys) => {
    const key = keys.find((each) => read(each) !== undefined);
    if (key === undefined) return undefined;
    return key === "abstract" ? `@${read(key)}` : String(read(key));
  });
  return values.every((value) => value === undefined)
    ? undefined
    : values.map((value) => value ?? "*").join(":");
}

/** The parts of an end that consists of each of its columns. */
function eachOf(end: End, columns: ReadonlyMap<string, unknown>): readonly (readonly string[])[] {
  const prefix = `${end}.`;
  return [...columns.keys()].flatMap((key) => (key.startsWith(prefix) ? [[key.slice(prefix.length)]] : []));
}

function endColumn(kind: Kind, end: End, columns: readonly Column<unknown>[]): DerivedColumn {
  const readers = new Map(columns.map(({ key, read }) => [key, read]));
  const parts = kind === "inet" ? undefined : (endParts[kind]?.[end] ?? eachOf(end, readers));
  return {
    key: end,
    of: end,
    type: "string",
    doc: `${end === "local" ? "local" : "peer"} address and port, or what the family has instead`,
    read: (socket) => {
      const read: Read = (key) => readers.get(`${end}.${key}`)?.(socket);
      return parts === undefined ? inetEnd(read) : partsEnd(parts, read);
    },
  };
}

/** Columns that show the first value that an object has, by their keys. */
const firsts = [
  {
    object: "netns",
    keys: ["name", "pid", "inode"],
    doc: "the network namespace: its name, else pid:N, else its inode",
  },
  { object: "container", keys: ["name", "id"], doc: "the container: its name, else its id" },
] as const;

function firstColumns(columns: readonly Column<unknown>[]): DerivedColumn[] {
  const byKey = new Map(columns.map((column) => [column.key, column]));
  return firsts.flatMap(({ object, keys, doc }) => {
    const found = keys.flatMap((key) => byKey.get(`${object}.${key}`) ?? []);
    const demand = found[0]?.demand;
    if (found.length === 0) return [];
    return {
      key: object,
      of: object,
      type: "string",
      doc,
      ...(demand === undefined ? {} : { demand }),
      read: (socket) => {
        for (const { key, read } of found) {
          const value = read(socket);
          if (value !== undefined) return key.endsWith(".pid") ? `pid:${value}` : String(value);
        }
        return undefined;
      },
    };
  });
}

const decoder = new TextDecoder();

/** One column about the processes that have a socket open. */
interface ProcessFact {
  readonly key: string;
  readonly type: "string" | "integer";
  readonly doc: string;
  /** Reads it from one process; undefined is absent. The details are read only for a fact that uses them. */
  readonly read: (owner: Owner, details: () => ProcessDetails | undefined) => string | number | undefined;
}

/** Each column reads only what it shows, so that a listing of names does not wait for command lines. */
const processFacts: readonly ProcessFact[] = [
  {
    key: "process",
    type: "string",
    doc: "names of the processes that have it open",
    read: ({ stat }) => decoder.decode(processName(stat)),
  },
  { key: "pid", type: "integer", doc: "their process ids", read: ({ pid }) => pid },
  { key: "fd", type: "integer", doc: "the file descriptors that they have it by", read: ({ fd }) => fd },
  {
    key: "exe",
    type: "string",
    doc: "paths of their programs",
    read: (_, details) => details()?.exe,
  },
  {
    key: "cmdline",
    type: "string",
    doc: "their arguments, with blanks between",
    read: (_, details) => details()?.cmdline?.join(" "),
  },
];

/** The columns about processes, without repeated values. @param processes the column that JSON has instead */
function processColumns(processes: Column<unknown>, names: NameSource): DerivedColumn[] {
  return processFacts.map(({ key, type, doc, read }) => ({
    key,
    of: processes.key,
    type: "array",
    items: type,
    doc,
    ...(processes.demand === undefined ? {} : { demand: processes.demand }),
    read: (socket) => {
      const owners = names.owners((socket as { readonly inode: number }).inode);
      if (owners === undefined) return undefined;
      const details = once(() => detailsWithin(owners, names));
      return [...new Set(owners.flatMap((owner, index) => read(owner, () => details()[index]) ?? []))];
    },
  }));
}

/** The derived columns of a kind of sockets. @param columns what its objects have */
export function derivedColumns(
  kind: Kind,
  columns: readonly Column<unknown>[],
  names: NameSource,
): readonly DerivedColumn[] {
  const processes = columns.find(({ key }) => key === "processes");
  const uid = columns.find(({ key }) => key === "uid");
  return [
    endColumn(kind, "local", columns),
    endColumn(kind, "peer", columns),
    ...firstColumns(columns),
    ...(processes === undefined ? [] : processColumns(processes, names)),
    ...(uid === undefined
      ? []
      : [
          {
            key: "user",
            type: "string",
            doc: "name of the owner, the uid if it has none",
            read: (socket: unknown) => {
              const value = uid.read(socket);
              return value === undefined ? undefined : (names.user(value as number) ?? String(value));
            },
          } as const,
        ]),
  ];
}
