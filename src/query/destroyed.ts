/** Listens for destroy events, and destroys sockets (`-E`, `-K`). */
import { destroySocket } from "../families/inet/destroy.ts";
import { destroyedSockets, destroyGroups, tableOfDestroyed } from "../families/inet/destroyed.ts";
import type { Socket } from "../families/socket.ts";
import type { Host } from "../host/host.ts";
import { NETLINK_SOCK_DIAG } from "../netlink/constants.ts";
import { NetlinkError } from "../netlink/errors.ts";
import { type NetlinkSocket, pending } from "../netlink/transport.ts";
import { dropsOf } from "../procfs/drops.ts";
import { allocator } from "./common.ts";
import { notYet, type SocketBatch, type TableQuery } from "./query.ts";

const EPERM = 1;
const ENOENT = 2;
const EOPNOTSUPP = 95;
const ENOBUFS = 105;

/**
 * The sockets that the kernel destroys from now on, one per batch.
 *
 * @returns no batches if no selected table has destroy events
 * @throws NetlinkError if the multicast groups cannot be joined
 */
export function* destroyed({ transport, files }: Host, query: TableQuery): Generator<SocketBatch> {
  const groups = destroyGroups(query.selection);
  if (groups === 0) return;
  const allocate = allocator(query.keep);
  const socket = transport.open(NETLINK_SOCK_DIAG, groups);
  let congested = false;
  let reported = 0;
  /**
   * Reports the events that the kernel dropped since the last report, from the counter in /proc/net/netlink.
   *
   * @param drained whether the socket's queue is empty. After the first ENOBUFS, the kernel does not report further
   *   drops until then, so the counter may have grown.
   */
  const reportLosses = (drained: boolean) => {
    const drops = dropsOf(files, socket.portId);
    if (drained && (drops ?? reported) === reported) return;
    query.report({ kind: "lost", count: drops === undefined ? undefined : drops - reported });
    reported = drops ?? reported;
  };
  const drained = () => {
    if (congested) reportLosses(true);
    congested = false;
  };
  try {
    for (;;) {
      if (congested && socket.isDrained?.()) drained();
      let datagram: Uint8Array;
      try {
        datagram = socket.receive(allocate);
      } catch (error) {
        if (!(error instanceof NetlinkError) || error.errno !== ENOBUFS) throw error;
        reportLosses(false);
        congested = true;
        continue;
      }
      if (datagram === pending) {
        drained();
        yield notYet;
        continue;
      }
      if (datagram.length === 0) return;
      for (const found of destroyedSockets(datagram, query.describe)) {
        const table = tableOfDestroyed(found);
        if (table !== undefined && (query.predicate?.accepts(found) ?? true))
          yield { dump: table, sockets: [found] };
      }
    }
  } finally {
    socket.close();
  }
}

/** Closes the sockets of batches, over one conversation. */
interface Destroyer {
  /** Closes sockets. @returns the closed ones, and whether the kernel may close others */
  destroy(batch: SocketBatch): { readonly closed: SocketBatch; readonly allowed: boolean };
  close(): void;
}

/** Opens a conversation; undefined, with a report, if the kernel refuses it. */
function openDestroyer({ transport }: Host, report: TableQuery["report"]): Destroyer | undefined {
  let conversation: NetlinkSocket;
  try {
    conversation = transport.open(NETLINK_SOCK_DIAG);
  } catch (error) {
    if (!(error instanceof NetlinkError)) throw error;
    report({ kind: "socket", error });
    return undefined;
  }
  return {
    close: () => conversation.close(),
    destroy({ dump, sockets }) {
      const closed: Socket[] = [];
      for (const socket of sockets) {
        // A socket from /proc lacks the ids that a destroy request needs.
        if (socket.kind !== "inet" || socket.procfs !== undefined) continue;
        try {
          destroySocket(conversation, socket);
          closed.push(socket);
        } catch (error) {
          if (!(error instanceof NetlinkError)) throw error;
          if (error.errno === ENOENT || error.errno === EOPNOTSUPP) continue;
          report({ kind: "notDestroyed", error, socket });
          // If the kernel forbids it for one socket, it forbids it for all.
          if (error.errno === EPERM) return { closed: { dump, sockets: closed }, allowed: false };
        }
      }
      return { closed: { dump, sockets: closed }, allowed: true };
    },
  };
}

/**
 * Closes each inet socket by force.
 *
 * @returns the sockets that were closed. Leaves out sockets that are already gone, and kinds that cannot be closed
 */
export function* destroy(
  host: Host,
  batches: Iterable<SocketBatch>,
  report: TableQuery["report"],
): Generator<SocketBatch> {
  const destroyer = openDestroyer(host, report);
  if (destroyer === undefined) return;
  try {
    for (const batch of batches) {
      const { closed, allowed } = destroyer.destroy(batch);
      yield closed;
      if (!allowed) return;
    }
  } finally {
    destroyer.close();
  }
}

/** {@link destroy}, for batches that come later. */
export async function* destroyAsync(
  host: Host,
  batches: AsyncIterable<SocketBatch>,
  report: TableQuery["report"],
): AsyncGenerator<SocketBatch> {
  const destroyer = openDestroyer(host, report);
  if (destroyer === undefined) return;
  try {
    for await (const batch of batches) {
      const { closed, allowed } = destroyer.destroy(batch);
      yield closed;
      if (!allowed) return;
    }
  } finally {
    destroyer.close();
  }
}
