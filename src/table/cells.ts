/** Cells and details that the rows of several families share. */
import { keepOutOfLastTier } from "#libc";
import {
  OVERSHOOT,
  putBlanks,
  putHex64,
  putInt32,
  putStamp,
  putUint32,
  type Stamp,
  stamp,
} from "../bytes/put.ts";
import { ascii, type ByteWriter } from "../bytes/writer.ts";
import { states } from "../model/state.ts";
import type { Style } from "./style.ts";

const BLANK = 0x20;
const MINUS = 0x2d;
/** The queue cells are at least this wide. */
const QUEUE_WIDTH = 6;
/** Room for the longest of these cells and details. */
const CELL_ROOM = 96 + OVERSHOOT;

const stateLabels: Stamp[] = [];
for (const { label } of states) stateLabels.push(stamp(label));
const otherState = stateLabels[stateLabels.length - 1]!;

const lineStart = ascii("\n\t");

/** Starts a line of details: a new one, or with `-O` a blank. */
export function startLine(text: ByteWriter, style: Style): void {
  if (style.oneline) text.byte(BLANK);
  else text.put(lineStart);
}

/** Writes a queue cell: 32 bits as a signed number, padded to six. @returns the position behind it */
export function putQueue(target: DataView, at: number, bits: number): number {
  const next = putInt32(target, at, bits);
  return putBlanks(target, next, QUEUE_WIDTH - (next - at));
}

/** {@link putQueue} at the end of what a writer holds. */
export function writeQueue(text: ByteWriter, value: number): void {
  text.reserve(CELL_ROOM);
  text.length = putQueue(text.data, text.length, value | 0);
}

/** Writes the name of a state; `UNDEF` for numbers that ss has no name for. @returns the position behind it */
export function putState(target: DataView, at: number, number: number): number {
  return putStamp(target, at, number < stateLabels.length ? stateLabels[number]! : otherState);
}

/** {@link putState} at the end of what a writer holds. */
export function writeState(text: ByteWriter, number: number): void {
  text.reserve(CELL_ROOM);
  text.length = putState(text.data, text.length, number);
}

const uidLabel = stamp(" uid:");
const inodeLabel = stamp(" ino:");
const cookieLabel = stamp(" sk:");

/**
 * Writes ` ino:N sk:HEX`, and before it the uid unless that is root. All numbers may be signed.
 *
 * @returns the position behind it
 */
export function putIdentity(
  target: DataView,
  at: number,
  uid: number,
  inode: number,
  cookieLow: number,
  cookieHigh: number,
): number {
  let next = at;
  if (uid !== 0) next = putUint32(target, putStamp(target, next, uidLabel), uid | 0);
  next = putUint32(target, putStamp(target, next, inodeLabel), inode | 0);
  return putHex64(target, putStamp(target, next, cookieLabel), cookieLow, cookieHigh);
}

/** {@link putIdentity} at the end of what a writer holds. */
export function writeIdentity(
  text: ByteWriter,
  uid: number,
  inode: number,
  cookieLow: number,
  cookieHigh: number,
): void {
  text.reserve(CELL_ROOM);
  text.length = putIdentity(text.data, text.length, uid, inode, cookieLow, cookieHigh);
}

/** Writes which directions are shut: ` <->`, ` -->`, ` <--` or ` ---`. @returns the position behind it */
export function putShutdown(target: DataView, at: number, bits: number): number {
  target.setUint8(at, BLANK);
  target.setUint8(at + 1, (bits & 1) !== 0 ? MINUS : 0x3c);
  target.setUint8(at + 2, MINUS);
  target.setUint8(at + 3, (bits & 2) !== 0 ? MINUS : 0x3e);
  return at + 4;
}

/** {@link putShutdown} at the end of what a writer holds. */
export function writeShutdown(text: ByteWriter, bits: number): void {
  text.reserve(CELL_ROOM);
  text.length = putShutdown(text.data, text.length, bits);
}

keepOutOfLastTier(putQueue, putState, putIdentity, putShutdown);
