/**
 * The whole pipeline on one page: what is asked for, the tables that hold it in ss's order, the kernel's answers
 * as views, and the filter over them. What is made of the sockets is for others to say: names, columns, text.
 */
import type { InetTable } from "./diag/families.ts";
import type { FamilyDump } from "./diag/family-dump.ts";
import { hideUnasked } from "./filter/unasked.ts";
import type { Host } from "./host/host.ts";
import { allocator } from "./list/common.ts";
import { extensions, familyDumps, listFamily, listInet } from "./list/netlink.ts";
import { listDiagFile, listFromProc } from "./list/proc.ts";
import type { Predicate, Query, Socket, SocketBatch } from "./list/query.ts";
import { requestOrder } from "./model/request-order.ts";
import { sourcesOf } from "./procfs/source.ts";

export { destroy, destroyed } from "./list/destroyed.ts";
export type { Predicate, Problem, Query, Socket, SocketBatch } from "./list/query.ts";

/**
 * Lists sockets: over netlink, and from /proc what that does not tell of.
 *
 * @returns batches, in ss's order of tables; a table that cannot be read is reported and passed over
 */
export function* list(host: Host, query: Query): Generator<SocketBatch> {
  const { predicate, details, keep } = query;
  const asked = {
    ...query,
    details: { ...details, ...predicate?.details },
    keep: keep || predicate?.settle !== undefined,
  };
  let batches: Iterable<SocketBatch> = listTables(host, asked);
  if (predicate?.settle !== undefined) batches = settled([...batches], predicate.settle);
  const unasked = extensions(asked.details) & ~extensions(details);
  if (unasked === 0) return yield* batches;
  const shown = hideUnasked(unasked);
  for (const { dump, sockets } of batches) yield { dump, sockets: sockets.map((socket) => shown(socket)) };
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
