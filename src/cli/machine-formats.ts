/** Writes sockets or groups as JSON, CSV or a table of chosen columns. */
import { type CatalogColumn, catalogReader } from "../catalogue/catalog.ts";
import { columnsByKind } from "../catalogue/describe.ts";
import { type Group, groupSockets } from "../catalogue/group.ts";
import { rowOrder } from "../catalogue/order.ts";
import { once } from "../enrich/once.ts";
import { type Column, describer, suffixOf } from "../fields/column.ts";
import { type NameSource, noNames } from "../fields/names.ts";
import type { Demand } from "../model/demand.ts";
import type { InetTable } from "../model/inet-tables.ts";
import type { DumpName, Kind } from "../model/selection.ts";
import { columnsWith } from "../output/columns.ts";
import { ColumnsTable } from "../output/columns-table.ts";
import { CsvWriter } from "../output/csv.ts";
import { JsonWriter } from "../output/json.ts";
import { objectEncoder, SocketJsonWriter } from "../output/json-encoder.ts";
import { nameSource, tableChooser } from "../output/name-source.ts";
import type { Head, Row } from "../output/value.ts";
import { COUNT, type Order, type SortKey } from "../plan/plan.ts";
import type { OpenQuery } from "../query/open.ts";
import type { RowSink, SocketBatch } from "../query/query.ts";
import { type Chosen, chosenColumns, type GroupColumns, groupColumns } from "./chosen-columns.ts";
import type { Presentation, ShowOptions } from "./plan.ts";
import type { World } from "./world.ts";

/** Writes rows in one format. */
export interface RowWriter {
  write(row: Row): void;
  flush(): void;
  end(): void;
}

function isNumeric({ type }: CatalogColumn): boolean {
  return type === "integer" || type === "number";
}

/** The heading of a column. It has the unit unless the name contains it or the unit needs no suffix. */
export function headOf({ name, column }: Chosen, prefix = ""): Head {
  const { key, unit } = column;
  const showsUnit = suffixOf(unit) !== undefined && name !== key && !name.includes(unit!);
  return { name, key: prefix + key, numeric: isNumeric(column), ...(showsUnit ? { unit: unit! } : {}) };
}

/** The writer for the presentation's format. */
export function rowWriter(
  { stdout }: World,
  { format, header }: Presentation,
  heads: readonly Head[],
): RowWriter {
  const write = (bytes: Uint8Array) => stdout.write(bytes);
  const terminal = stdout.terminalColumns;
  if (format === "csv") {
    const csv = new CsvWriter(heads, { header, escape: terminal !== undefined, write });
    return { write: (row) => csv.write(row), flush: () => csv.flush(), end: () => csv.flush() };
  }
  if (format === "table") {
    const table = new ColumnsTable(heads, { header, screen: terminal || undefined, write });
    return { write: (row) => table.write(row), flush: () => table.flush(), end: () => table.flush() };
  }
  const json = new JsonWriter(format, write);
  const columns = heads.map(
    ({ key }, index): Pick<Column<Row>, "key" | "read"> => ({ key, read: (row) => row[index] }),
  );
  const describe = describer(columns);
  return { write: (row) => json.write(describe(row)), flush: () => json.flush(), end: () => json.end() };
}

/**
 * Visits every socket, with port names set to the services of its table. Resolves after the last socket.
 *
 * @param rows takes sockets without a visit, see `Query.rows`
 */
type EachSocket = (visit: (socket: { readonly kind: Kind }) => void, rows?: RowSink) => Promise<void>;

/** Shows sockets or groups in a machine format, or as a table of chosen columns. */
export async function showMachine(
  world: World,
  query: OpenQuery,
  presentation: Presentation,
  list: (rows?: RowSink) => AsyncIterable<SocketBatch> | Iterable<SocketBatch>,
  { following = false }: ShowOptions,
): Promise<void> {
  const { format, columns, by, explainer } = presentation;
  const { names, plan } = query;
  const source = nameSource(plan, names, explainer);
  const useTable = tableChooser(names, following, query.selection);
  const each: EachSocket = async (visit, rows) => {
    for await (const batch of list(rows)) {
      useTable(batch);
      for (const socket of batch.sockets) visit(socket);
    }
  };
  if (by !== undefined) await showGroups(world, presentation, plan.order, source, each);
  else if (format === "csv" || columns !== undefined)
    await showColumns(world, presentation, query, source, each, following);
  else if (format !== "table") await showObjects(world, query, format, source, each, following);
}

/** Demands that columns get from names, never from the message of a socket: without them there is nothing to read. */
const namedDemands: ReadonlySet<Demand | undefined> = new Set<Demand>([
  "owners",
  "peerOwners",
  "containers",
  "explanation",
  "hostNames",
  "cgroup",
]);

/** The demands with which objects can be written straight from messages. */
const directDemands: ReadonlySet<Demand> = new Set<Demand>([
  "memory",
  "info",
  "uid",
  "extended",
  "peerNames",
  "cgroup",
]);

