/** TIPC sockets in a recording. */
import { AF_TIPC } from "../../model/family.ts";
import { NLA_HDRLEN, NLMSG_HDRLEN } from "../../netlink/constants.ts";
import { findAttribute } from "../../netlink/message.ts";
import { hasState, type ReplayedFamily, type StateTest } from "../replayed.ts";
import { TIPC_DIAG_REQUEST_SIZE, tipcAttributes, tipcDiagRequest, tipcSocket } from "./layout.ts";

/** The state is an attribute inside TIPC_NLA_SOCK; a message without it passes. */
const tipc: StateTest = (mask, data, at, end) => {
  const socket = findAttribute(data, at + NLMSG_HDRLEN, end, tipcAttributes.socket.id);
  if (socket < 0) return true;
  const socketEnd = socket + data.getUint16(socket, true);
  const state = findAttribute(data, socket + NLA_HDRLEN, socketEnd, tipcSocket.stateNumber.id);
  if (state < 0 || data.getUint16(state, true) < NLA_HDRLEN + 4) return true;
  return hasState(mask, data.getUint32(state + NLA_HDRLEN, true));
};

/** How requests select TIPC sockets. */
export const replayedTipc: ReplayedFamily = {
  families: [AF_TIPC],
  requestSize: TIPC_DIAG_REQUEST_SIZE,
  states: tipcDiagRequest.states,
  stateTest: () => tipc,
  messageSize: 0,
};
