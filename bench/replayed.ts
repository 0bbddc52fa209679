/** Recordings of more sockets than a host can be given for a measurement. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { NLM_F_REQUEST, NLMSG_DONE } from "../src/netlink/constants.ts";
import { decodePcap, encodePcap, type Packet } from "../src/replay/pcap.ts";

/** Whether a datagram holds sockets: it is an answer, and not the end of one. */
function hasSockets({ datagram }: Packet): boolean {
  const data = new DataView(datagram.buffer, datagram.byteOffset, datagram.byteLength);
  return data.getUint16(4, true) > NLMSG_DONE && (data.getUint16(6, true) & NLM_F_REQUEST) === 0;
}

/** Makes a recording hold each of its sockets so many times. */
export function multiply(folder: string, times: number): void {
  const path = join(folder, "recording.pcap");
  const packets = decodePcap(readFileSync(path), path);
  writeFileSync(
    path,
    encodePcap(packets.flatMap((packet) => (hasSockets(packet) ? Array(times).fill(packet) : [packet]))),
  );
}
