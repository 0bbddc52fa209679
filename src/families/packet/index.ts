/** Packet sockets. */
import type { Family } from "../family.ts";
import { writePacketRow } from "./row.ts";
import { type PacketSocket, packetDump } from "./socket.ts";
import { packetSubject } from "./subject.ts";

/** Packet sockets. */
export const packet: Family<PacketSocket> = {
  dump: packetDump,
  writeRow: writePacketRow,
  subject: packetSubject,
};
