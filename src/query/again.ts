/** Looking at sockets again that were listed before: one by one where that is less work than to list all. */

import {
  INET_DIAG_MESSAGE_SIZE,
  inetDiagMessage,
  inetDiagRequest,
} from "../families/inet/layouts/inet-diag.ts";
import { bpfStorageRequest, InetSocket, inetRequest } from "../families/inet/socket.ts";
import type { Socket } from "../families/socket.ts";
import { IPPROTO_TCP } from "../model/family.ts";
import { stateGroups } from "../model/state.ts";
import { NETLINK_SOCK_DIAG, NLM_F_ACK, NLM_F_REQUEST, SOCK_DIAG_BY_FAMILY } from "../netlink/constants.ts";
import { DUMP_SEQUENCE, dump } from "../netlink/dump.ts";
import { NetlinkError } from "../netlink/errors.ts";
import { encodeMessage } from "../netlink/message.ts";
import type { Transport } from "../netlink/transport.ts";
import { originOf } from "./common.ts";
import { extensions } from "./netlink.ts";
import type { Query } from "./query.ts";

/** Bytes of struct inet_diag_sockid, which a request takes as an answer has it. */
const ID_SIZE = inetDiagMessage.expires.offset - inetDiagMessage.sport.offset;

/** Whether the kernel finds a socket by its addresses: a TCP connection, which no other can have the same of. */
export function isFoundAlone(socket: Socket): socket is InetSocket {
  return (
    socket.kind === "inet" &&
    socket.origin.protocol === IPPROTO_TCP &&
    ((1 << socket.stateNumber) & stateGroups.connected) !== 0
  );
}

/** What is asked for: neither a selection nor a filter, as these have picked the sockets before. */
export type AgainQuery = Pick<Query, "demands" | "bpfMapFds" | "keep" | "describe" | "report"> & {
  readonly netns: Query["netns"] | undefined;
};

/**
 * Asks for TCP connections one by one, as they are now. Those that are gone are left out.
 *
 * @param sockets see {@link isFoundAlone}
 * @returns views that are valid until the next is taken, unless the query keeps them
 */
export function* lookAgain(
  transport: Transport,
  query: AgainQuery,
  sockets: readonly InetSocket[],
): Generator<InetSocket> {
  if (sockets.length === 0) return;
  const origin = originOf(query, IPPROTO_TCP);
  const ext = extensions(query.demands);
  let buffer = new Uint8Array(1 << 13);
  const allocate = (size: number) => {
    if (query.keep) return new Uint8Array(size);
    if (size > buffer.length) buffer = new Uint8Array(size);
    return buffer;
  };
  let conversation: ReturnType<Transport["open"]>;
  try {
    conversation = transport.open(NETLINK_SOCK_DIAG);
  } catch (error) {
    if (!(error instanceof NetlinkError)) throw error;
    query.report({ kind: "socket", error });
    return;
  }
  try {
    for (const { familyNumber, data, offset } of sockets) {
      const payload = inetRequest(familyNumber, IPPROTO_TCP, ext, stateGroups.all);
      const id = data.byteOffset + offset + inetDiagMessage.sport.offset;
      payload.set(new Uint8Array(data.buffer, id, ID_SIZE), inetDiagRequest.id.offset);
      const flags = NLM_F_REQUEST | NLM_F_ACK;
      const header = { type: SOCK_DIAG_BY_FAMILY, flags, sequence: DUMP_SEQUENCE, portId: 0 };
      const request = encodeMessage(header, payload, bpfStorageRequest(query.bpfMapFds));
      try {
        for (const batch of dump(conversation, request, allocate))
          for (let index = 0; index < batch.count; index++)
            if (batch.lengths[index]! >= INET_DIAG_MESSAGE_SIZE)
              yield new InetSocket(batch.data, batch.offsets[index]!, batch.lengths[index]!, origin);
      } catch (error) {
        // It is gone, or another has its addresses now.
        if (!(error instanceof NetlinkError) || error.operation !== "answer") throw error;
      }
    }
  } finally {
    conversation.close();
  }
}
