/**
 * The listing pipeline on one page: requests tables in ss's order, makes views over the kernel's answers, and applies
 * the filter. Names, columns and text are added by later stages.
 */

import { once } from "../enrich/once.ts";
import type { FamilyDump } from "../families/family-dump.ts";
import { familyOf, loadInet } from "../families/index.ts";
import type { Socket } from "../families/socket.ts";
import type { Host } from "../host/host.ts";
import { demandSet } from "../model/demand.ts";
import type { InetTable } from "../model/inet-tables.ts";
import { requestOrder } from "../model/request-order.ts";
import { kindOfDump } from "../model/selection.ts";
import type { DeferredTransport, Transport } from "../netlink/transport.ts";
import { hasConnections, possibleTcpStates } from "../procfs/possible-states.ts";
import { sourcesOf } from "../procfs/source.ts";
import { allocator } from "./common.ts";
import { extensions, listFamily, listInet } from "./netlink.ts";
import { needsInet, needsProc, notYet, type Predicate, type Query, type SocketBatch } from "./query.ts";

export type { Socket } from "../families/socket.ts";
export type { Predicate, Problem, Query, RowSink, SocketBatch } from "./query.ts";

/**
 * Lists sockets over netlink, and from /proc if netlink does not list a table.
 *
 * @returns batches, with tables in ss's order. A table that cannot be read is reported and skipped
 */
export function* list(host: Host, query: Query): Generator<SocketBatch> {
  const { wider, finish } = widened(query);
  const withOwners = query.predicate?.withOwners;
  const batches = listTables(host, wider);
  yield* finish(withOwners === undefined ? withProc(batches) : matching([...withProc(batches)], withOwners));
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
  const { wider, finish } = widened(query);
  const withOwners = query.predicate?.withOwners;
  const candidates: SocketBatch[] = [];
  for (const batch of listTables(host, wider)) {
    if (batch === needsInet) await loadInet(wider.parts.families);
    else if (batch === needsProc) {
      const [proc] = await Promise.all([import("./proc.ts"), loadInet(wider.parts.families)]);
      wider.parts.proc = proc;
    } else if (batch === notYet) await arrival?.();
    else if (withOwners === undefined) yield* finish([batch]);
    else candidates.push(batch);
  }
  if (withOwners !== undefined) yield* finish(matching(candidates, withOwners));
}

/** A query that also requests what its filter reads, and a function that hides those extra attributes again. */
function widened(query: Query): {
  readonly wider: Query;
  finish(batches: Iterable<SocketBatch>): Iterable<SocketBatch>;
} {
  const { predicate, demands, keep, parts } = query;
  const wider = {
    ...query,
    demands: demandSet(demands, predicate?.demands),
    keep: keep || predicate?.withOwners !== undefined,
  };
  const extra = extensions(wider.demands) & ~extensions(demands);
  if (extra === 0) return { wider, finish: (batches) => batches };
  const hide = once(() => familyOf(parts.families, "inet").hideAttributes!(extra));
  const shown = (socket: Socket) => (socket.kind === "inet" ? (hide()(socket) as Socket) : socket);
  return {
    wider: { ...wider, rows: undefined },
    *finish(batches) {
      for (const { dump, sockets } of batches)
        yield { dump, sockets: sockets.map((socket) => shown(socket)) };
    },
  };
}

/** The batches of a synchronous listing. @throws TypeError if it needs code that is not loaded */
function* withProc(batches: Iterable<SocketBatch>): Generator<SocketBatch> {
  for (const batch of batches) {
    if (batch === needsProc || batch === needsInet) throw new TypeError("code of the listing is not loaded");
    yield batch;
  }
}

/** The sockets that match, decided when all candidates are collected. */
function* matching(
  candidates: readonly SocketBatch[],
  withOwners: NonNullable<Predicate["withOwners"]>,
): Generator<SocketBatch> {
  const accepts = withOwners(candidates);
  for (const { dump, sockets } of candidates) yield { dump, sockets: sockets.filter(accepts) };
}

/** How to list the TCP sockets of one network namespace among several: the kernel's walk is left out or begun ahead. */
function namespaceDump({ transport, files }: Host, query: Query): readonly [Transport, Query] {
  const { ahead, selection } = query;
  if (ahead?.begun) return [ahead.transport, query];
  const possible = possibleTcpStates(files);
  if (hasConnections(possible)) return [ahead?.transport ?? transport, query];
  return [transport, { ...query, selection: { ...selection, states: selection.states & possible } }];
}

/** Lists the sockets that match or may match the filter. */
function* listTables(host: Host, query: Query): Generator<SocketBatch> {
  const { transport, files } = host;
  const allocate = allocator(query.keep);
  const { sources = sourcesOf({}) } = query;
  for (const { name, families } of requestOrder(query.selection)) {
    if (name === "tcp" && sources.diagFile !== undefined) {
      if (query.parts.proc === undefined) yield needsProc;
      yield* query.parts.proc!.listDiagFile(files, query, sources.diagFile);
      continue;
    }
    let unanswered: readonly number[] = [...query.selection.families];
    if (!sources.withoutNetlink(name)) {
      const kind = kindOfDump(name);
      const [kernel, wanted] =
        name === "tcp" && query.netns !== undefined ? namespaceDump(host, query) : [transport, query];
      unanswered =
        kind === "inet"
          ? yield* listInet(kernel, wanted, name as InetTable, families, allocate)
          : yield* listFamily(
              transport,
              query,
              name,
              familyOf(query.parts.families, kind).dump as FamilyDump<Socket>,
              allocate,
            );
    }
    if (unanswered.length === 0) continue;
    if (query.parts.proc === undefined) yield needsProc;
    yield* query.parts.proc!.listFromProc(files, query, sources, name, unanswered);
  }
}
