/** Cells and details that the rows of several families share. */
import { ascii, type ByteWriter } from "../bytes/writer.ts";
import { states } from "../model/state.ts";
import type { Style } from "./style.ts";

const BLANK = 0x20;
const MINUS = 0x2d;
/** The queue cells are at least this wide. */
const QUEUE_WIDTH = 6;

const stateLabels = states.map(({ label }) => ascii(label));

const lineStart = ascii("\n\t");

/** Starts a line of details: a new one, or with `-O` a blank. */
export function startLine(text: ByteWriter, style: Style): void {
  if (style.oneline) text.byte(BLANK);
  else text.put(lineStart);
}

/** Writes a queue cell: signed, padded to six. */
export function writeQueue(text: ByteWriter, value: number): void {
  const start = text.length;
  text.signed32(value);
  text.fill(BLANK, QUEUE_WIDTH - (text.length - start));
}

/** Writes the name of a state; numbers that the kernel has no name for in ss are `UNDEF`. */
export function writeState(text: ByteWriter, number: number): void {
  text.put(stateLabels[number] ?? stateLabels.at(-1)!);
}

const uidLabel = ascii(" uid:");
const inodeLabel = ascii(" ino:");
const cookieLabel = ascii(" sk:");

/** Writes ` ino:N sk:HEX`, and before it the uid unless that is root. */
export function writeIdentity(
  text: ByteWriter,
  uid: number,
  inode: number,
  cookieLow: number,
  cookieHigh: number,
): void {
  if (uid !== 0) {
    text.put(uidLabel);
    text.unsigned(uid);
  }
  text.put(inodeLabel);
  text.unsigned(inode);
  text.put(cookieLabel);
  text.hex64(cookieLow, cookieHigh);
}

/** Writes which directions are shut: ` <->`, ` -->`, ` <--` or ` ---`. */
export function writeShutdown(text: ByteWriter, bits: number): void {
  text.byte(BLANK);
  text.byte((bits & 1) !== 0 ? MINUS : 0x3c);
  text.byte(MINUS);
  text.byte((bits & 2) !== 0 ? MINUS : 0x3e);
}
