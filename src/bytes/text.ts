/**
 * Text from bytes that may not be UTF-8, and back without loss: each byte that is not part of UTF-8 becomes a lone low
 * surrogate, U+DC80 to U+DCFF, which no valid UTF-8 decodes to. Python calls this `surrogateescape`. PEP 383.
 */

const FIRST_ESCAPE = 0xdc00;
const ESCAPED = /[\udc80-\udcff]/;
/** Lone surrogates, and the text between them. A pair is text. */
const PIECES = /(?<![\ud800-\udbff])[\udc80-\udcff]|(?:[\ud800-\udbff][\udc00-\udfff]|[^\udc80-\udcff])+/g;

const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const encoder = new TextEncoder();

/** Bytes of the UTF-8 character that a first byte begins; 0 for a byte that cannot begin one. RFC 3629. */
function lengthOf(first: number): number {
  if (first < 0x80) return 1;
  if (first < 0xc2 || first > 0xf4) return 0;
  return first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
}

function decodedOrUndefined(bytes: Uint8Array): string | undefined {
  try {
    return strict.decode(bytes);
  } catch {
    return undefined;
  }
}

/** Decodes bytes. Bytes that are not UTF-8 become lone surrogates, see above. */
export function decodeBytes(bytes: Uint8Array): string {
  const whole = decodedOrUndefined(bytes);
  if (whole !== undefined) return whole;
  let text = "";
  for (let at = 0; at < bytes.length; ) {
    const length = lengthOf(bytes[at]!);
    const character = length > 0 ? decodedOrUndefined(bytes.subarray(at, at + length)) : undefined;
    text += character ?? String.fromCharCode(FIRST_ESCAPE + bytes[at]!);
    at += character === undefined ? 1 : length;
  }
  return text;
}

/** Encodes text as UTF-8; the lone surrogates of `decodeBytes` become their bytes again. */
export function encodeBytes(text: string): Uint8Array {
  if (!ESCAPED.test(text)) return encoder.encode(text);
  const bytes: number[] = [];
  for (const [piece] of text.matchAll(PIECES)) {
    if (piece.length === 1 && ESCAPED.test(piece)) bytes.push(piece.charCodeAt(0) - FIRST_ESCAPE);
    else bytes.push(...encoder.encode(piece));
  }
  return Uint8Array.from(bytes);
}

/** A path for node:fs: text, or bytes where text cannot say them. */
export function filePath(path: string): string | Buffer {
  return ESCAPED.test(path) ? Buffer.from(encodeBytes(path)) : path;
}
