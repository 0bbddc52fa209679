/** Sorts the sockets of a listing, and limits their number (`--sort`, `--top`). */

import { catalogReader } from "../catalogue/catalog.ts";
import { rowOrder, type SortValues } from "../catalogue/order.ts";
import type { Socket } from "../families/socket.ts";
import type { NameSource } from "../fields/names.ts";
import type { DumpName } from "../model/selection.ts";
import { columnsWith } from "../output/columns.ts";
import { nameSource, tableChooser } from "../output/name-source.ts";
import type { OpenQuery } from "../query/open.ts";
import type { SocketBatch } from "../query/query.ts";
import type { Presentation } from "./plan.ts";

/** Batches in the plan's order, up to the plan's limit of sockets. @param source the names to sort by */
export async function* arranged(
  query: OpenQuery,
  { explainer }: Presentation,
  batches: AsyncIterable<SocketBatch> | Iterable<SocketBatch>,
  source: NameSource = nameSource(query.plan, query.names, explainer),
): AsyncGenerator<SocketBatch> {
  const { sort, top = Number.POSITIVE_INFINITY } = query.plan.order;
  let left = top;
  for await (const { dump, sockets } of sort.length > 0 ? sorted(query, source, batches) : batches) {
    yield { dump, sockets: sockets.length > left ? sockets.slice(0, left) : sockets };
    left -= sockets.length;
    if (left <= 0) return;
  }
}

interface Keyed {
  readonly dump: DumpName;
  readonly socket: Socket;
  readonly values: SortValues;
}

/** All sockets in order. Each is its own batch, because a batch belongs to one table. */
async function* sorted(
  { plan, names, selection }: OpenQuery,
  source: NameSource,
  batches: AsyncIterable<SocketBatch> | Iterable<SocketBatch>,
): AsyncGenerator<SocketBatch> {
  const { sort } = plan.order;
  const { find } = columnsWith(source);
  const keysOf = catalogReader(sort.map(({ name }) => find(name)![0]!));
  const order = rowOrder(sort.map(({ descending }) => descending));
  const rows: Keyed[] = [];
  const useTable = tableChooser(names, false, selection);
  for await (const batch of batches) {
    useTable(batch);
    for (const socket of batch.sockets) rows.push({ dump: batch.dump, socket, values: keysOf(socket) });
  }
  rows.sort((a, b) => order(a.values, b.values));
  for (const { dump, socket } of rows) yield { dump, sockets: [socket] };
}
