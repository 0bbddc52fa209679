/** Destroy events of sockets: the multicast groups of sock_diag. linux/sock_diag.h. Needs Linux 4.3. */

import type { Origin } from "../../diag/message.ts";
import { AF_INET, AF_INET6, IPPROTO_TCP, IPPROTO_UDP } from "../../model/family.ts";
import type { Selection } from "../../model/selection.ts";
import { NLMSG_HDRLEN, SOCK_DIAG_BY_FAMILY } from "../../netlink/constants.ts";
import { align4 } from "../../netlink/message.ts";
import { INET_DIAG_MESSAGE_SIZE } from "./layouts/inet-diag.ts";
import { InetSocket } from "./socket.ts";

/** enum sknetlink_groups: each group's number, and the sockets whose end it announces. */
const groups = [
  { number: 1, kernel: "SKNLGRP_INET_TCP_DESTROY", table: "tcp", family: AF_INET },
  { number: 2, kernel: "SKNLGRP_INET_UDP_DESTROY", table: "udp", family: AF_INET },
  { number: 3, kernel: "SKNLGRP_INET6_TCP_DESTROY", table: "tcp", family: AF_INET6 },
  { number: 4, kernel: "SKNLGRP_INET6_UDP_DESTROY", table: "udp", family: AF_INET6 },
] as const;

/** The mask of the groups for the selected tables and families (bit 0 is group 1); 0 if there is none. */
export function destroyGroups({ tables, families }: Selection): number {
  return groups
    .filter(({ table, family }) => tables.has(table) && families.has(family))
    .reduce((mask, { number }) => mask | (1 << (number - 1)), 0);
}

/** The destroyed sockets in a multicast datagram. */
export function destroyedSockets(datagram: Uint8Array, describe: Origin["describe"]): InetSocket[] {
  const data = new DataView(datagram.buffer, datagram.byteOffset, datagram.byteLength);
  const found: InetSocket[] = [];
  for (let at = 0; at + NLMSG_HDRLEN <= data.byteLength; ) {
    const length = data.getUint32(at, true);
    if (length < NLMSG_HDRLEN || at + length > data.byteLength) break;
    const size = length - NLMSG_HDRLEN;
    if (data.getUint16(at + 4, true) === SOCK_DIAG_BY_FAMILY && size >= INET_DIAG_MESSAGE_SIZE)
      found.push(identified(new InetSocket(data, at + NLMSG_HDRLEN, size, { protocol: 0, describe })));
    at += align4(length);
  }
  return found;
}

/** The socket with its table's protocol, from an attribute, because there is no request to take it from. */
function identified({ data, offset, length, protocol, origin }: InetSocket): InetSocket {
  return new InetSocket(data, offset, length, { ...origin, protocol });
}

/** The table of a destroyed socket, by the protocol that the kernel sends with it. */
export function tableOfDestroyed({ protocol }: InetSocket): "tcp" | "udp" | undefined {
  return protocol === IPPROTO_TCP ? "tcp" : protocol === IPPROTO_UDP ? "udp" : undefined;
}
