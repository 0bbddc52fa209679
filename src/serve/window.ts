/** A window of rows: the part of an answer that /api/live and /api/history share. */
import { catalogReader } from "../catalogue/catalog.ts";
import type { Demand } from "../model/demand.ts";
import type { Json } from "../model/json.ts";
import { everyColumn } from "../output/columns.ts";
import type { OpenQuery } from "../query/open.ts";
import { columnsOf, demandsOf, type ServedColumn, sortOf } from "./columns.ts";
import { type Matched, matching, type Selecting, wantsOfFilter } from "./matching.ts";
import { inOrder } from "./order.ts";
import { listOf, MOST_ROWS, readNumber, readStates, readTables } from "./parameters.ts";
import type { Call } from "./route.ts";
import type { Snapshot, Wants } from "./snapshot.ts";
import { idOf } from "./socket-id.ts";
import { turns } from "./turns.ts";

/** What the parameters of a call select. @throws Refusal */
export function readSelecting(values: Call["values"], tables?: string): Selecting {
  return {
    tables: readTables(values["tables"] ?? tables),
    states: readStates(values["state"]),
    filter: values["filter"],
  };
}

/** A part of the rows, in an order. */
export interface WindowRequest {
  readonly selecting: Selecting;
  /** Names of columns. */
  readonly names: readonly string[];
  readonly sort: string;
  readonly offset: number;
  readonly limit: number;
}

/** Reads the parameters of a window. @throws Refusal */
export function readWindow(
  values: Call["values"],
  defaults: { readonly columns: readonly string[]; readonly sort: string; readonly tables?: string },
): WindowRequest {
  const request = {
    selecting: readSelecting(values, defaults.tables),
    names: listOf("columns", values["columns"] ?? defaults.columns.join(",")),
    sort: values["sort"] ?? defaults.sort,
    offset: readNumber("offset", values["offset"], { least: 0, most: 1e9, otherwise: 0 }),
    limit: readNumber("limit", values["limit"], { least: 0, most: MOST_ROWS, otherwise: 100 }),
  };
  // Wrong names are refused before a sample is taken for them.
  neededColumns(request);
  return request;
}

function neededColumns({ names, sort }: WindowRequest): readonly ServedColumn[] {
  const every = everyColumn();
  return [...columnsOf(every, names), sortOf(every, sort).column];
}

/** Demands that the keeper of owners fills. */
const ownerDemands: ReadonlySet<Demand> = new Set(["owners", "containers", "peerOwners"]);

/** What a snapshot must have for a window. @throws FilterError */
export async function wantsOf(query: OpenQuery, request: WindowRequest): Promise<Wants> {
  const needed = neededColumns(request);
  const { tables, demands, owners } = await wantsOfFilter(query, request.selecting);
  return {
    tables,
    demands: new Set([...demandsOf(needed), ...demands]),
    // Rows are shown before the owners are known, unless these decide the order.
    owners: owners === true || demandsOf(needed.slice(-1)).some((each) => ownerDemands.has(each)),
  };
}

/** Makes the function that reads values of a socket by its slot. */
export function valueReader(
  { sockets, table }: Snapshot,
  columns: readonly ServedColumn[],
): (slot: number) => (Json | undefined)[] {
  const read = catalogReader(columns.map(({ column }) => column ?? { readerOf: () => undefined }));
  return (slot) => {
    const values = read(sockets.at(slot)!);
    columns.forEach(({ number }, index) => {
      if (number === undefined) return;
      const value = table.numbers[number][slot]!;
      values[index] = Number.isNaN(value) ? undefined : value;
    });
    return values;
  };
}

/** Rows with the numbers around them. */
export interface Window {
  readonly matched: Matched;
  readonly columns: readonly string[];
  readonly rows: readonly { readonly id: string; readonly values: readonly (Json | null)[] }[];
}

/** The rows of a window. @throws FilterError */
export async function windowOf(snapshot: Snapshot, request: WindowRequest): Promise<Window> {
  const { catalog, table } = snapshot;
  const { selecting, names, sort, offset, limit } = request;
  const matched = await matching(snapshot, selecting, turns());
  const columns = columnsOf(catalog, names);
  const read = valueReader(snapshot, columns);
  const slots = inOrder(snapshot, matched, sortOf(catalog, sort), offset, limit);
  return {
    matched,
    columns: columns.map(({ key }) => key),
    rows: slots.map((slot) => ({
      id: idOf(table, slot),
      values: read(slot).map((value) => value ?? null),
    })),
  };
}
