/** Showing chosen columns, of sockets or of groups of them: as a table, as CSV, as JSON. */
import type { Catalog, CatalogColumn } from "../catalogue/catalog.ts";
import type { Kind } from "../catalogue/describe.ts";
import { groupSockets } from "../catalogue/group.ts";
import { rowOrder } from "../catalogue/order.ts";
import { type Column, describer, suffixOf } from "../fields/column.ts";
import type { NameSource } from "../fields/names.ts";
import type { HostNames } from "../lookup/names.ts";
import type { InetTable } from "../model/inet-tables.ts";
import type { Selection } from "../model/selection.ts";
import { ColumnsTable } from "../output/columns-table.ts";
import { CsvWriter } from "../output/csv.ts";
import { JsonWriter } from "../output/json.ts";
import type { Head, Row } from "../output/value.ts";
import type { SocketBatch } from "../query/list.ts";
import { COUNT, columnsWith, selectedKinds } from "./columns.ts";
import type { Draft } from "./options.ts";
import { isAsked, type SortName, type View, withEvidence } from "./view.ts";
import type { World } from "./world.ts";

/** A column that was chosen, under the name that it was chosen by. */
interface Chosen {
  readonly name: string;
  readonly column: CatalogColumn;
}

/** Takes rows. */
interface RowWriter {
  write(row: Row): void;
  flush(): void;
  end(): void;
}

function isNumeric({ type }: CatalogColumn): boolean {
  return type === "integer" || type === "number";
}

/** A heading: with the unit, unless the name tells it or it goes without saying. */
function headOf({ name, column }: Chosen, prefix = ""): Head {
  const { key, unit } = column;
  const telling = suffixOf(unit) !== undefined && name !== key && !name.includes(unit!);
  return { name, key: prefix + key, numeric: isNumeric(column), ...(telling ? { unit: unit! } : {}) };
}

/** Makes the writer of rows for a format. */
function rowWriter({ stdout }: World, { format, header }: Draft, heads: readonly Head[]): RowWriter {
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

/** All that a run's columns are read by. */
export interface RowSource {
  readonly names: HostNames;
  readonly source: NameSource;
  readonly batches: Iterable<SocketBatch>;
  /** Rows are handed on as they come: there may be no end. */
  readonly following: boolean;
}

/** The sockets of batches; meanwhile names are those of their table. */
function* socketsOf({ names, batches, following }: RowSource): Generator<{ readonly kind: Kind }> {
  for (const { dump, sockets } of batches) {
    // Of events ss takes the service names of any protocol.
    if (!following) names.useTable(dump as InetTable, sockets[0]?.origin.netns);
    yield* sockets;
  }
}

/** Shows rows of sockets, or of groups of them. */
export function showRows(
  world: World,
  draft: Draft,
  view: View,
  selection: Selection,
  rows: RowSource,
): void {
  if (view.by !== undefined) showGroups(world, draft, view, rows);
  else showColumns(world, draft, view, selection, rows);
}

function choose(names: readonly string[], { find }: Catalog, whole: boolean): Chosen[] {
  return names.flatMap((name) => {
    const found = find(name, whole) ?? [];
    return found.map((column) => ({ name: found.length === 1 ? name : column.key, column }));
  });
}

function showColumns(world: World, draft: Draft, view: View, selection: Selection, rows: RowSource): void {
  const { following } = rows;
  const whole = draft.format === "json" || draft.format === "ndjson";
  const chosen =
    view.columns === undefined
      ? columnsWith(rows.source, selectedKinds(selection))
          .columns.filter((column) => isAsked(withEvidence(draft), column))
          .map((column) => ({ name: column.key, column }))
      : choose(view.columns, columnsWith(rows.source), whole);
  const writer = rowWriter(
    world,
    draft,
    chosen.map((each) => headOf(each)),
  );
  for (const socket of socketsOf(rows)) {
    writer.write(chosen.map(({ column }) => column.read(socket)));
    if (following) writer.flush();
  }
  writer.end();
}

function showGroups(world: World, draft: Draft, view: View, rows: RowSource): void {
  const catalog = columnsWith(rows.source);
  const by = choose(view.by!, catalog, false);
  const sum = choose(view.columns!, catalog, false);
  const columns = (chosen: readonly Chosen[]) => chosen.map(({ column }) => column);
  const groups = groupSockets(socketsOf(rows), columns(by), columns(sum));
  const heads = [
    ...by.map((each) => headOf(each, "by.")),
    { name: COUNT, key: COUNT, numeric: true },
    ...sum.map((each) => headOf(each, "sum.")),
  ];
  const keys = [...columns(by).map(({ key }) => key), COUNT, ...columns(sum).map(({ key }) => key)];
  const indexOf = ({ name }: SortName) => keys.indexOf(name === COUNT ? COUNT : catalog.find(name)![0]!.key);
  const sort = view.sort.length > 0 ? view.sort : [{ name: COUNT, descending: true }];
  const indexes = sort.map(indexOf);
  const order = rowOrder(sort.map(({ descending }) => descending));
  const sorted = groups
    .map(({ values, count, sums }) => {
      const row: Row = [...values, count, ...sums];
      return { row, keys: indexes.map((index) => row[index]) };
    })
    .sort((a, b) => order(a.keys, b.keys))
    .slice(0, view.top);
  const writer = rowWriter(world, draft, heads);
  for (const { row } of sorted) writer.write(row);
  writer.end();
}

/** The batches with their sockets sorted, and no more of these than are wanted. */
export function* arranged(
  view: View,
  { names, source, batches }: Omit<RowSource, "following">,
): Generator<SocketBatch> {
  const { sort, top = Number.POSITIVE_INFINITY } = view;
  let left = top;
  for (const { dump, sockets } of sort.length > 0 ? sorted(sort, { names, source, batches }) : batches) {
    yield { dump, sockets: sockets.length > left ? sockets.slice(0, left) : sockets };
    left -= sockets.length;
    if (left <= 0) return;
  }
}

/** All sockets in order, each in a batch of its own: its table goes with it. */
function* sorted(
  sort: readonly SortName[],
  { names, source, batches }: Pick<RowSource, "names" | "source" | "batches">,
): Generator<SocketBatch> {
  const { find } = columnsWith(source);
  const columns = sort.map(({ name }) => find(name)![0]!);
  const order = rowOrder(sort.map(({ descending }) => descending));
  const rows = [];
  for (const { dump, sockets } of batches) {
    names.useTable(dump as InetTable, sockets[0]?.origin.netns);
    for (const socket of sockets)
      rows.push({ dump, socket, values: columns.map((column) => column.read(socket)) });
  }
  rows.sort((a, b) => order(a.values, b.values));
  for (const { dump, socket } of rows) yield { dump, sockets: [socket] };
}
