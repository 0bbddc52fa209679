/** PacketSockets as filters read them. */
import { AF_PACKET } from "../../model/family.ts";
import { filterSubject } from "../filter-subject.ts";
import type { PacketSocket } from "./socket.ts";

/** Points the subject at a socket. */
export const packetSubject = filterSubject<PacketSocket>({
  family: () => AF_PACKET,
  sourceWord: ({ protocol }) => protocol,
  sport: ({ interfaceIndex }) => interfaceIndex ?? 0,
  interfaceIndex: ({ interfaceIndex }) => interfaceIndex ?? 0,
});