/** The tables whose objects can be written straight from messages. */
const directTables: ReadonlySet<DumpName> = new Set<InetTable>(["tcp", "udp", "raw"]);

type ObjectWriter = SocketJsonWriter<{ readonly kind: Kind }>;

/** What writes objects straight from messages; undefined if the plan needs more than these have. */
async function objectRows(
  { observeRows = (rows) => rows }: World,
  { names, plan }: OpenQuery,
  columns: readonly Column<never>[],
  json: ObjectWriter,
): Promise<RowSink | undefined> {
  const { demands, serviceNames } = plan;
  for (const demand of demands) if (!directDemands.has(demand)) return undefined;
  const { inetJson, jsonStructs } = await import("../output/inet-json.ts");
  const structs = jsonStructs(columns);
  const jsonNames = {
    service: serviceNames ? (port: number) => names.port(port) : undefined,
    interface: (index: number) => names.interface(index),
    cgroupPath: demands.has("cgroup") ? (id: bigint) => names.cgroupPath(id) : undefined,
  };
  return observeRows({
    begin(dump) {
      if (!directTables.has(dump)) return undefined;
      const table = dump as InetTable;
      names.useTable(table);
      const putObject = inetJson(json.text, table, jsonNames, structs);
      return {
        put(offset, length) {
          const start = json.begin();
          if (!putObject(offset, length)) {
            json.cancel(start);
            return false;
          }
          json.complete();
          return true;
        },
        write: (socket) => json.write(socket),
      };
    },
  });
}

async function showObjects(
  world: World,
  query: OpenQuery,
  format: "json" | "ndjson",
  source: NameSource,
  each: EachSocket,
  following: boolean,
): Promise<void> {
  const { demands } = query.plan;
  const columns = columnsByKind(source);
  const encoders = new Map(
    Object.entries(columns).map(([kind, columns]) => [
      kind,
      once(() => {
        const filled = (columns as readonly Column<unknown>[]).filter(
          ({ demand }) => !namedDemands.has(demand) || demands.has(demand!),
        );
        return objectEncoder<{ readonly kind: Kind }>(filled);
      }),
    ]),
  );
  const json = new SocketJsonWriter<{ readonly kind: Kind }>(
    format,
    (text, socket) => encoders.get(socket.kind)!()(text, socket),
    (bytes) => world.stdout.write(bytes),
  );
  const rows = following ? undefined : await objectRows(world, query, columns.inet, json);
  try {
    await each((socket) => {
      json.write(socket);
      if (following) json.flush();
    }, rows);
  } finally {
    json.end();
  }
}

async function showColumns(
  world: World,
  presentation: Presentation,
  { selection }: OpenQuery,
  source: NameSource,
  each: EachSocket,
  following: boolean,
): Promise<void> {
  const chosen = chosenColumns(presentation, selection, source);
  const writer = rowWriter(
    world,
    presentation,
    chosen.map((column) => headOf(column)),
  );
  const read = catalogReader(chosen.map(({ column }) => column));
  try {
    await each((socket) => {
      writer.write(read(socket));
      if (following) writer.flush();
    });
  } finally {
    writer.end();
  }
}

async function showGroups(
  world: World,
  presentation: Presentation,
  order: Order,
  source: NameSource,
  each: EachSocket,
): Promise<void> {
  const chosen = groupColumns(presentation, source);
  const columns = (list: readonly Chosen[]) => list.map(({ column }) => column);
  const grouping = groupSockets(columns(chosen.by), columns(chosen.sum));
  await each(grouping.add);
  writeGroups(world, presentation, order, chosen, grouping.groups());
}

/** Writes groups in the order of the plan, or the largest first. */
export function writeGroups(
  world: World,
  presentation: Presentation,
  order: Order,
  { by, sum }: GroupColumns,
  groups: readonly Group[],
): void {
  const { find } = columnsWith(noNames);
  const heads = [
    ...by.map((column) => headOf(column, "by.")),
    { name: COUNT, key: COUNT, numeric: true },
    ...sum.map((column) => headOf(column, "sum.")),
  ];
  const keysOf = (chosen: readonly Chosen[]) => chosen.map(({ column }) => column.key);
  const keys = [...keysOf(by), COUNT, ...keysOf(sum)];
  const indexOf = ({ name }: SortKey) =>
    keys.indexOf(name === COUNT ? COUNT : (find(name)?.[0]?.key ?? name));
  const sort = order.sort.length > 0 ? order.sort : [{ name: COUNT, descending: true }];
  const indexes = sort.map(indexOf);
  const compare = rowOrder(sort.map(({ descending }) => descending));
  const rows = groups
    .map(({ values, count, sums }) => {
      const row: Row = [...values, count, ...sums];
      return { row, keys: indexes.map((index) => row[index]) };
    })
    .sort((a, b) => compare(a.keys, b.keys))
    .slice(0, order.top);
  const writer = rowWriter(world, presentation, heads);
  for (const { row } of rows) writer.write(row);
  writer.end();
}
