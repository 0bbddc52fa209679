/** One socket, as the kernel has it now: by its addresses and ports, with or without its cookie. linux/inet_diag.h. */

import {
  INET_DIAG_MESSAGE_SIZE,
  inetDiagMessage,
  inetDiagRequest,
} from "../families/inet/layouts/inet-diag.ts";
import { bpfStorageRequest, inetRequest } from "../families/inet/request.ts";
import { InetSocket } from "../families/inet/socket.ts";
import type { Socket } from "../families/socket.ts";
import { IPPROTO_TCP } from "../model/family.ts";
import { stateGroups } from "../model/state.ts";
import {
  NETLINK_SOCK_DIAG,
  NLM_F_ACK,
  NLM_F_REQUEST,
  NLMSG_HDRLEN,
  SOCK_DIAG_BY_FAMILY,
} from "../netlink/constants.ts";
import { DUMP_SEQUENCE, dump } from "../netlink/dump.ts";
import { NetlinkError } from "../netlink/errors.ts";
import { type AttributeToWrite, encodeMessage } from "../netlink/message.ts";
import { type NetlinkSocket, pending, type Transport } from "../netlink/transport.ts";
import { originOf } from "./common.ts";
import { extensions } from "./netlink.ts";
import type { Query } from "./query.ts";

/** Each byte of INET_DIAG_NOCOOKIE: whatever socket has these addresses and ports. */
const NO_COOKIE = 0xff;
const COOKIE_SIZE = 8;
/** Bytes of struct inet_diag_sockid, which requests and answers share. */
const ID_SIZE = inetDiagMessage.expires.offset - inetDiagMessage.sport.offset;

/** How to ask for one socket. */
interface SingleRequest {
  /** NLM_F_ACK, or nothing. */
  readonly flags: number;
  /** INET_DIAG_EXT bits. */
  readonly ext: number;
  /** Whether the socket's cookie must be the same. */
  readonly exact: boolean;
  readonly attributes?: readonly AttributeToWrite[];
}

function encodeSingle(
  { familyNumber, data, offset, origin }: InetSocket,
  { flags, ext, exact, attributes = [] }: SingleRequest,
): Uint8Array {
  const payload = inetRequest(familyNumber, origin.protocol, ext, stateGroups.all);
  const id = data.byteOffset + offset + inetDiagMessage.sport.offset;
  payload.set(new Uint8Array(data.buffer, id, ID_SIZE), inetDiagRequest.id.offset);
  const end = inetDiagRequest.id.offset + ID_SIZE;
  if (!exact) payload.fill(NO_COOKIE, end - COOKIE_SIZE, end);
  const header = {
    type: SOCK_DIAG_BY_FAMILY,
    flags: NLM_F_REQUEST | flags,
    sequence: DUMP_SEQUENCE,
    portId: 0,
  };
  return encodeMessage(header, payload, attributes);
}

/** Whether the kernel finds a socket by addresses and ports: a TCP connection, whose tuple is unique. */
export function hasUniqueTuple(socket: Socket): socket is InetSocket {
  return (
    socket.kind === "inet" &&
    socket.origin.protocol === IPPROTO_TCP &&
    ((1 << socket.stateNumber) & stateGroups.connected) !== 0
  );
}

/** How refetched sockets are made. Neither a selection nor a filter applies, as the sockets were listed before. */
export type RefetchQuery = Pick<Query, "demands" | "bpfMapFds" | "keep" | "describe" | "report"> & {
  readonly netns: Query["netns"] | undefined;
};

/**
 * Asks for TCP connections one by one, as they are now. Connections that are gone are left out.
 *
 * @param sockets see {@link hasUniqueTuple}
 * @returns views that are valid until the next is taken, unless the query keeps them
 */
export function* refetch(
  transport: Transport,
  query: RefetchQuery,
  sockets: readonly InetSocket[],
): Generator<InetSocket> {
  if (sockets.length === 0) return;
  const origin = originOf(query, IPPROTO_TCP);
  let buffer = new Uint8Array(1 << 13);
  const allocate = (size: number) => {
    if (query.keep) return new Uint8Array(size);
    if (size > buffer.length) buffer = new Uint8Array(size);
    return buffer;
  };
  const single: SingleRequest = {
    flags: NLM_F_ACK,
    ext: extensions(query.demands),
    exact: true,
    attributes: bpfStorageRequest(query.bpfMapFds),
  };
  let conversation: NetlinkSocket;
  try {
    conversation = transport.open(NETLINK_SOCK_DIAG);
  } catch (error) {
    if (!(error instanceof NetlinkError)) throw error;
    query.report({ kind: "socket", error });
    return;
  }
  try {
    for (const socket of sockets) {
      try {
        for (const batch of dump(conversation, encodeSingle(socket, single), allocate))
          for (let index = 0; index < batch.count; index++)
            if (batch.lengths[index]! >= INET_DIAG_MESSAGE_SIZE)
              yield new InetSocket(batch.data, batch.offsets[index]!, batch.lengths[index]!, origin);
      } catch (error) {
        // The socket is gone, or another one has its addresses and ports.
        if (!(error instanceof NetlinkError) || error.operation !== "answer") throw error;
      }
    }
  } finally {
    conversation.close();
  }
}

/** The answers about single sockets. */
let answers = new Uint8Array(0);

/**
 * Requests the socket that has the same protocol, addresses and ports, whatever its cookie.
 *
 * @param conversation a non-blocking sock_diag socket that has no dump under way
 * @returns the socket, valid until the next call; undefined if the network namespace has no such socket
 * @throws NetlinkError
 */
export function findByTuple(conversation: NetlinkSocket, socket: InetSocket): InetSocket | undefined {
  conversation.send(encodeSingle(socket, { flags: 0, ext: 0, exact: false }));
  const answer = conversation.receive((size) => {
    if (size > answers.length) answers = new Uint8Array(size);
    return answers;
  });
  if (answer === pending || answer.length < NLMSG_HDRLEN + INET_DIAG_MESSAGE_SIZE) return undefined;
  const data = new DataView(answer.buffer, answer.byteOffset, answer.byteLength);
  if (data.getUint16(4, true) !== SOCK_DIAG_BY_FAMILY) return undefined;
  const found = new InetSocket(data, NLMSG_HDRLEN, data.getUint32(0, true) - NLMSG_HDRLEN, socket.origin);
  // A listener answers for connections that do not exist.
  return hasSameTuple(found, socket) ? found : undefined;
}

/** Whether two sockets have the same family, addresses and ports. */
function hasSameTuple(one: InetSocket, other: InetSocket): boolean {
  if (one.familyNumber !== other.familyNumber) return false;
  for (let at = inetDiagMessage.sport.offset; at < inetDiagMessage.interfaceIndex.offset; at++)
    if (one.data.getUint8(one.offset + at) !== other.data.getUint8(other.offset + at)) return false;
  return true;
}
