/** Asking for one socket by its addresses and ports: whether a network namespace has it. linux/inet_diag.h. */

import {
  INET_DIAG_MESSAGE_SIZE,
  inetDiagMessage,
  inetDiagRequest,
} from "../families/inet/layouts/inet-diag.ts";
import { InetSocket, inetRequest } from "../families/inet/socket.ts";
import { stateGroups } from "../model/state.ts";
import { NLM_F_REQUEST, NLMSG_HDRLEN, SOCK_DIAG_BY_FAMILY } from "../netlink/constants.ts";
import { DUMP_SEQUENCE } from "../netlink/dump.ts";
import { encodeMessage } from "../netlink/message.ts";
import { type NetlinkSocket, pending } from "../netlink/transport.ts";
import { tupleKey } from "./message.ts";

/** Each byte of INET_DIAG_NOCOOKIE: any socket that has these ends. */
const NO_COOKIE = 0xff;
const COOKIE_SIZE = 8;
/** Bytes of struct inet_diag_sockid, which a request takes as an answer has it. */
const ID_SIZE = inetDiagMessage.expires.offset - inetDiagMessage.sport.offset;

function encodeFind(socket: InetSocket): Uint8Array {
  const payload = inetRequest(socket.familyNumber, socket.origin.protocol, 0, stateGroups.all);
  const from = socket.data.byteOffset + socket.offset + inetDiagMessage.sport.offset;
  payload.set(new Uint8Array(socket.data.buffer, from, ID_SIZE), inetDiagRequest.id.offset);
  const end = inetDiagRequest.id.offset + ID_SIZE;
  payload.fill(NO_COOKIE, end - COOKIE_SIZE, end);
  const header = { type: SOCK_DIAG_BY_FAMILY, flags: NLM_F_REQUEST, sequence: DUMP_SEQUENCE, portId: 0 };
  return encodeMessage(header, payload);
}

/**
 * The socket with the same protocol, addresses and ports, as the kernel knows it.
 *
 * @param conversation a sock_diag socket that does not wait and has no dump under way
 * @returns undefined if the network namespace has no such socket
 * @throws NetlinkError
 */
export function findSocket(conversation: NetlinkSocket, socket: InetSocket): InetSocket | undefined {
  conversation.send(encodeFind(socket));
  const answer = conversation.receive((size) => new Uint8Array(size));
  if (answer === pending || answer.length < NLMSG_HDRLEN + INET_DIAG_MESSAGE_SIZE) return undefined;
  const data = new DataView(answer.buffer, answer.byteOffset, answer.byteLength);
  if (data.getUint16(4, true) !== SOCK_DIAG_BY_FAMILY) return undefined;
  const found = new InetSocket(data, NLMSG_HDRLEN, data.getUint32(0, true) - NLMSG_HDRLEN, socket.origin);
  // A listener answers for connections that are not there.
  return tupleKey(found) === tupleKey(socket) ? found : undefined;
}
