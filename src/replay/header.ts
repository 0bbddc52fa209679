/** The header of a netlink message in a datagram of any origin. linux/netlink.h. */
import { type Layout, readField } from "../bytes/layout.ts";
import { NLMSG_HDRLEN } from "../netlink/constants.ts";

/** struct nlmsghdr. */
export const nlmsghdr = {
  length: {
    offset: 0,
    type: "u32",
    kernel: "nlmsg_len",
    unit: "bytes",
    doc: "of the message, header included",
  },
  type: { offset: 4, type: "u16", kernel: "nlmsg_type", doc: "what the message is" },
  flags: { offset: 6, type: "u16", kernel: "nlmsg_flags", doc: "NLM_F_*" },
  sequence: { offset: 8, type: "u32", kernel: "nlmsg_seq", doc: "of the request and of its answers" },
  portId: { offset: 12, type: "u32", kernel: "nlmsg_pid", doc: "of the requesting socket" },
} as const satisfies Layout;

/** A DataView of a whole datagram. */
export function dataView(datagram: Uint8Array): DataView {
  return new DataView(datagram.buffer, datagram.byteOffset, datagram.byteLength);
}

/** The end of the message at offset `at`, or -1 if the message is incomplete. */
export function messageEnd(data: DataView, at: number): number {
  if (at + NLMSG_HDRLEN > data.byteLength) return -1;
  const length = Number(readField(nlmsghdr.length, data, at));
  return length < NLMSG_HDRLEN || at + length > data.byteLength ? -1 : at + length;
}

/** A header field of the message at offset `at`. The header must be complete. */
export function headerField(name: keyof typeof nlmsghdr, data: DataView, at: number): number {
  return Number(readField(nlmsghdr[name], data, at));
}
