/**
 * The listing pipeline on one page: requests tables in ss's order, makes views over the kernel's answers, and applies
 * the filter. Names, columns and text are added by later stages.
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
 * Lists sockets over netlink, and from /proc if netlink does not list a table.
 *
 * @returns batches, with tables in ss's order. A table that cannot be read is reported and skipped
 */
export function* list(host: Host, query: Query): Generator<SocketBatch> {
  const { asked, finish } = widened(query);
  const settle = query.predicate?.settle;
  const batches = listTables(host, asked);
  yield* finish(settle === undefined ? withProc(batches) : settled([...withProc(batches)], settle));
}

/**
 * Like {@link list}, over a non-blocking transport. The owners that a filter needs are still looked up in one blocking
 * pass.
 *
 * @param arrival see {@link DeferredTransport}; undefined if the host's transport blocks
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

/** A query that also requests what its filter reads, and a function that hides those extra attributes again. */
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

/** The batches of a synchronous listing. @throws TypeError if it needs code that is not loaded */
function* withProc(batches: Iterable<SocketBatch>): Generator<SocketBatch> {
  for (const batch of batches) {
    if (batch === needsProc) throw new TypeError("the code that reads /proc is not loaded");
    yield batch;
  }
}

/** The sockets that match, decided when all candidates are collected. */
function* settled(
  candidates: readonly SocketBatch[],
  settle: NonNullable<Predicate["settle"]>,
): Generator<SocketBatch> {
  const accepts = settle(candidates);
  for (const { dump, sockets } of candidates) yield { dump, sockets: sockets.filter(accepts) };
}

/** Lists the sockets that match or may match the filter. */
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
