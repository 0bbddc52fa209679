/** Dumps as a kernel answers them, from messages that a property has made. */
import { NLM_F_MULTI, NLMSG_DONE, NLMSG_HDRLEN, SOCK_DIAG_BY_FAMILY } from "../../src/netlink/constants.ts";
import { DUMP_SEQUENCE } from "../../src/netlink/dump.ts";
import { encodeMessage } from "../../src/netlink/message.ts";
import type { NetlinkSocket } from "../../src/netlink/transport.ts";

/** The port id of the socket that asks. */
export const PORT = 7;

/** A message of the answer to a dump. */
export function encodeAnswer(payload: Uint8Array, type = SOCK_DIAG_BY_FAMILY): Uint8Array {
  const bytes = encodeMessage({ type, flags: NLM_F_MULTI, sequence: DUMP_SEQUENCE, portId: PORT }, payload);
  // What aligns the next message is not part of this one.
  new DataView(bytes.buffer).setUint32(0, NLMSG_HDRLEN + payload.length, true);
  return bytes;
}

/** The message that ends it. */
export const dumpEnd = encodeAnswer(new Uint8Array(4), NLMSG_DONE);

/** Messages as datagrams: each message that says so begins another. */
export function datagramsOf(
  messages: readonly { readonly message: Uint8Array; readonly split: boolean }[],
): Uint8Array[] {
  const datagrams: Uint8Array[][] = [[]];
  for (const { message, split } of messages) {
    if (split && datagrams.at(-1)!.length > 0) datagrams.push([]);
    datagrams.at(-1)!.push(message);
  }
  return datagrams.map((parts) => Buffer.concat(parts));
}

/** A netlink socket that receives these datagrams and then nothing. */
export function playing(datagrams: readonly Uint8Array[]): NetlinkSocket & { readonly received: number } {
  let next = 0;
  return {
    portId: PORT,
    send: () => {},
    receive: (allocate) => {
      const datagram = datagrams[next++] ?? new Uint8Array(0);
      const bytes = allocate(datagram.length).subarray(0, datagram.length);
      bytes.set(datagram);
      return bytes;
    },
    close: () => {},
    get received() {
      return next;
    },
  };
}
