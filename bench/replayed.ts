/** Recordings of more sockets than a host can be given for a measurement. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { NLM_F_REQUEST, NLMSG_DONE } from "../src/netlink/constants.ts";
import { align4 } from "../src/netlink/message.ts";
import { decodePcap, encodePcap, type Packet } from "../src/replay/pcap.ts";

/** Where the messages of a datagram end. */
function ends({ datagram }: Packet): number[] {
  const data = new DataView(datagram.buffer, datagram.byteOffset, datagram.byteLength);
  const found: number[] = [];
  for (let at = 0; at < datagram.length; ) {
    at += align4(data.getUint32(at, true));
    found.push(at);
  }
  return found;
}

/** Whether a datagram holds sockets: it is an answer, and not the end of one. */
function hasSockets({ datagram }: Packet): boolean {
  const data = new DataView(datagram.buffer, datagram.byteOffset, datagram.byteLength);
  return data.getUint16(4, true) > NLMSG_DONE && (data.getUint16(6, true) & NLM_F_REQUEST) === 0;
}

/** Makes a recording of one dump hold so many sockets: its own again and again. */
export function multiply(folder: string, sockets: number): void {
  const path = join(folder, "recording.pcap");
  const packets = decodePcap(readFileSync(path), path);
  const first = packets.findIndex(hasSockets);
  const last = packets.findLastIndex(hasSockets);
  const listed = packets.slice(first, last + 1).filter(hasSockets);
  const made: Packet[] = [];
  for (let left = sockets; left > 0; )
    for (const packet of listed) {
      const messages = ends(packet);
      const kept = Math.min(left, messages.length);
      if (kept === 0) break;
      made.push({ ...packet, datagram: packet.datagram.subarray(0, messages[kept - 1]) });
      left -= kept;
    }
  writeFileSync(path, encodePcap([...packets.slice(0, first), ...made, ...packets.slice(last + 1)]));
}
