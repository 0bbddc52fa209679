/** Strangers' text as lsof prints it: nothing in it commands a terminal or ends a line. lsof(8), OUTPUT. */

const decoder = new TextDecoder("utf-8", { fatal: true });
const encoder = new TextEncoder();

/** The control characters that have a letter in C. */
const letters = new Map<number, string>([
  [0x08, "\\b"],
  [0x09, "\\t"],
  [0x0a, "\\n"],
  [0x0c, "\\f"],
  [0x0d, "\\r"],
]);

const BLANK = 0x20;
const DELETE = 0x7f;
const FIRST_CONTROL_LETTER = 0x40;
/** Categories that iswprint(3) says no to. */
const UNPRINTABLE = /[\p{Cc}\p{Cs}\p{Cn}\p{Co}\u2028\u2029]/u;
/** What turns the direction of its neighbours. lsof prints it; on a terminal a line could pass for another. */
const TURNING = /[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/;

/** How text is printed. */
export interface PrintStyle {
  /** Whether the locale has UTF-8; otherwise each byte above 127 is escaped. */
  readonly utf8: boolean;
  /** Whether it goes to a terminal. */
  readonly terminal: boolean;
  /** Whether a blank is escaped too, as in the COMMAND column. */
  readonly blanks?: boolean;
}

function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => `\\x${byte.toString(16).padStart(2, "0")}`).join("");
}

function printByte(byte: number, { blanks = false }: PrintStyle): string {
  if (byte === BLANK && blanks) return hex(Uint8Array.of(byte));
  if (byte >= BLANK && byte < DELETE) return String.fromCharCode(byte);
  const letter = letters.get(byte);
  if (letter !== undefined) return letter;
  if (byte < BLANK) return `^${String.fromCharCode(byte + FIRST_CONTROL_LETTER)}`;
  return byte === DELETE ? "^?" : hex(Uint8Array.of(byte));
}

/** Bytes that UTF-8 takes for the character that begins with this one. */
function sequenceLength(first: number): number {
  return first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
}

/** The printed form of each character. */
function* printedCharacters(bytes: Uint8Array, style: PrintStyle): Generator<string> {
  for (let at = 0; at < bytes.length; ) {
    const byte = bytes[at]!;
    if (byte < 0x80 || !style.utf8) {
      yield printByte(byte, style);
      at++;
      continue;
    }
    const sequence = bytes.subarray(at, at + sequenceLength(byte));
    let character: string | undefined;
    try {
      character = decoder.decode(sequence);
    } catch {
      // No UTF-8: byte by byte.
    }
    if (character === undefined) {
      yield hex(bytes.subarray(at, at + 1));
      at++;
    } else {
      const escaped = UNPRINTABLE.test(character) || (style.terminal && TURNING.test(character));
      yield escaped ? hex(encoder.encode(character)) : character;
      at += sequence.length;
    }
  }
}

/**
 * The printed form of a text.
 *
 * @param limit columns at most; a character whose printed form does not fit ends the text
 */
export function printable(bytes: Uint8Array, style: PrintStyle, limit = Number.POSITIVE_INFINITY): string {
  let text = "";
  for (const printed of printedCharacters(bytes, style)) {
    if (text.length + printed.length > limit) break;
    text += printed;
  }
  return text;
}
