/** Lists sockets from the files below /proc/net. proc(5). */

import type { Origin } from "../diag/message.ts";
import { readInet } from "../families/inet/procfs.ts";
import type { InetSocket } from "../families/inet/socket.ts";
import { readNetlink } from "../families/netlink/procfs.ts";
import type { NetlinkDiagSocket } from "../families/netlink/socket.ts";
import { readPacket } from "../families/packet/procfs.ts";
import { type PacketSocket, packetDump } from "../families/packet/socket.ts";
import { readUnix } from "../families/unix/procfs.ts";
import { type UnixSocket, unixDump } from "../families/unix/socket.ts";
import type { Netns } from "../host/namespaces.ts";
import type { Demands } from "../model/demand.ts";
import { AF_INET, AF_INET6, AF_NETLINK, AF_PACKET, AF_UNIX } from "../model/family.ts";
import { inetTables } from "../model/inet-tables.ts";
import type { DumpName, Selection } from "../model/selection.ts";
import type { ProcFile, Sources } from "../procfs/source.ts";

/** A socket of a kind that /proc lists. */
export type ProcSocket = InetSocket | UnixSocket | PacketSocket | NetlinkDiagSocket;

/** A query for sockets in /proc. */
export interface ProcQuery {
  readonly selection: Selection;
  /** AF_* of the selected families to list. */
  readonly families: readonly number[];
  readonly demands: Demands;
  readonly describe?: Origin["describe"];
  /** See {@link Origin}. */
  readonly netns?: Netns | undefined;
  /** Whether a socket matches the filter. */
  accepts(socket: ProcSocket): boolean;
}

/** Reads one file; undefined if it cannot be read. */
type Read = (file: ProcFile) => Uint8Array | undefined;

type Lister = (read: Read, query: ProcQuery) => Generator<readonly ProcSocket[]>;

/** Sockets per batch. */
const BATCH = 512;

/** Collects the sockets that match the filter into batches. */
function* batches<S extends ProcSocket, R>(
  sockets: Generator<S, R>,
  accepts: (socket: S) => boolean,
): Generator<readonly S[], R> {
  let batch: S[] = [];
  for (;;) {
    const next = sockets.next();
    if (next.done) {
      if (batch.length > 0) yield batch;
      return next.value;
    }
    if (accepts(next.value)) batch.push(next.value);
    if (batch.length < BATCH) continue;
    yield batch;
    batch = [];
  }
}

/** Lists a table that has one file per address family. The IPv6 file may be missing. */
function inetLister(table: "tcp" | "udp" | "raw", files: readonly [ProcFile, ProcFile]): Lister {
  return function* (read, { selection, families, demands, describe, netns, accepts }) {
    const origin = { protocol: inetTables[table], describe, netns };
    for (const [index, family] of [AF_INET, AF_INET6].entries()) {
      if (!families.includes(family)) continue;
      const bytes = read(files[index]!);
      if (bytes === undefined) return;
      const wanted = { family, states: selection.states, info: demands.has("info"), origin };
      const readOn = yield* batches(readInet(bytes, wanted), accepts);
      if (!readOn) return;
    }
  };
}

const listers: Partial<Record<DumpName, Lister>> = {
  tcp: inetLister("tcp", ["tcp", "tcp6"]),
  udp: inetLister("udp", ["udp", "udp6"]),
  raw: inetLister("raw", ["raw", "raw6"]),
  *unix(read, { selection, families, describe, netns, accepts }) {
    const bytes = families.includes(AF_UNIX) ? read("unix") : undefined;
    if (bytes === undefined) return;
    const wanted = (socket: UnixSocket) => unixDump.selected(socket, selection) && accepts(socket);
    yield* readUnix(bytes, selection.states, { protocol: 0, describe, netns }, wanted);
  },
  *packet(read, { selection, families, describe, netns, accepts }) {
    const bytes = families.includes(AF_PACKET) ? read("packet") : undefined;
    if (bytes === undefined) return;
    const wanted = (socket: PacketSocket) => packetDump.selected(socket, selection) && accepts(socket);
    yield* batches(readPacket(bytes, { protocol: 0, describe, netns }), wanted);
  },
  *netlink(read, { families, describe, netns, accepts }) {
    const bytes = families.includes(AF_NETLINK) ? read("netlink") : undefined;
    if (bytes !== undefined) yield* batches(readNetlink(bytes, { protocol: 0, describe, netns }), accepts);
  },
};

/**
 * Lists the sockets of a table from /proc.
 *
 * @param readFile reads a file by its path; throws if the file is missing
 * @returns batches; none if /proc does not list the table, or its file is missing
 */
export function* listProc(
  readFile: (path: string) => Uint8Array,
  sources: Sources,
  table: DumpName,
  query: ProcQuery,
): Generator<readonly ProcSocket[]> {
  const read = (file: ProcFile) => {
    try {
      return readFile(sources.path(file));
    } catch {
      return undefined;
    }
  };
  yield* listers[table]?.(read, query) ?? [];
}
