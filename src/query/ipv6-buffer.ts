/** Holds the IPv6 sockets of a mixed listing until those of IPv4 have been shown. */

import { SocketArena } from "../diag/socket-arena.ts";
import type { InetSocket } from "../families/inet/socket.ts";

/** Bytes of a chunk of copies. */
const CHUNK = 1 << 16;
/** Bytes to hold at most: some 100,000 sockets without details. */
const LIMIT = 1 << 24;

/** Sockets that wait for their turn. */
export interface Ipv6Buffer {
  /** Adds a socket. At the limit, all are dropped and no more are held. */
  hold(socket: InetSocket): void;
  /** The sockets in the order in which they came; undefined if there were too many. */
  release(): readonly InetSocket[] | undefined;
}

/**
 * Makes a buffer.
 *
 * @param copies whether the memory of the sockets is reused, so that they must be copied
 */
export function ipv6Buffer(copies: boolean, limit: number = LIMIT): Ipv6Buffer {
  const arena = new SocketArena(CHUNK);
  let held: InetSocket[] | undefined = [];
  let bytes = 0;
  return {
    hold(socket) {
      if (held === undefined) return;
      bytes += socket.length;
      if (bytes > limit && copies) held = undefined;
      else held.push(copies ? arena.copy(socket) : socket);
    },
    release: () => held,
  };
}
