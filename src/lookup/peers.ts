/** The sockets of this host at the other ends of connections. */

import type { Origin } from "../diag/message.ts";
import { addressKey } from "../enrich/resolve.ts";
import { INET_DIAG_MESSAGE_SIZE } from "../families/inet/layouts/inet-diag.ts";
import { InetSocket, inetRequest } from "../families/inet/socket.ts";
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

/** Nobody looks at these sockets but us. */
const origin: Origin = { protocol: IPPROTO_TCP, describe: () => ({}) };

/** The messages of a dump; if the kernel refuses it, none, as the listing itself complains of that. */
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

/** The names of all UNIX sockets of a network namespace that have one, by inode. */
export function unixNames(transport: Transport): Map<number, Uint8Array> {
  const names = new Map<number, Uint8Array>();
  const request = unixDump.request(noDemands, stateGroups.all);
  for (const { data, offset, length } of messages(transport, request, unixDump.minimum)) {
    const { inode, name } = new UnixSocket(data, offset, length, origin);
    if (name !== undefined) names.set(inode, name.slice());
  }
  return names;
}

/** A connection as one end sees it, or as the other one does. An IPv4 address mapped into IPv6 is the same. */
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

/** Finds the socket at the other end of TCP connections. */
export interface TcpPeers {
  /** Its inode; undefined if it is not here, or no process has it open. */
  inode(socket: InetSocket): number | undefined;
}

/**
 * Finds the other ends of TCP connections within a network namespace: whose addresses and ports are the same the
 * other way round.
 *
 * @param sockets connections of that namespace
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
