/** XDP sockets in a recording. */
import { AF_XDP } from "../../model/family.ts";
import type { ReplayedFamily } from "../replayed.ts";
import { XDP_DIAG_MESSAGE_SIZE, XDP_DIAG_REQUEST_SIZE, xdpAttributes, xdpDiagRequest } from "./layout.ts";

/** How requests select XDP sockets. They have no states. */
export const replayedXdp: ReplayedFamily = {
  families: [AF_XDP],
  requestSize: XDP_DIAG_REQUEST_SIZE,
  wanted: xdpDiagRequest.show,
  messageSize: XDP_DIAG_MESSAGE_SIZE,
  attributes: xdpAttributes,
};
