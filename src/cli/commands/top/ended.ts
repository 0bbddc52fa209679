/** Listens for destroyed sockets, so that connections between two samples count. */
import type { InetSocket } from "../../../families/inet/socket.ts";
import type { Netns } from "../../../host/namespaces.ts";
import type { SocketTable } from "../../../live/table.ts";
import { SS_CLOSE, SS_LISTEN } from "../../../model/state.ts";
import { pollingTransport } from "../../../netlink/deferred.ts";
import { NetlinkError } from "../../../netlink/errors.ts";
import type { Plan } from "../../../plan/plan.ts";
import { destroyed } from "../../../query/destroyed.ts";
import { type OpenQuery, openQuery, type QueryContext } from "../../../query/open.ts";
import { notYet, type SocketBatch } from "../../../query/query.ts";

/** Milliseconds between two reads of the events. The buffer of a socket holds some thousands of them. */
const POLL_MS = 100;

/** The ends of sockets, as they happen. */
export interface Endings extends Disposable {
  /** Passes all ends so far to the table. A timer also does so between the calls. */
  drain(): void;
}

/** Whether a socket was one that the states of a plan select: it had a peer, or sockets without one are selected. */
function wasSelected({ dport }: InetSocket, { selection }: Plan): boolean {
  return dport !== 0 || (selection.states & ((1 << SS_LISTEN) | (1 << SS_CLOSE))) !== 0;
}

/** The ends in one network namespace. */
interface Stream {
  readonly netns: Netns | undefined;
  /** Whether the filter can judge a socket that no sample saw: not by process, because no process has it any more. */
  readonly judges: boolean;
  readonly batches: Generator<SocketBatch>;
}

/**
 * Listens for the ends of the sockets of a plan in all of its namespaces. Without CAP_NET_ADMIN the kernel sends none.
 *
 * @param query lists the sockets of the table
 * @param table gives the table of the last sample
 */
export async function listenForEndings(
  context: QueryContext,
  { plan, places }: OpenQuery,
  table: () => SocketTable,
): Promise<Endings> {
  const host = { ...context.host, transport: pollingTransport() };
  const query = await openQuery({ ...context, host, keep: false }, plan);
  const netnsOf = new Map(places.map(({ netns }) => [netns?.inode, netns]));
  const streams = new Set<Stream>(
    query.places.map((place) => ({
      netns: netnsOf.get(place.netns?.inode),
      judges: place.predicate?.withOwners === undefined,
      batches: destroyed(place.host, {
        ...query.request,
        selection: place.selection,
        predicate: place.predicate,
      }),
    })),
  );

  /** Receives waiting messages. @returns whether more may come */
  function take({ netns, judges, batches }: Stream): boolean {
    for (;;) {
      const { done, value } = batches.next();
      if (done) return false;
      if (value === notYet) return true;
      for (const socket of value.sockets)
        if (socket.kind === "inet")
          table().addEnded(value.dump, socket, netns, judges && wasSelected(socket, plan));
    }
  }

  function drain(): void {
    for (const stream of streams) {
      try {
        if (take(stream)) continue;
      } catch (error) {
        if (!(error instanceof NetlinkError)) throw error;
      }
      streams.delete(stream);
    }
  }
  const timer = setInterval(drain, POLL_MS);
  return {
    drain,
    [Symbol.dispose]() {
      clearInterval(timer);
      for (const { batches } of streams) batches.return(undefined);
      query[Symbol.dispose]();
    },
  };
}
