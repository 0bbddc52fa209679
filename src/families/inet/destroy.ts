/** Closes sockets by force with SOCK_DESTROY. linux/sock_diag.h. Needs CAP_NET_ADMIN and Linux 4.5. */
import { writeField } from "../../bytes/layout.ts";
import { IPPROTO_RAW } from "../../model/family.ts";
import {
  NLM_F_ACK,
  NLM_F_REQUEST,
  NLMSG_ERROR,
  NLMSG_HDRLEN,
  SOCK_DESTROY,
} from "../../netlink/constants.ts";
import { DUMP_SEQUENCE, errorOf } from "../../netlink/dump.ts";
import { DecodeError } from "../../netlink/errors.ts";
import { encodeMessage, u32Payload } from "../../netlink/message.ts";
import type { NetlinkSocket } from "../../netlink/transport.ts";
import { INET_DIAG_REQ_PROTOCOL, inetDiagMessage, inetDiagRequest } from "./layouts/inet-diag.ts";
import { inetRequest } from "./request.ts";
import type { InetSocket } from "./socket.ts";

/** Bytes of struct inet_diag_sockid. The request has the same bytes as the answer. */
const ID_SIZE = inetDiagMessage.expires.offset - inetDiagMessage.sport.offset;

/** The request to close one socket. */
function encodeDestroy(socket: InetSocket): Uint8Array {
  const { protocol } = socket.origin;
  const payload = inetRequest(socket.familyNumber, protocol, 0, 0);
  const from = socket.data.byteOffset + socket.offset + inetDiagMessage.sport.offset;
  payload.set(new Uint8Array(socket.data.buffer, from, ID_SIZE), inetDiagRequest.id.offset);
  if (protocol === IPPROTO_RAW)
    writeField(inetDiagRequest.rawProtocol, new DataView(payload.buffer), 0, socket.protocol);
  const wide = protocol > 0xff ? [{ type: INET_DIAG_REQ_PROTOCOL, payload: u32Payload(protocol) }] : [];
  const header = { type: SOCK_DESTROY, flags: NLM_F_REQUEST | NLM_F_ACK, sequence: DUMP_SEQUENCE, portId: 0 };
  return encodeMessage(header, payload, wide);
}

/**
 * Closes a socket. Its connection is reset, and the processes that have it open get ECONNABORTED.
 *
 * @param conversation a sock_diag socket without a dump in progress
 * @throws NetlinkError with the kernel's refusal: ENOENT if the socket is gone, EOPNOTSUPP if its kind cannot be
 *   closed, EPERM without CAP_NET_ADMIN
 */
export function destroySocket(conversation: NetlinkSocket, socket: InetSocket): void {
  conversation.send(encodeDestroy(socket));
  for (;;) {
    const answer = conversation.receive((size) => new Uint8Array(size));
    const data = new DataView(answer.buffer, answer.byteOffset, answer.byteLength);
    if (data.byteLength < NLMSG_HDRLEN) throw new DecodeError("nlmsghdr", 0, "it is cut short");
    if (data.getUint16(4, true) !== NLMSG_ERROR || data.getUint32(8, true) !== DUMP_SEQUENCE) continue;
    const error = errorOf(data, NLMSG_HDRLEN, data.byteLength, data.getUint16(6, true));
    if (error !== undefined) throw error;
    return;
  }
}
