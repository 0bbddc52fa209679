/** Copies sockets so that they outlive their batch. */
import { keepOutOfLastTier } from "#libc";
import { SocketArena } from "../diag/socket-arena.ts";
import type { InetSocket } from "../families/inet/socket.ts";
import type { NetlinkDiagSocket } from "../families/netlink/socket.ts";
import type { Socket } from "../families/socket.ts";
import type { UnixSocket } from "../families/unix/socket.ts";
import type { Collector } from "./rule.ts";

/** The sockets that rules keep. */
export type KeptSocket = InetSocket | UnixSocket | NetlinkDiagSocket;

/** The copies of all rules; small chunks, as rules drop most of them soon. */
const copies = new SocketArena(1 << 12);

/** Copies a socket out of the buffer that the next datagram overwrites. */
export function keep<S extends KeptSocket>(socket: S): S {
  // A socket read from /proc has its own buffer.
  if (socket.procfs !== undefined) return socket;
  return copies.copy<KeptSocket>(socket) as S;
}

/** Keeps the sockets that pass a test. */
export function suspects<S extends KeptSocket>(test: (socket: S) => boolean): Collector<readonly S[]> {
  keepOutOfLastTier(test);
  const gathered: S[] = [];
  return {
    gathered,
    see(socket) {
      if (test(socket as S)) gathered.push(keep(socket as S));
    },
  };
}

/** The first sockets that pass a test, and how many passed. */
export interface Few<S> {
  count: number;
  readonly sockets: S[];
}

/** How many sockets are kept to be shown. */
const FEW = 20;

/** Counts the sockets that pass a test, and keeps the first few to be shown. */
export function few<S extends KeptSocket>(test: (socket: S) => boolean = () => true): Collector<Few<S>> {
  const gathered: Few<S> = { count: 0, sockets: [] };
  return {
    gathered,
    see(socket) {
      if (test(socket as S) && gathered.count++ < FEW) gathered.sockets.push(keep(socket as S));
    },
  };
}

/** The inodes of sockets that have one. */
export function* inodesOf(sockets: Iterable<Socket>): Generator<number> {
  for (const { inode } of sockets) if (inode) yield inode;
}
