/** Encodes netlink messages and finds attributes in them. linux/netlink.h. */
import { NLA_HDRLEN, NLA_TYPE_MASK, NLMSG_HDRLEN } from "./constants.ts";

/** Rounds a length up to the 4 bytes that netlink aligns to. */
export function align4(length: number): number {
  return (length + 3) & ~3;
}

/** The fields of struct nlmsghdr that a sender sets. */
export interface MessageHeader {
  readonly type: number;
  readonly flags: number;
  readonly sequence: number;
  readonly portId: number;
}

/** An attribute to encode. */
export interface AttributeToWrite {
  readonly type: number;
  readonly payload: Uint8Array;
}

/** Encodes consecutive attributes, each padded to 4 bytes. */
export function encodeAttributes(attributes: readonly AttributeToWrite[]): Uint8Array {
  let size = 0;
  for (const { payload } of attributes) size += align4(NLA_HDRLEN + payload.length);
  const bytes = new Uint8Array(size);
  const data = new DataView(bytes.buffer);
  let at = 0;
  for (const { type, payload } of attributes) {
    data.setUint16(at, NLA_HDRLEN + payload.length, true);
    data.setUint16(at + 2, type, true);
    bytes.set(payload, at + NLA_HDRLEN);
    at += align4(NLA_HDRLEN + payload.length);
  }
  return bytes;
}

/** Copies a few bytes: the first use of `set` would take a short run longer. */
function copyInto(target: Uint8Array, at: number, source: Uint8Array): void {
  for (let index = 0; index < source.length; index++) target[at + index] = source[index]!;
}

/** Encodes one message: header, payload (padded to 4 bytes), attributes. */
export function encodeMessage(
  header: MessageHeader,
  payload: Uint8Array,
  attributes: readonly AttributeToWrite[] = [],
): Uint8Array {
  const start = NLMSG_HDRLEN + align4(payload.length);
  const following = encodeAttributes(attributes);
  const bytes = new Uint8Array(start + following.length);
  const data = new DataView(bytes.buffer);
  data.setUint32(0, bytes.length, true);
  data.setUint16(4, header.type, true);
  data.setUint16(6, header.flags, true);
  data.setUint32(8, header.sequence, true);
  data.setUint32(12, header.portId, true);
  copyInto(bytes, NLMSG_HDRLEN, payload);
  copyInto(bytes, start, following);
  return bytes;
}

/** The payload of an unsigned 32-bit attribute, in host byte order. */
export function u32Payload(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value, true);
  return bytes;
}

/**
 * Finds the first attribute of a type.
 *
 * @param data the datagram
 * @param at offset of the first attribute
 * @param end offset after the last attribute
 * @returns offset of the attribute's header, or -1. A malformed attribute ends the search
 */
export function findAttribute(data: DataView, at: number, end: number, type: number): number {
  while (at + NLA_HDRLEN <= end) {
    const length = data.getUint16(at, true);
    if (length < NLA_HDRLEN || at + length > end) return -1;
    if ((data.getUint16(at + 2, true) & NLA_TYPE_MASK) === type) return at;
    at += align4(length);
  }
  return -1;
}
