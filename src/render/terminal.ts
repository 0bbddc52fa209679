/** Strangers' text on a terminal: no control character of theirs arrives there. */
import { ascii } from "../bytes/writer.ts";

const DELETE = 0x7f;
/** First byte of the UTF-8 form of U+0080 to U+009F, which terminals obey like escape sequences. */
const C1_LEAD = 0xc2;

function isControl(bytes: Uint8Array, at: number): boolean {
  const byte = bytes[at]!;
  if (byte < 0x20 || byte === DELETE) return true;
  // A bare C1 byte, or the second half of an encoded one.
  return byte >= 0x80 && byte < 0xa0 && (at === 0 || bytes[at - 1]! < 0x80 || bytes[at - 1] === C1_LEAD);
}

/** The same bytes with every control character as `\xNN`; the same object if there is none. */
export function escapeControls(bytes: Uint8Array): Uint8Array {
  let from = 0;
  const parts: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; at++) {
    if (!isControl(bytes, at)) continue;
    parts.push(bytes.subarray(from, at), ascii(`\\x${bytes[at]!.toString(16).padStart(2, "0")}`));
    from = at + 1;
  }
  if (parts.length === 0) return bytes;
  parts.push(bytes.subarray(from));
  const result = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    result.set(part, at);
    at += part.length;
  }
  return result;
}
