/** Polling: the tables of one place, listed without keeping the event loop waiting. */

import type { InetSocket } from "../families/inet/socket.ts";
import type { Host } from "../host/host.ts";
import type { Netns } from "../host/namespaces.ts";
import type { Demands } from "../model/demand.ts";
import { AF_INET, AF_INET6 } from "../model/family.ts";
import type { InetTable } from "../model/inet-tables.ts";
import type { Selection } from "../model/selection.ts";
import { allocator } from "../query/common.ts";
import { listInet } from "../query/netlink.ts";
import { notYet, type Problem } from "../query/query.ts";
import { keptSocket } from "./message.ts";
import type { PlaceNumber } from "./tracked.ts";

/** The tables that events are about. */
export type EventTable = Extract<InetTable, "tcp" | "udp">;

/** A listing of one table in one place, while it is made. */
export interface Listing {
  readonly generation: number;
  readonly place: PlaceNumber;
  readonly protocol: number;
  /** When it began: in the trace's clock, and in milliseconds since 1970. */
  readonly begunNs: number;
  readonly timeMs: number;
  /** Whether sockets are kept as they are listed, for all that the kernel tells of them. */
  readonly refresh: boolean;
}

/** What came of a listing. */
export interface Listed extends Listing {
  /** Those of the sockets that `unchanged` says are not, as messages of their own. */
  readonly sockets: Iterable<InetSocket>;
  /** Whether it has all sockets of the table, so that others have ended. */
  readonly complete: boolean;
  /** What is there now was there before: no events of it. */
  readonly baseline: boolean;
}

/** One listing to make. */
export interface ListingTask {
  readonly host: Host;
  readonly netns: Netns | undefined;
  readonly table: EventTable;
  readonly selection: Selection;
  /** Mask of the states to ask for. */
  readonly states: number;
  readonly demands: Demands;
  /** The filter as the kernel takes it, if what it leaves out never matters. */
  readonly bytecode: Uint8Array | undefined;
  readonly report: (problem: Problem) => void;
}

/** How long the event loop may be kept waiting. */
const SLICE_MS = 20;

/**
 * Lists a table.
 *
 * @param unchanged says of each socket that nothing more need be done with it
 */
export async function listTable(
  task: ListingTask,
  unchanged: (socket: InetSocket) => boolean,
): Promise<Pick<Listed, "sockets" | "complete">> {
  const { host, netns, table, selection, states, demands, bytecode } = task;
  let complete = true;
  const query = {
    selection: { ...selection, states },
    demands,
    predicate: { bytecode, accepts: () => true },
    keep: false,
    ...(netns === undefined ? {} : { netns }),
    report(problem: Problem) {
      if (problem.kind !== "malformed") complete = false;
      task.report(problem);
    },
  };
  const sockets: InetSocket[] = [];
  let slice = performance.now();
  const families = [...selection.families].filter((family) => family === AF_INET || family === AF_INET6);
  for (const batch of listInet(host.transport, query, table, families, allocator(false))) {
    if (batch !== notYet)
      for (const socket of batch.sockets as readonly InetSocket[])
        if (!unchanged(socket)) sockets.push(keptSocket(socket));
    if (performance.now() - slice < SLICE_MS) continue;
    await new Promise<void>((resolve) => setImmediate(resolve));
    slice = performance.now();
  }
  return { sockets, complete };
}
