/** Sorts the sockets of a listing, and limits their number (`--sort`, `--top`). */

import { catalogReader } from "../catalogue/catalog.ts";
import { SortColumns } from "../catalogue/sort-columns.ts";
import { KeptMessages } from "../diag/kept-messages.ts";
import type { DirectRows } from "../families/direct-rows.ts";
import type { Socket } from "../families/socket.ts";
import type { NameSource } from "../fields/names.ts";
import type { DumpName } from "../model/selection.ts";
import { columnsWith } from "../output/columns.ts";
import { nameSource, tableChooser } from "../output/name-source.ts";
import type { OpenQuery } from "../query/open.ts";
import type { RowSink, SocketBatch } from "../query/query.ts";
import type { Presentation } from "./plan.ts";

/**
 * Batches in the plan's order, up to the plan's limit of sockets.
 *
 * @param rows writes sorted sockets straight from their messages; they come in no batch then
 * @param source the names to sort by
 */
export async function* arranged(
  query: OpenQuery,
  { explainer }: Presentation,
  batches: AsyncIterable<SocketBatch> | Iterable<SocketBatch>,
  rows?: RowSink,
  source: NameSource = nameSource(query.plan, query.names, explainer),
): AsyncGenerator<SocketBatch> {
  const { sort, top = Number.POSITIVE_INFINITY } = query.plan.order;
  if (sort.length > 0) {
    // Views hide the attributes that only a filter needs; messages do not.
    const filterNeeds = query.places.some(({ predicate }) => (predicate?.demands?.size ?? 0) > 0);
    return yield* sorted(query, source, batches, top, filterNeeds ? undefined : rows);
  }
  let left = top;
  for await (const { dump, sockets } of batches) {
    yield { dump, sockets: sockets.length > left ? sockets.slice(0, left) : sockets };
    left -= sockets.length;
    if (left <= 0) return;
  }
}

/** The most sockets of a batch. They are of one table and network namespace. */
const BATCH = 256;
/** Sockets that are kept at least before those beyond the limit are dropped. */
const FEWEST_KEPT = 1 << 13;

/** Sockets with their tables: as bytes, or as they are if they were read from /proc. */
class KeptSockets {
  readonly #messages = new KeptMessages<Socket>();
  readonly #dumps: DumpName[] = [];
  #fromProc = new Map<number, Socket>();
  /** The table of each, as an index into the tables. */
  #tables = new Uint8Array(FEWEST_KEPT);

  add(dump: DumpName, socket: Socket): void {
    const { count } = this.#messages;
    if ("procfs" in socket && socket.procfs !== undefined) this.#fromProc.set(count, socket);
    this.#messages.add(socket);
    if (count === this.#tables.length) {
      const grown = new Uint8Array(2 * count);
      grown.set(this.#tables);
      this.#tables = grown;
    }
    const known = this.#dumps.lastIndexOf(dump);
    this.#tables[count] = known < 0 ? this.#dumps.push(dump) - 1 : known;
  }

  dump(number: number): DumpName {
    return this.#dumps[this.#tables[number]!]!;
  }

  socket(number: number): Socket {
    return this.#fromProc.get(number) ?? this.#messages.view(number);
  }

  /** Writes the row of a socket. */
  write(number: number, rows: DirectRows<Socket>): void {
    const length = this.#fromProc.has(number) ? 0 : this.#messages.copyToRoom(number);
    if (length === 0 || !rows.put(0, length)) rows.write(this.socket(number));
  }

  /** Keeps only some sockets, in this order. */
  retain(numbers: Uint32Array): void {
    const fromProc = new Map<number, Socket>();
    for (const [place, number] of numbers.entries()) {
      const socket = this.#fromProc.get(number);
      if (socket !== undefined) fromProc.set(place, socket);
    }
    this.#messages.retain(numbers);
    const tables = new Uint8Array(Math.max(FEWEST_KEPT, numbers.length));
    for (const [place, number] of numbers.entries()) tables[place] = this.#tables[number]!;
    this.#tables = tables;
    this.#fromProc = fromProc;
  }
}

/** The kept sockets, and the numbers of the first of them in order. */
interface InOrder {
  readonly kept: KeptSockets;
  readonly numbers: Uint32Array;
}

/** Keeps the first sockets: only their messages and what they are sorted by, until all have come. */
async function collect(
  { plan: { order } }: OpenQuery,
  source: NameSource,
  batches: AsyncIterable<SocketBatch> | Iterable<SocketBatch>,
  top: number,
  useTable: (batch: SocketBatch) => void,
): Promise<InOrder> {
  const { find } = columnsWith(source);
  const keysOf = catalogReader(order.sort.map(({ name }) => find(name)![0]!));
  const columns = new SortColumns(order.sort.map(({ descending }) => descending));
  const kept = new KeptSockets();
  const most = Math.max(2 * top, FEWEST_KEPT);
  for await (const { dump, sockets } of batches) {
    useTable({ dump, sockets });
    for (const socket of sockets) {
      kept.add(dump, socket);
      columns.add(keysOf(socket));
    }
    if (columns.count < most) continue;
    const first = columns.sorted().subarray(0, top);
    columns.retain(first);
    kept.retain(first);
  }
  return { kept, numbers: columns.sorted().subarray(0, top) };
}

/** Batches of up to {@link BATCH} sockets of one table and network namespace. */
class Batches {
  #batch: { readonly dump: DumpName; readonly sockets: Socket[] } | undefined;

  /** Adds a socket. @returns the batch before it, if that is complete */
  add(dump: DumpName, socket: Socket): SocketBatch | undefined {
    const batch = this.#batch;
    const isLike = batch?.dump === dump && batch.sockets[0]!.origin === socket.origin;
    if (isLike && batch!.sockets.length < BATCH) {
      batch!.sockets.push(socket);
      return undefined;
    }
    this.#batch = { dump, sockets: [socket] };
    return batch;
  }

  /** Ends the last batch. @returns it, if there is one */
  take(): SocketBatch | undefined {
    const batch = this.#batch;
    this.#batch = undefined;
    return batch;
  }
}

/** The first sockets in order. The rows that `rows` writes are in no batch. */
async function* sorted(
  query: OpenQuery,
  source: NameSource,
  batches: AsyncIterable<SocketBatch> | Iterable<SocketBatch>,
  top: number,
  rows: RowSink | undefined,
): AsyncGenerator<SocketBatch> {
  const useTable = tableChooser(query.names, false, query.selection);
  const { kept, numbers } = await collect(query, source, batches, top, useTable);
  const writers = new Map<DumpName, DirectRows<Socket> | undefined>();
  const views = new Batches();
  let written: DumpName | undefined;
  for (const number of numbers) {
    const dump = kept.dump(number);
    if (!writers.has(dump)) writers.set(dump, query.plan.allNetns ? undefined : rows?.begin(dump));
    const writer = writers.get(dump);
    const before = writer === undefined ? views.add(dump, kept.socket(number)) : views.take();
    if (before !== undefined) {
      yield before;
      written = undefined;
    }
    if (writer === undefined) continue;
    if (written !== dump) useTable({ dump, sockets: [] });
    written = dump;
    kept.write(number, writer);
  }
  const last = views.take();
  if (last !== undefined) yield last;
}
