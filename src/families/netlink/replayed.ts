/** Netlink sockets in a recording. */
import { AF_NETLINK } from "../../model/family.ts";
import type { ReplayedFamily } from "../replayed.ts";
import {
  NETLINK_DIAG_MESSAGE_SIZE,
  NETLINK_DIAG_REQUEST_SIZE,
  netlinkAttributes,
  netlinkDiagRequest,
} from "./layout.ts";

/** How requests select netlink sockets. They have no states. */
export const replayedNetlink: ReplayedFamily = {
  families: [AF_NETLINK],
  requestSize: NETLINK_DIAG_REQUEST_SIZE,
  wanted: netlinkDiagRequest.show,
  messageSize: NETLINK_DIAG_MESSAGE_SIZE,
  attributes: netlinkAttributes,
};
