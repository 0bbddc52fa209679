/** Packet sockets in a recording. */
import { AF_PACKET } from "../../model/family.ts";
import type { ReplayedFamily } from "../replayed.ts";
import {
  PACKET_DIAG_MESSAGE_SIZE,
  PACKET_DIAG_REQUEST_SIZE,
  packetAttributes,
  packetDiagRequest,
} from "./layout.ts";

/** How requests select packet sockets. They have no states. */
export const replayedPacket: ReplayedFamily = {
  families: [AF_PACKET],
  requestSize: PACKET_DIAG_REQUEST_SIZE,
  wanted: packetDiagRequest.show,
  messageSize: PACKET_DIAG_MESSAGE_SIZE,
  attributes: packetAttributes,
};
