/**
 * The whole pipeline on one page: what is asked for, the tables that hold it in ss's order, the kernel's answers
 * as views, and the filter over them. What is made of the sockets is for others to say: names, columns, text.
 */

import type { FamilyDump } from "../families/family-dump.ts";
import type { Socket } from "../families/socket.ts";
import { hideUnasked } from "../filter/unasked.ts";
import type { Host } from "../host/host.ts";
import { demandSet } from "../model/demand.ts";
import type { InetTable } from "../model/inet-tables.ts";
import { requestOrder } from "../model/request-order.ts";
import type { DeferredTransport } from "../netlink/transport.ts";
import { sourcesOf } from "../procfs/source.ts";
import { allocator } from "./common.ts";
import { extensions, familyDumps, listFamily, listInet } from "./netlink.ts";
import { listDiagFile, listFromProc } from "./proc.ts";
import { notYet, type Predicate, type Query, type SocketBatch } from "./query.ts";

export type { Socket } from "../families/socket.ts";
export { destroy, destroyed } from "./destroyed.ts";
export type { Predicate, Problem, Query, SocketBatch } from "./query.ts";

/**
 * Lists sockets: over netlink, and from /proc what that does not tell of.
 *
 * @returns batches, in ss's order of tables; a table that cannot be read is reported and passed over
 */
export function* list(host: Host, query: Query): Generator<SocketBatch> {
  const { asked, finish } = widened(query);
  const settle = query.predicate?.settle;
  const batches = listTables(host, asked);
  yield* finish(settle === undefined ? batches : settled([...batches], settle));
}

/**
 * {@link list}, where the kernel does not keep the event loop waiting. What a filter looks up of sockets beside the
 * kernel (who owns them) is looked up in one go.
 *
 * @param transport how the kernel is asked, in place of the host's
 */
export async function* listAsync(
  host: Host,
  transport: DeferredTransport,
  query: Query,
): AsyncGenerator<SocketBatch> {
  const { asked, finish } = widened(query);
  const settle = query.predicate?.settle;
  const candidates: SocketBatch[] = [];
  for (const batch of listTables({ ...host, transport }, asked)) {
    if (batch === notYet) await transport.arrival();
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
  const shown = hideUnasked(unasked);
  return {
    asked,
    *finish(batches) {
      for (const { dump, sockets } of batches)
        yield { dump, sockets: sockets.map((socket) => shown(socket)) };
    },
  };
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
      yield* listDiagFile(files, query, sources.diagFile);
      continue;
    }
    let untold: readonly number[] = [...query.selection.families];
    if (!sources.withoutNetlink(name)) {
      if (name in familyDumps) {
        const family = familyDumps[name as keyof typeof familyDumps] as FamilyDump<Socket>;
        untold = yield* listFamily(transport, query, name, family, allocate);
      } else untold = yield* listInet(transport, query, name as InetTable, families, allocate);
    }
    if (untold.length > 0) yield* listFromProc(files, query, sources, name, untold);
  }
}
