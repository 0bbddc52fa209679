/** vsock sockets in a recording. */
import { readField } from "../../bytes/layout.ts";
import { AF_VSOCK } from "../../model/family.ts";
import { NLMSG_HDRLEN } from "../../netlink/constants.ts";
import { hasState, type ReplayedFamily } from "../replayed.ts";
import {
  VSOCK_DIAG_MESSAGE_SIZE,
  VSOCK_DIAG_REQUEST_SIZE,
  vsockDiagMessage,
  vsockDiagRequest,
} from "./layout.ts";

/** How requests select vsock sockets. */
export const replayedVsock: ReplayedFamily = {
  families: [AF_VSOCK],
  requestSize: VSOCK_DIAG_REQUEST_SIZE,
  states: vsockDiagRequest.states,
  stateTest: () => (mask, data, at) =>
    hasState(mask, Number(readField(vsockDiagMessage.stateNumber, data, at + NLMSG_HDRLEN))),
  messageSize: VSOCK_DIAG_MESSAGE_SIZE,
};
