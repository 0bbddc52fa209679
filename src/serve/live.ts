/** GET /api/live: a window of the rows of the last sample. */
import { createHash } from "node:crypto";
import { catalogReader } from "../catalogue/catalog.ts";
import type { Json } from "../model/json.ts";
import { everyColumn } from "../output/columns.ts";
import { columnsOf, demandsOf, type ServedColumn, shownColumns, sortOf } from "./columns.ts";
import { demandsOfFilter, matching, type Selecting } from "./matching.ts";
import type { Moments } from "./moments.ts";
import { inOrder } from "./order.ts";
import {
  atParameter,
  listOf,
  MOST_ROWS,
  readNumber,
  readStates,
  readTables,
  selecting,
  windowing,
} from "./parameters.ts";
import type { Call, Route } from "./route.ts";
import { jsonAnswer } from "./server.ts";
import type { Snapshot } from "./snapshot.ts";
import { idOf } from "./socket-id.ts";
import { turns } from "./turns.ts";

/** What the parameters of a call select. @throws Refusal */
export function readSelecting(values: Call["values"]): Selecting {
  return {
    tables: readTables(values["tables"]),
    states: readStates(values["state"]),
    filter: values["filter"],
  };
}

/** Reads values of a socket by its slot. */
export function valueReader(
  { sockets, table }: Snapshot,
  columns: readonly ServedColumn[],
): (slot: number) => (Json | undefined)[] {
  const named = columns.map(({ column }) => column ?? { readerOf: () => undefined });
  const read = catalogReader(named);
  return (slot) => {
    const values = read(sockets[slot]!);
    columns.forEach(({ number }, index) => {
      if (number === undefined) return;
      const value = table.numbers[number][slot]!;
      values[index] = Number.isNaN(value) ? undefined : value;
    });
    return values;
  };
}

/** Names what an answer depends on. */
function tagOf(epoch: string, { generation, timeMs }: Snapshot, url: string): string {
  const query = createHash("sha256").update(url).digest("base64url").slice(0, 16);
  return `"${epoch}-${generation || timeMs}-${query}"`;
}

/** The route. @param moments where snapshots come from */
export function liveRoute(moments: Moments): Route {
  return {
    method: "GET",
    path: "/api/live",
    doc: "A window of the sockets of the last sample, with their rates.",
    access: "token",
    parameters: [...selecting, ...windowing, atParameter],
    types: ["application/json"],
    async handle({ values, request }) {
      const wanted = readSelecting(values);
      const names = listOf("columns", values["columns"] ?? shownColumns.join(","));
      const sortText = values["sort"] ?? "-rate";
      const offset = readNumber("offset", values["offset"], { least: 0, most: 1e9, otherwise: 0 });
      const limit = readNumber("limit", values["limit"], { least: 0, most: MOST_ROWS, otherwise: 100 });
      const every = everyColumn();
      const needed = [...columnsOf(every, names), sortOf(every, sortText).column];
      const snapshot = await moments.at(values["at"], async (query) => ({
        tables: wanted.tables,
        demands: new Set([...demandsOf(needed), ...(await demandsOfFilter(query, wanted))]),
      }));
      const ETag = tagOf(moments.epoch, snapshot, request.url);
      if (request.headers.get("If-None-Match") === ETag)
        return new Response(null, { status: 304, headers: { ETag } });
      const matched = await matching(snapshot, wanted, turns());
      const { catalog, generation, timeMs, summary, notes } = snapshot;
      const columns = columnsOf(catalog, names);
      const read = valueReader(snapshot, columns);
      const slots = inOrder(snapshot, matched, sortOf(catalog, sortText), offset, limit);
      const body = {
        generation,
        time: new Date(timeMs).toISOString(),
        intervalMs: summary.intervalMs ?? null,
        total: matched.total,
        matched: matched.slots.length,
        offset,
        columns: columns.map(({ key }) => key),
        rows: slots.map((slot) => ({
          id: idOf(snapshot.table, slot),
          values: read(slot).map((value) => value ?? null),
        })),
        facets: matched.facets,
        notes,
      };
      return jsonAnswer(request, body, { ETag });
    },
  };
}
