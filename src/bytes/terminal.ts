/** Makes strangers' text safe for a terminal: valid UTF-8 without control characters or marks that reorder text. */
import { ascii } from "./writer.ts";

/**
 * What a terminal obeys: the control characters of ASCII and those of ISO 6429's second set (C1), and the characters
 * that change the direction of others, so that a row could pass for another. Unicode 9.9, "Bidirectional Controls".
 */
const OBEYED = /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/;
const everyObeyed = new RegExp(OBEYED.source, "g");

const encoder = new TextEncoder();
const decoder = new TextDecoder();

const BLANK = 0x20;
const DELETE = 0x7f;

/** Bytes as `\xNN`, each. */
function escaped(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => `\\x${byte.toString(16).padStart(2, "0")}`).join("");
}

/** A text with every character that a terminal obeys as the `\xNN` of its bytes in UTF-8. */
export function escapeText(text: string): string {
  return text.replace(everyObeyed, (character) => escaped(encoder.encode(character)));
}

/** A text with every character that a terminal obeys and JSON.stringify leaves as it is, as JSON's `\uNNNN`. */
export function escapeJson(text: string): string {
  return text.replace(everyObeyed, (character) =>
    // Between values there are newlines, and none within strings.
    character === "\n" ? character : `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

/** How many bytes of well-formed UTF-8 a character takes at `at`; 0 for malformed bytes. Unicode 3.9, table 3-7. */
function characterLength(bytes: Uint8Array, at: number): number {
  const first = bytes[at]!;
  if (first < 0x80) return 1;
  if (first < 0xc2 || first > 0xf4) return 0;
  const second = bytes[at + 1] ?? 0;
  const low = first === 0xe0 ? 0xa0 : first === 0xf0 ? 0x90 : 0x80;
  const high = first === 0xed ? 0x9f : first === 0xf4 ? 0x8f : 0xbf;
  if (second < low || second > high) return 0;
  const length = first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
  for (let index = 2; index < length; index++) if (((bytes[at + index] ?? 0) & 0xc0) !== 0x80) return 0;
  return length;
}

const NEWLINE = 0x0a;
const TAB = 0x09;

/** {@link escapeControls} of a text of several lines: newlines and tabs stay. */
export function escapeLines(bytes: Uint8Array): Uint8Array {
  const parts: Uint8Array[] = [];
  let from = 0;
  for (let at = 0; at <= bytes.length; at++) {
    if (at < bytes.length && bytes[at] !== NEWLINE && bytes[at] !== TAB) continue;
    parts.push(escapeControls(bytes.subarray(from, at)), bytes.subarray(at, at + 1));
    from = at + 1;
  }
  return Buffer.concat(parts);
}

/**
 * The same text for a terminal: what a terminal obeys, and what is no UTF-8, byte by byte as `\xNN`.
 *
 * @returns the same object if there is nothing of that kind
 */
export function escapeControls(bytes: Uint8Array): Uint8Array {
  if (bytes.every((byte) => byte >= BLANK && byte < DELETE)) return bytes;
  const parts: Uint8Array[] = [];
  let from = 0;
  for (let at = 0; at < bytes.length; ) {
    const length = characterLength(bytes, at);
    const character = bytes.subarray(at, at + Math.max(length, 1));
    const end = at + character.length;
    if (length === 0 || OBEYED.test(decoder.decode(character))) {
      parts.push(bytes.subarray(from, at), ascii(escaped(character)));
      from = end;
    }
    at = end;
  }
  return parts.length === 0 ? bytes : Buffer.concat([...parts, bytes.subarray(from)]);
}
