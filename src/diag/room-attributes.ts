/** The attributes of a message in the room (`bytes/room.ts`), for rows that are written without views. */
import { keepOutOfLastTier } from "#libc";
import { roomWords, wholeStruct } from "../bytes/room.ts";
import { NLA_HDRLEN, NLA_TYPE_MASK } from "../netlink/constants.ts";

/** Attribute numbers beyond this are none that we know. */
const INDEXED = 64;
/** Where the payload of each attribute of the message that was walked last begins in the room; 0 if it was not sent. */
export const payloads = new Int32Array(INDEXED);
/** The attributes that message has, and how many. */
const present = new Uint8Array(INDEXED);
let presentCount = 0;

/**
 * Walks the attributes of a message, for {@link payloads}; the first of a kind wins.
 *
 * @param from where the first one begins, a multiple of 4
 * @param end where the message ends
 * @returns whether all are well-formed
 */
export function walkAttributes(from: number, end: number): boolean {
  for (let index = 0; index < presentCount; index++) payloads[present[index]!] = 0;
  presentCount = 0;
  let at = from;
  while (at + NLA_HDRLEN <= end) {
    const header = roomWords[at >> 2]!;
    const length = header & 0xffff;
    if (length < NLA_HDRLEN || at + length > end) return false;
    const type = (header >>> 16) & NLA_TYPE_MASK;
    if (type < INDEXED && payloads[type] === 0) {
      payloads[type] = at + NLA_HDRLEN;
      present[presentCount++] = type;
    }
    at += (length + 3) & ~3;
  }
  return at >= end;
}

/** Bytes of a payload. */
export function lengthOf(payload: number): number {
  return (roomWords[(payload - NLA_HDRLEN) >> 2]! & 0xffff) - NLA_HDRLEN;
}

/** The payload of an attribute that is to have `size` bytes; 0 if it was not sent or is shorter. */
export function sized(type: number, size: number): number {
  const payload = payloads[type]!;
  return payload !== 0 && lengthOf(payload) >= size ? payload : 0;
}

/** Where the struct of an attribute can be read whole, see {@link wholeStruct}; 0 if it was not sent. */
export function struct(type: number, size: number, slot: number): number {
  const payload = payloads[type]!;
  return payload === 0 ? 0 : wholeStruct(payload, lengthOf(payload), size, slot);
}

keepOutOfLastTier(walkAttributes, lengthOf, sized, struct);
