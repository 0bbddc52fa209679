/**
 * The memory that the rows of big listings are read from: the datagram that came last, and behind it a few structs that
 * were sent shorter than they are read. Code that reads constant typed arrays is compiled to plain loads, which views
 * given as parameters are not.
 */
import { keepOutOfLastTier } from "#libc";

/** Bytes of a datagram that the room takes. The kernel fills datagrams of a dump up to 32 KiB. */
export const ROOM_SIZE = 1 << 16;
/** Bytes of the longest struct that is padded. */
const SLOT_SIZE = 512;
const SLOTS = 6;

/** The room as bytes. */
export const roomBytes = new Uint8Array(ROOM_SIZE + SLOTS * SLOT_SIZE);
/** The room as 32-bit words: whatever begins at a byte that 4 divides begins at a quarter of that here. */
export const roomWords = new Int32Array(roomBytes.buffer);
/** The room as a view. */
export const roomData = new DataView(roomBytes.buffer);

/**
 * Where a struct in the room can be read whole.
 *
 * @param at where it begins; a multiple of 4
 * @param length bytes of it that were sent
 * @param size bytes of it that are read
 * @param slot the number of the place where it is padded with zeros if it was sent shorter, below 6
 * @returns the index of its first word in {@link roomWords}
 */
export function wholeStruct(at: number, length: number, size: number, slot: number): number {
  if (length >= size) return at >> 2;
  const place = ROOM_SIZE + slot * SLOT_SIZE;
  roomBytes.copyWithin(place, at, at + length);
  roomBytes.fill(0, place + length, place + size);
  return place >> 2;
}

/** Copies a struct from elsewhere into a slot; see {@link wholeStruct}. */
export function copiedStruct(data: DataView, at: number, length: number, size: number, slot: number): number {
  const place = ROOM_SIZE + slot * SLOT_SIZE;
  const sent = Math.min(length, size);
  roomBytes.set(new Uint8Array(data.buffer, data.byteOffset + at, sent), place);
  roomBytes.fill(0, place + sent, place + size);
  return place >> 2;
}

/** Copies a message to the start of the room. @returns false if it is too long */
export function copyToRoom(data: DataView, offset: number, length: number): boolean {
  if (length > ROOM_SIZE) return false;
  roomBytes.set(new Uint8Array(data.buffer, data.byteOffset + offset, length));
  return true;
}

keepOutOfLastTier(wholeStruct, copyToRoom);
