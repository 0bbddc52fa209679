/** Inet sockets in a recording. */
import { readField } from "../../bytes/layout.ts";
import { AF_INET, AF_INET6, IPPROTO_DCCP, IPPROTO_SCTP, IPPROTO_TCP } from "../../model/family.ts";
import { SS_BOUND_INACTIVE, SS_CLOSE, SS_LISTEN, SS_NEW_SYN_RECV, SS_SYN_RECV } from "../../model/state.ts";
import { NLMSG_HDRLEN } from "../../netlink/constants.ts";
import { align4 } from "../../netlink/message.ts";
import { hasState, type ReplayedFamily, type StateTest } from "../replayed.ts";
import {
  INET_DIAG_LEGACY_REQUEST_SIZE,
  INET_DIAG_MESSAGE_SIZE,
  INET_DIAG_REQ_BYTECODE,
  INET_DIAG_REQUEST_SIZE,
  inetAttributes,
  inetDiagLegacyRequest,
  inetDiagMessage,
  inetDiagRequest,
} from "./layouts/inet-diag.ts";

const LISTEN_OR_CLOSE = (1 << SS_LISTEN) | (1 << SS_CLOSE);

function inodeOf(data: DataView, at: number): number {
  return Number(readField(inetDiagMessage.inode, data, at + NLMSG_HDRLEN));
}

/** Whether a whole inet socket begins at `at`. */
function isInetMessage(data: DataView, at: number): boolean {
  if (at + NLMSG_HDRLEN > data.byteLength) return false;
  const length = data.getUint32(at, true);
  return length >= NLMSG_HDRLEN + INET_DIAG_MESSAGE_SIZE && at + length <= data.byteLength;
}

const inet: StateTest = (mask, data, at) =>
  hasState(mask, Number(readField(inetDiagMessage.stateNumber, data, at + NLMSG_HDRLEN)));

/** TCP and DCCP: CLOSE is a bound, inactive socket; SYN-RECV without an inode is a connection request. */
const stream: StateTest = (mask, data, at) => {
  const state = Number(readField(inetDiagMessage.stateNumber, data, at + NLMSG_HDRLEN));
  if (state === SS_CLOSE) return hasState(mask, SS_BOUND_INACTIVE);
  if (state === SS_SYN_RECV && inodeOf(data, at) === 0)
    return hasState(mask, SS_SYN_RECV) || hasState(mask, SS_NEW_SYN_RECV);
  return hasState(mask, state);
};

/** SCTP: a message with the inode of the one before is an association, another one an endpoint. */
const sctp: StateTest = (mask, data, at, end, previous) => {
  const others = (mask & ~LISTEN_OR_CLOSE) !== 0;
  if (previous >= 0 && inodeOf(data, previous) === inodeOf(data, at)) return others;
  if (hasState(mask, SS_LISTEN)) return true;
  const next = align4(end);
  return others && isInetMessage(data, next) && inodeOf(data, next) === inodeOf(data, at);
};

const tests: Readonly<Record<number, StateTest>> = {
  [IPPROTO_TCP]: stream,
  [IPPROTO_DCCP]: stream,
  [IPPROTO_SCTP]: sctp,
};

/** How requests select inet sockets. */
export const replayedInet: ReplayedFamily = {
  families: [AF_INET, AF_INET6],
  requestSize: INET_DIAG_REQUEST_SIZE,
  states: inetDiagRequest.states,
  stateTest: (protocol) => tests[protocol] ?? inet,
  wanted: inetDiagRequest.ext,
  filter: INET_DIAG_REQ_BYTECODE,
  messageSize: INET_DIAG_MESSAGE_SIZE,
  attributes: inetAttributes,
};

/** The same for the requests that kernels before 3.3 take. */
export const replayedInetLegacy: ReplayedFamily = {
  ...replayedInet,
  requestSize: INET_DIAG_LEGACY_REQUEST_SIZE,
  states: inetDiagLegacyRequest.states,
  wanted: inetDiagLegacyRequest.ext,
};
