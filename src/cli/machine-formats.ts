/** Formats for machines, and chosen columns, of sockets or of groups of them: JSON, CSV, a table. */
import type { Catalog, CatalogColumn } from "../catalogue/catalog.ts";
import { describers, type Kind } from "../catalogue/describe.ts";
import { groupSockets } from "../catalogue/group.ts";
import { rowOrder } from "../catalogue/order.ts";
import { type Column, describer, suffixOf } from "../fields/column.ts";
import type { NameSource } from "../fields/names.ts";
import type { HostNames } from "../lookup/names.ts";
import type { Selection } from "../model/selection.ts";
import { ColumnsTable } from "../output/columns-table.ts";
import { CsvWriter } from "../output/csv.ts";
import { JsonWriter } from "../output/json.ts";
import type { Head, Row } from "../output/value.ts";
import type { Order, SortKey } from "../plan/plan.ts";
import { COUNT } from "../plan/view.ts";
import type { OpenQuery } from "../query/open.ts";
import type { SocketBatch } from "../query/query.ts";
import { columnsWith, selectedKinds } from "./columns.ts";
import { nameSource, useTable } from "./name-source.ts";
import type { Presentation, ShowOptions } from "./plan.ts";
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
function rowWriter({ stdout }: World, { format, header }: Presentation, heads: readonly Head[]): RowWriter {
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

/** The sockets of batches; meanwhile names are those of their table. */
function* socketsOf(
  names: HostNames,
  batches: Iterable<SocketBatch>,
  following: boolean,
): Generator<{ readonly kind: Kind }> {
  for (const batch of batches) {
    useTable(names, batch, following);
    yield* batch.sockets;
  }
}

/** Shows sockets, or groups of them, in a format for machines or as a table of chosen columns. */
export function showMachine(
  world: World,
  query: OpenQuery,
  presentation: Presentation,
  batches: Iterable<SocketBatch>,
  { following = false }: ShowOptions,
): void {
  const { format, columns, by, explainer } = presentation;
  const { names, plan } = query;
  const source = nameSource(plan, names, explainer);
  const sockets = socketsOf(names, batches, following);
  if (by !== undefined) showGroups(world, presentation, plan.order, source, sockets);
  else if (format === "csv" || columns !== undefined)
    showColumns(world, presentation, query.selection, source, sockets, following);
  else if (format !== "table") showObjects(world, format, source, sockets, following);
}

function showObjects(
  world: World,
  format: "json" | "ndjson",
  source: NameSource,
  sockets: Iterable<{ readonly kind: Kind }>,
  following: boolean,
): void {
  const describe = describers(source);
  const json = new JsonWriter(format, (bytes) => world.stdout.write(bytes));
  for (const socket of sockets) {
    json.write(describe(socket));
    if (following) json.flush();
  }
  json.end();
}

function choose(names: readonly string[], { find }: Catalog, whole: boolean): Chosen[] {
  return names.flatMap((name) => {
    const found = find(name, whole) ?? [];
    return found.map((column) => ({ name: found.length === 1 ? name : column.key, column }));
  });
}

/** Whether an option wants a column, so that it stands in CSV without being named. */
function isShown({ demand }: CatalogColumn, { shown, format }: Presentation): boolean {
  return demand === undefined || shown.has(demand) || (demand === "uid" && format !== "table");
}

function showColumns(
  world: World,
  presentation: Presentation,
  selection: Selection,
  source: NameSource,
  sockets: Iterable<{ readonly kind: Kind }>,
  following: boolean,
): void {
  const { format, columns } = presentation;
  const whole = format === "json" || format === "ndjson";
  const chosen =
    columns === undefined
      ? columnsWith(source, selectedKinds(selection))
          .columns.filter((column) => isShown(column, presentation))
          .map((column) => ({ name: column.key, column }))
      : choose(columns, columnsWith(source), whole);
  const writer = rowWriter(
    world,
    presentation,
    chosen.map((each) => headOf(each)),
  );
  for (const socket of sockets) {
    writer.write(chosen.map(({ column }) => column.read(socket)));
    if (following) writer.flush();
  }
  writer.end();
}

function showGroups(
  world: World,
  presentation: Presentation,
  order: Order,
  source: NameSource,
  sockets: Iterable<{ readonly kind: Kind }>,
): void {
  const catalog = columnsWith(source);
  const by = choose(presentation.by!, catalog, false);
  const sum = choose(presentation.columns!, catalog, false);
  const columns = (chosen: readonly Chosen[]) => chosen.map(({ column }) => column);
  const groups = groupSockets(sockets, columns(by), columns(sum));
  const heads = [
    ...by.map((each) => headOf(each, "by.")),
    { name: COUNT, key: COUNT, numeric: true },
    ...sum.map((each) => headOf(each, "sum.")),
  ];
  const keys = [...columns(by).map(({ key }) => key), COUNT, ...columns(sum).map(({ key }) => key)];
  const indexOf = ({ name }: SortKey) => keys.indexOf(name === COUNT ? COUNT : catalog.find(name)![0]!.key);
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
