/** The kernel's messages about sockets in the recordings of the golden corpus. */
import { readFileSync } from "node:fs";
import { NLM_F_REQUEST, NLMSG_HDRLEN, SOCK_DIAG_BY_FAMILY } from "../../src/netlink/constants.ts";
import { align4 } from "../../src/netlink/message.ts";
import { decodePcap } from "../../src/replay/pcap.ts";

const NETLINK_SOCK_DIAG = 4;

/** A view over exactly these bytes. */
export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/**
 * The payloads of the answers in a fixture, copied.
 *
 * @param minimum their bytes at least: the size of the fixed struct
 * @param families numbers of the address families; all if absent
 */
export function fixtureMessages(
  fixture: string,
  minimum: number,
  families?: readonly number[],
): Uint8Array[] {
  const path = new URL(`../fixtures/${fixture}/recording.pcap`, import.meta.url);
  return decodePcap(readFileSync(path), fixture).flatMap(({ protocol, datagram }) => {
    const data = viewOf(datagram);
    const messages: Uint8Array[] = [];
    if (protocol !== NETLINK_SOCK_DIAG || data.getUint16(6, true) & NLM_F_REQUEST) return messages;
    for (let at = 0; at < datagram.length; at += align4(data.getUint32(at, true))) {
      const length = data.getUint32(at, true);
      const isAnswer = data.getUint16(at + 4, true) === SOCK_DIAG_BY_FAMILY;
      if (!isAnswer || length < NLMSG_HDRLEN + minimum) continue;
      const payload = Uint8Array.from(datagram.subarray(at + NLMSG_HDRLEN, at + length));
      if (families === undefined || families.includes(payload[0]!)) messages.push(payload);
    }
    return messages;
  });
}
