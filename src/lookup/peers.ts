/** Finds the sockets at the other ends of connections within this host. */

import type { Origin } from "../diag/message.ts";
import { addressKey } from "../enrich/resolve.ts";
import { INET_DIAG_MESSAGE_SIZE } from "../families/inet/layouts/inet-diag.ts";
import { inetRequest } from "../families/inet/request.ts";
import { InetSocket } from "../families/inet/socket.ts";
import { UnixSocket, unixDump } from "../families/unix/socket.ts";
import { noDemands } from "../model/demand.ts";
import { AF_INET, AF_INET6, IPPROTO_TCP } from "../model/family.ts";
import { stateGroups } from "../model/state.ts";
import { NETLINK_SOCK_DIAG, SOCK_DIAG_BY_FAMILY } from "../netlink/constants.ts";
import { dump, encodeDumpRequest } from "../netlink/dump.ts";
import { NetlinkError } from "../netlink/errors.ts";
import type { Transport } from "../netlink/transport.ts";

/** The states of sockets that have a peer. */
const CONNECTED = stateGroups.connected;

/** These sockets are never shown, so they need no description. */
const origin: Origin = { protocol: IPPROTO_TCP, describe: () => ({}) };

/** The messages of a dump. None if the kernel refuses it, because the listing itself reports that. */
function* messages(transport: Transport, payload: Uint8Array, minimum: number) {
  try {
    const socket = transport.open(NETLINK_SOCK_DIAG);
    try {
      const request = encodeDumpRequest(SOCK_DIAG_BY_FAMILY, payload);
      for (const { data, count, offsets, lengths } of dump(socket, request, (size) => new Uint8Array(size)))
        for (let index = 0; index < count; index++)
          if (lengths[index]! >= minimum) yield { data, offset: offsets[index]!, length: lengths[index]! };
    } finally {
      socket.close();
    }
  } catch (error) {
    if (!(error instanceof NetlinkError)) throw error;
  }
}

/** The bound names of the UNIX sockets of a network namespace, by inode. */
export function unixNames(transport: Transport): Map<number, Uint8Array> {
  const names = new Map<number, Uint8Array>();
  const request = unixDump.request(noDemands, stateGroups.all);
  for (const { data, offset, length } of messages(transport, request, unixDump.minimum)) {
    const { inode, name } = new UnixSocket(data, offset, length, origin);
    if (name !== undefined) names.set(inode, name.slice());
  }
  return names;
}

/** A key of a connection from its own or its peer's perspective. IPv4-mapped IPv6 addresses equal IPv4 ones. */
function connectionKey(socket: InetSocket, end: "own" | "other"): string {
  const { data, addressLength: length, sport, dport, sourceOffset, destinationOffset } = socket;
  const source = addressKey(data, sourceOffset, length);
  const destination = addressKey(data, destinationOffset, length);
  return end === "own"
    ? `${sport} ${dport} ${source} ${destination}`
    : `${dport} ${sport} ${destination} ${source}`;
}

/** Whether a socket is one end of a TCP connection. */
export function isTcpConnection(socket: InetSocket): boolean {
  return socket.origin.protocol === IPPROTO_TCP && ((1 << socket.stateNumber) & CONNECTED) !== 0;
}

/** The other ends of TCP connections. */
export interface TcpPeers {
  /** Inode of the other end; undefined if it is not in this namespace, or not open in any process. */
  inode(socket: InetSocket): number | undefined;
}

/**
 * Finds the other ends of TCP connections within a network namespace, by swapped addresses and ports.
 *
 * @param sockets connections of the namespace
 */
export function findTcpPeers(transport: Transport, sockets: readonly InetSocket[]): TcpPeers {
  const wanted = new Set(sockets.map((socket) => connectionKey(socket, "other")));
  const inodes = new Map<string, number>();
  for (const family of wanted.size === 0 ? [] : [AF_INET, AF_INET6]) {
    const request = inetRequest(family, IPPROTO_TCP, 0, CONNECTED);
    for (const { data, offset, length } of messages(transport, request, INET_DIAG_MESSAGE_SIZE)) {
      const socket = new InetSocket(data, offset, length, origin);
      const { inode } = socket;
      if (inode === 0) continue;
      const key = connectionKey(socket, "own");
      if (wanted.has(key)) inodes.set(key, inode);
    }
  }
  return { inode: (socket) => inodes.get(connectionKey(socket, "other")) };
}
