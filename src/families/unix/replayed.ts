/** UNIX sockets in a recording. */
import { readField } from "../../bytes/layout.ts";
import { AF_UNIX } from "../../model/family.ts";
import { NLMSG_HDRLEN } from "../../netlink/constants.ts";
import { hasState, type ReplayedFamily } from "../replayed.ts";
import {
  UNIX_DIAG_MESSAGE_SIZE,
  UNIX_DIAG_REQUEST_SIZE,
  unixAttributes,
  unixDiagMessage,
  unixDiagRequest,
} from "./layout.ts";

/** How requests select UNIX sockets. */
export const replayedUnix: ReplayedFamily = {
  families: [AF_UNIX],
  requestSize: UNIX_DIAG_REQUEST_SIZE,
  states: unixDiagRequest.states,
  stateTest: () => (mask, data, at) =>
    hasState(mask, Number(readField(unixDiagMessage.stateNumber, data, at + NLMSG_HDRLEN))),
  wanted: unixDiagRequest.show,
  messageSize: UNIX_DIAG_MESSAGE_SIZE,
  attributes: unixAttributes,
};
