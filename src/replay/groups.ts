/** Multicast groups of sock_diag, which announce destroyed sockets. linux/sock_diag.h. */
import { readField } from "../bytes/layout.ts";
import {
  INET_DIAG_MESSAGE_SIZE,
  inetAttributes,
  inetDiagMessage,
} from "../families/inet/layouts/inet-diag.ts";
import { AF_INET, AF_INET6, IPPROTO_TCP, IPPROTO_UDP } from "../model/family.ts";
import { NLA_HDRLEN, NLMSG_HDRLEN } from "../netlink/constants.ts";
import { findAttribute } from "../netlink/message.ts";
import { dataView, messageEnd } from "./header.ts";

/** SKNLGRP_INET_TCP_DESTROY and its siblings, as bits of a mask of groups. */
const groups = [
  { family: AF_INET, protocol: IPPROTO_TCP, bit: 1 << 0 },
  { family: AF_INET, protocol: IPPROTO_UDP, bit: 1 << 1 },
  { family: AF_INET6, protocol: IPPROTO_TCP, bit: 1 << 2 },
  { family: AF_INET6, protocol: IPPROTO_UDP, bit: 1 << 3 },
] as const;

/**
 * Whether a multicast datagram reaches a socket that joined some groups. A datagram without family and protocol reaches
 * every socket.
 *
 * @param joined mask of groups, bit 0 is group 1
 */
export function isHeard(datagram: Uint8Array, joined: number): boolean {
  const data = dataView(datagram);
  const end = messageEnd(data, 0);
  const attributes = NLMSG_HDRLEN + INET_DIAG_MESSAGE_SIZE;
  if (end < attributes) return true;
  const at = findAttribute(data, attributes, end, inetAttributes.protocol.id);
  if (at < 0 || data.getUint16(at, true) === NLA_HDRLEN) return true;
  const protocol = data.getUint8(at + NLA_HDRLEN);
  const family = readField(inetDiagMessage.familyNumber, data, NLMSG_HDRLEN);
  const group = groups.find((row) => row.family === family && row.protocol === protocol);
  return group === undefined || (joined & group.bit) !== 0;
}
