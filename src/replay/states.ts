/** Which of the recorded sockets the kernel would list for a request's mask of states. */
import { readField } from "../bytes/layout.ts";
import { INET_DIAG_MESSAGE_SIZE, inetDiagMessage } from "../families/inet/layouts/inet-diag.ts";
import { tipcAttributes, tipcSocket } from "../families/tipc/layout.ts";
import { unixDiagMessage } from "../families/unix/layout.ts";
import { vsockDiagMessage } from "../families/vsock/layout.ts";
import { AF_TIPC, AF_UNIX, AF_VSOCK, IPPROTO_DCCP, IPPROTO_SCTP, IPPROTO_TCP } from "../model/family.ts";
import { SS_BOUND_INACTIVE, SS_CLOSE, SS_LISTEN, SS_NEW_SYN_RECV, SS_SYN_RECV } from "../model/state.ts";
import { NLA_HDRLEN, NLMSG_HDRLEN } from "../netlink/constants.ts";
import { align4, findAttribute } from "../netlink/message.ts";
import { messageEnd } from "./header.ts";
import { type DiagRequest, isInet } from "./recording.ts";

/**
 * Whether a message of a datagram passes a mask.
 *
 * @param data the recorded datagram
 * @param at where the message begins
 * @param end where it ends; it holds the fixed struct of its family
 * @param previous where the message before it in the datagram begins, or -1 if that one has no such struct
 */
export type StateTest = (mask: number, data: DataView, at: number, end: number, previous: number) => boolean;

const LISTEN_OR_CLOSE = (1 << SS_LISTEN) | (1 << SS_CLOSE);

/** A state that a mask has no bit for is in no mask. */
function has(mask: number, state: number): boolean {
  return state < 32 && (mask & (1 << state)) !== 0;
}

const inet: StateTest = (mask, data, at) =>
  has(mask, Number(readField(inetDiagMessage.stateNumber, data, at + NLMSG_HDRLEN)));

/** TCP and DCCP: CLOSE is a bound, inactive socket; SYN-RECV without an inode is a connection request. */
const stream: StateTest = (mask, data, at) => {
  const state = Number(readField(inetDiagMessage.stateNumber, data, at + NLMSG_HDRLEN));
  if (state === SS_CLOSE) return has(mask, SS_BOUND_INACTIVE);
  if (state === SS_SYN_RECV && inodeOf(data, at) === 0)
    return has(mask, SS_SYN_RECV) || has(mask, SS_NEW_SYN_RECV);
  return has(mask, state);
};

/** SCTP: a message with the inode of the one before is an association, another one an endpoint. */
const sctp: StateTest = (mask, data, at, end, previous) => {
  const others = (mask & ~LISTEN_OR_CLOSE) !== 0;
  if (previous >= 0 && inodeOf(data, previous) === inodeOf(data, at)) return others;
  if (has(mask, SS_LISTEN)) return true;
  const next = align4(end);
  return others && isInetMessage(data, next) && inodeOf(data, next) === inodeOf(data, at);
};

/** TIPC: the state is an attribute inside TIPC_NLA_SOCK; a message without it passes. */
const tipc: StateTest = (mask, data, at, end) => {
  const socket = findAttribute(data, at + NLMSG_HDRLEN, end, tipcAttributes.socket.id);
  if (socket < 0) return true;
  const socketEnd = socket + data.getUint16(socket, true);
  const state = findAttribute(data, socket + NLA_HDRLEN, socketEnd, tipcSocket.stateNumber.id);
  if (state < 0 || data.getUint16(state, true) < NLA_HDRLEN + 4) return true;
  return has(mask, data.getUint32(state + NLA_HDRLEN, true));
};

const unix: StateTest = (mask, data, at) =>
  has(mask, Number(readField(unixDiagMessage.stateNumber, data, at + NLMSG_HDRLEN)));

const vsock: StateTest = (mask, data, at) =>
  has(mask, Number(readField(vsockDiagMessage.stateNumber, data, at + NLMSG_HDRLEN)));

const inetTests: Readonly<Record<number, StateTest>> = {
  [IPPROTO_TCP]: stream,
  [IPPROTO_DCCP]: stream,
  [IPPROTO_SCTP]: sctp,
};

const otherTests: Readonly<Record<number, StateTest>> = {
  [AF_UNIX]: unix,
  [AF_VSOCK]: vsock,
  [AF_TIPC]: tipc,
};

/** The test of a request's sockets; undefined for families whose requests have no mask. */
export function stateTest(request: DiagRequest): StateTest | undefined {
  return isInet(request.family) ? (inetTests[request.protocol] ?? inet) : otherTests[request.family];
}

function inodeOf(data: DataView, at: number): number {
  return Number(readField(inetDiagMessage.inode, data, at + NLMSG_HDRLEN));
}

/** Whether a whole inet socket begins at `at`. */
function isInetMessage(data: DataView, at: number): boolean {
  return messageEnd(data, at) >= at + NLMSG_HDRLEN + INET_DIAG_MESSAGE_SIZE;
}
