/** Lists a table of one place without blocking the event loop. */

import { inet } from "../families/inet/index.ts";
import type { InetSocket } from "../families/inet/socket.ts";
import type { Host } from "../host/host.ts";
import type { Netns } from "../host/namespaces.ts";
import type { Breathe } from "../live/owners.ts";
import type { Demands } from "../model/demand.ts";
import { AF_INET, AF_INET6 } from "../model/family.ts";
import type { InetTable } from "../model/inet-tables.ts";
import type { Selection } from "../model/selection.ts";
import { allocator } from "../query/common.ts";
import { listInet } from "../query/netlink.ts";
import { notYet, type Problem } from "../query/query.ts";
import { keptSocket } from "./socket-message.ts";
import type { PlaceNumber } from "./tracked.ts";

/** The tables that events are about. */
export type EventTable = Extract<InetTable, "tcp" | "udp">;

/** A listing of one table in one place that has begun. */
export interface TableListing {
  /** Counts listings. */
  readonly generation: number;
  readonly place: PlaceNumber;
  readonly protocol: number;
  /** When it began, in nanoseconds of CLOCK_MONOTONIC. */
  readonly begunNs: number;
  /** The same in milliseconds since 1970. */
  readonly timeMs: number;
  /** Whether unchanged sockets are copied as well, for their latest counters. */
  readonly refresh: boolean;
}

/** A finished listing. */
export interface ListedTable extends TableListing {
  /** Copies of the sockets that changed since the last listing. */
  readonly sockets: Iterable<InetSocket>;
  /** Whether it has all sockets of the table, so that others have ended. */
  readonly complete: boolean;
  /** Whether it is the first one: its sockets are not new. */
  readonly baseline: boolean;
}

/** What to list. */
export interface ListingTask {
  readonly host: Host;
  readonly netns: Netns | undefined;
  readonly table: EventTable;
  readonly selection: Selection;
  /** Mask of states. */
  readonly states: number;
  readonly demands: Demands;
  /** The kernel's part of the filter, if the sockets that it rejects never matter. */
  readonly bytecode: Uint8Array | undefined;
  readonly report: (problem: Problem) => void;
  readonly breathe: Breathe;
}

/**
 * Lists a table.
 *
 * @param unchanged whether a socket need not be copied
 */
export async function listTable(
  task: ListingTask,
  unchanged: (socket: InetSocket) => boolean,
): Promise<Pick<ListedTable, "sockets" | "complete">> {
  const { host, netns, table, selection, states, demands, bytecode } = task;
  let complete = true;
  const query = {
    selection: { ...selection, states },
    demands,
    predicate: { bytecode, accepts: () => true },
    keep: false,
    parts: { families: { inet } },
    ...(netns === undefined ? {} : { netns }),
    report(problem: Problem) {
      if (problem.kind !== "malformed") complete = false;
      task.report(problem);
    },
  };
  const sockets: InetSocket[] = [];
  const families = [...selection.families].filter((family) => family === AF_INET || family === AF_INET6);
  for (const batch of listInet(host.transport, query, table, families, allocator(false))) {
    if (batch !== notYet)
      for (const socket of batch.sockets as readonly InetSocket[])
        if (!unchanged(socket)) sockets.push(keptSocket(socket));
    await task.breathe();
  }
  return { sockets, complete };
}
