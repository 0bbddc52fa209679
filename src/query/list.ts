/**
 * The whole pipeline on one page: what is asked for, the tables that hold it in ss's order, the kernel's answers
 * as views, and the filter over them. What is made of the sockets is for others to say: names, columns, text.
 */

import type { FamilyDump } from "../families/family-dump.ts";
import { familyOf } from "../families/index.ts";
import type { Socket } from "../families/socket.ts";
import { hideAttributes } from "../filter/hide-attributes.ts";
import type { Host } from "../host/host.ts";
import { demandSet } from "../model/demand.ts";
import type { InetTable } from "../model/inet-tables.ts";
import { requestOrder } from "../model/request-order.ts";
import { kindOfDump } from "../model/selection.ts";
import type { DeferredTransport } from "../netlink/transport.ts";
import { sourcesOf } from "../procfs/source.ts";
import { allocator } from "./common.ts";
import { extensions, listFamily, listInet } from "./netlink.ts";
import { needsProc, notYet, type Predicate, type Query, type SocketBatch } from "./query.ts";

export type { Socket } from "../families/socket.ts";
export { destroy, destroyed } from "./destroyed.ts";
export type { Predicate, Problem, Query, RowSink, SocketBatch } from "./query.ts";

/**
 * Lists sockets: over netlink, and from /proc what that does not tell of.
 *
 * @returns batches, in ss's order of tables; a table that cannot be read is reported and passed over
 */
export function* list(host: Host, query: Query): Generator<SocketBatch> {
  const { asked, finish } = widened(query);
  const settle = query.predicate?.settle;
  const batches = listTables(host, asked);
  yield* finish(settle === undefined ? withProc(batches) : settled([...withProc(batches)], settle));
}

/**
 * {@link list}, where the kernel does not keep the event loop waiting. What a filter looks up of sockets beside the
 * kernel (who owns them) is looked up in one go.
 *
 * @param arrival see {@link DeferredTransport}; left out where the host's transport waits
 */
export async function* listAsync(
  host: Host,
  arrival: DeferredTransport["arrival"] | undefined,
  query: Query,
): AsyncGenerator<SocketBatch> {
  const { asked, finish } = widened(query);
  const settle = query.predicate?.settle;
  const candidates: SocketBatch[] = [];
  for (const batch of listTables(host, asked)) {
    if (batch === needsProc) asked.parts.proc = await import("./proc.ts");
    else if (batch === notYet) await arrival?.();
    else if (settle === undefined) yield* finish([batch]);
    else candidates.push(batch);
  }
  if (settle !== undefined) yield* finish(settled(candidates, settle));
}

/** A query that asks for all that its filter reads, and what hides again of its sockets what it did not ask for. */
function widened(query: Query): {
  readonly asked: Query;
  finish(batches: Iterable<SocketBatch>): Iterable<SocketBatch>;
} {
  const { predicate, demands, keep } = query;
  const asked = {
    ...query,
    demands: demandSet(demands, predicate?.demands),
    keep: keep || predicate?.settle !== undefined,
  };
  const unasked = extensions(asked.demands) & ~extensions(demands);
  if (unasked === 0) return { asked, finish: (batches) => batches };
  const shown = hideAttributes(unasked);
  return {
    asked: { ...asked, rows: undefined },
    *finish(batches) {
      for (const { dump, sockets } of batches)
        yield { dump, sockets: sockets.map((socket) => shown(socket)) };
    },
  };
}

/** Batches of a listing that cannot wait for code. @throws TypeError if it needs more than it has */
function* withProc(batches: Iterable<SocketBatch>): Generator<SocketBatch> {
  for (const batch of batches) {
    if (batch === needsProc) throw new TypeError("the code that reads /proc is not loaded");
    yield batch;
  }
}

/** The sockets that pass, once all that may pass are there. */
function* settled(
  candidates: readonly SocketBatch[],
  settle: NonNullable<Predicate["settle"]>,
): Generator<SocketBatch> {
  const accepts = settle(candidates);
  for (const { dump, sockets } of candidates) yield { dump, sockets: sockets.filter(accepts) };
}

/** Lists the sockets that pass or may pass the filter. */
function* listTables({ transport, files }: Host, query: Query): Generator<SocketBatch> {
  const allocate = allocator(query.keep);
  const { sources = sourcesOf({}) } = query;
  for (const { name, families } of requestOrder(query.selection)) {
    if (name === "tcp" && sources.diagFile !== undefined) {
      if (query.parts.proc === undefined) yield needsProc;
      yield* query.parts.proc!.listDiagFile(files, query, sources.diagFile);
      continue;
    }
    let untold: readonly number[] = [...query.selection.families];
    if (!sources.withoutNetlink(name)) {
      const { dump } = familyOf(query.parts.families, kindOfDump(name));
      untold =
        dump === undefined
          ? yield* listInet(transport, query, name as InetTable, families, allocate)
          : yield* listFamily(transport, query, name, dump as FamilyDump<Socket>, allocate);
    }
    if (untold.length === 0) continue;
    if (query.parts.proc === undefined) yield needsProc;
    yield* query.parts.proc!.listFromProc(files, query, sources, name, untold);
  }
}
