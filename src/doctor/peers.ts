/** Groups connections by the address of their peer. */
import type { InetSocket } from "../families/inet/socket.ts";
import { peerOf } from "./endpoint.ts";

/** The connections to one address. */
export interface Peer {
  readonly address: string;
  readonly sockets: InetSocket[];
}

/** Groups connections by the peer's address, the largest group first. */
export function byPeer(sockets: Iterable<InetSocket>): Peer[] {
  const peers = new Map<string, Peer>();
  for (const socket of sockets) {
    const { address } = peerOf(socket);
    let peer = peers.get(address);
    if (peer === undefined) {
      peer = { address, sockets: [] };
      peers.set(address, peer);
    }
    peer.sockets.push(socket);
  }
  return [...peers.values()].sort((a, b) => b.sockets.length - a.sockets.length);
}

/** The bytes in the send queues of connections. */
export function bytesWaiting(sockets: readonly InetSocket[]): number {
  return sockets.reduce((sum, { wqueue }) => sum + wqueue, 0);
}
