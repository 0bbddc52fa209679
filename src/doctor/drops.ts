/** Sockets that drop packets: how many so far, and how many between the samples. */
import type { InetSocket } from "../families/inet/socket.ts";
import type { NetlinkDiagSocket } from "../families/netlink/socket.ts";
import type { Collector } from "./rule.ts";
import type { Samples } from "./sample.ts";
import { suspects } from "./suspects.ts";

/** The kinds whose drops rules read. */
type Dropping = InetSocket | NetlinkDiagSocket;

/** Packets that a socket has dropped since it was opened. */
export function dropsOf({ memory }: Dropping): number {
  return memory?.drops ?? 0;
}

/** Keeps the sockets that have dropped something. */
export function losers<S extends Dropping>(): Collector<readonly S[]> {
  return suspects<S>((socket) => dropsOf(socket) > 0);
}

/** A socket and its dropped packets. */
export interface Loss<S> {
  readonly socket: S;
  /** Packets between the samples; with one sample, since the socket was opened. */
  readonly packets: number;
}

/** The sockets that dropped packets between the samples, or with one sample so far; most drops first. */
export function lossesOf<S extends Dropping>({
  first,
  last,
  elapsedMs,
}: Samples<readonly S[], string>): Loss<S>[] {
  const before = new Map(
    elapsedMs === 0 ? [] : first.gathered.map((socket) => [socket.cookie, dropsOf(socket)]),
  );
  // A netlink socket in a multicast group may be listed more than once.
  const sockets = new Map(last.gathered.map((socket) => [socket.cookie, socket]));
  return [...sockets.values()]
    .map((socket) => ({ socket, packets: dropsOf(socket) - (before.get(socket.cookie) ?? 0) }))
    .filter(({ packets }) => packets > 0)
    .sort((a, b) => b.packets - a.packets);
}
