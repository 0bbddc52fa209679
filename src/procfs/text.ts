/** Reads the text of a /proc file line by line, and each line field by field like sscanf. proc(5). */

const NEWLINE = 0x0a;
const TAB = 0x09;
const BLANK = 0x20;
const MINUS = 0x2d;
/** Number of hexadecimal digits in 64 bits. */
const DIGITS_64 = 16;

/** The value of a hexadecimal digit, or -1. */
function hexDigit(byte: number): number {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  const letter = byte | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x61 + 10 : -1;
}

function isBlank(byte: number): boolean {
  return byte === BLANK || byte === TAB;
}

/**
 * A cursor in the text of a file. Like sscanf, it stops at the first malformed field of a line: that field and all
 * later ones read as zero, and `missing` is true.
 */
export class ProcText {
  readonly #bytes: Uint8Array;
  /** Offset of the next line. */
  #next = 0;
  /** Start and end of the current line. */
  #start = 0;
  #end = 0;
  #at = 0;
  #missing = false;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** Whether a field of the current line was missing or malformed. */
  get missing(): boolean {
    return this.#missing;
  }

  /** Whether the current line ends in a newline. */
  get terminated(): boolean {
    return this.#end < this.#bytes.length;
  }

  /** Length of the current line in bytes, without its newline. */
  get lineLength(): number {
    return this.#end - this.#start;
  }

  /** Moves to the next line. @returns false at the end of the file */
  nextLine(): boolean {
    if (this.#next >= this.#bytes.length) return false;
    const newline = this.#bytes.indexOf(NEWLINE, this.#next);
    this.#start = this.#next;
    this.#end = newline < 0 ? this.#bytes.length : newline;
    this.#next = this.#end + 1;
    this.#at = this.#start;
    this.#missing = false;
    return true;
  }

  /** Moves past the next `byte` of the line. */
  skipPast(byte: number): void {
    const found = this.#bytes.indexOf(byte, this.#at);
    if (found < 0 || found >= this.#end) this.#missing = true;
    else this.#at = found + 1;
  }

  /** Offset of the end of the next word. Sets `missing` unless the word contains `byte`. */
  wordWith(byte: number): number {
    this.#skipBlanks();
    const end = this.#wordEnd();
    const found = this.#bytes.indexOf(byte, this.#at);
    if (found < 0 || found >= end) this.#missing = true;
    return end;
  }

  /** Continues at an offset from {@link wordWith}, and clears `missing`. */
  resume(at: number): void {
    this.#at = at;
    this.#missing = false;
  }

  /** Skips the next byte, which must be `byte`. */
  literal(byte: number): void {
    if (this.#missing) return;
    if (this.#at < this.#end && this.#bytes[this.#at] === byte) this.#at++;
    else this.#missing = true;
  }

  /** Skips a word. */
  skipWord(): void {
    this.word();
  }

  /** The next word, or empty bytes at the end of the line. */
  word(): Uint8Array {
    this.#skipBlanks();
    const start = this.#at;
    if (!this.#missing) this.#at = this.#wordEnd();
    if (this.#at === start) this.#missing = true;
    return this.#bytes.subarray(start, this.#at);
  }

  /** The rest of the line, without leading blanks. */
  rest(): Uint8Array {
    this.#skipBlanks();
    return this.#missing ? this.#bytes.subarray(0, 0) : this.#bytes.subarray(this.#at, this.#end);
  }

  /**
   * The low 32 bits of a hexadecimal number of at most `limit` digits; all ones if it does not fit into 64 bits.
   */
  hex(limit = Number.POSITIVE_INFINITY): number {
    const start = this.#hexStart();
    const end = this.#hexEnd(limit);
    if (end === start) {
      this.#missing = true;
      return 0;
    }
    let value = 0;
    let significant = 0;
    for (let at = start; at < end; at++) {
      const digit = hexDigit(this.#bytes[at]!);
      if (significant > 0 || digit > 0) significant++;
      value = (value << 4) | digit;
    }
    this.#at = end;
    return significant > DIGITS_64 ? 0xffffffff : value >>> 0;
  }

  /** A 64-bit hexadecimal number; all ones if it does not fit. */
  hex64(): bigint {
    const start = this.#hexStart();
    const end = this.#hexEnd(Number.POSITIVE_INFINITY);
    if (end === start) {
      this.#missing = true;
      return 0n;
    }
    let high = 0;
    let low = 0;
    let significant = 0;
    for (let at = start; at < end; at++) {
      const digit = hexDigit(this.#bytes[at]!);
      if (significant > 0 || digit > 0) significant++;
      high = (high << 4) | (low >>> 28);
      low = (low << 4) | digit;
    }
    this.#at = end;
    if (significant > DIGITS_64) return 0xffff_ffff_ffff_ffffn;
    return (BigInt(high >>> 0) << 32n) | BigInt(low >>> 0);
  }

  /** A decimal number with an optional sign, truncated to a signed 32-bit integer. */
  decimal(): number {
    this.#skipBlanks();
    if (this.#missing) return 0;
    const negative = this.#bytes[this.#at] === MINUS && this.#at < this.#end;
    let at = negative ? this.#at + 1 : this.#at;
    const start = at;
    let value = 0;
    for (; at < this.#end; at++) {
      const digit = this.#bytes[at]! - 0x30;
      if (digit < 0 || digit > 9) break;
      value = (Math.imul(value, 10) + digit) | 0;
    }
    if (at === start) {
      this.#missing = true;
      return 0;
    }
    this.#at = at;
    return negative ? -value | 0 : value;
  }

  #skipBlanks(): void {
    while (this.#at < this.#end && isBlank(this.#bytes[this.#at]!)) this.#at++;
  }

  #wordEnd(): number {
    let at = this.#at;
    while (at < this.#end && !isBlank(this.#bytes[at]!)) at++;
    return at;
  }

  #hexStart(): number {
    this.#skipBlanks();
    return this.#at;
  }

  /** Offset of the end of the hexadecimal digits; the current offset if a field is missing. */
  #hexEnd(limit: number): number {
    let at = this.#at;
    if (this.#missing) return at;
    const end = Math.min(this.#end, at + limit);
    while (at < end && hexDigit(this.#bytes[at]!) >= 0) at++;
    return at;
  }
}

/** Longest line that fits into ss's buffer for most tables, without the final NUL. */
const LINE_BUFFER = 255;

/**
 * Moves to the next line of a table in which ss requires complete lines.
 *
 * @returns `broken` for a line without a newline or too long for ss's buffer, where ss stops reading the table
 */
export function nextWholeLine(text: ProcText): "line" | "end" | "broken" {
  if (!text.nextLine()) return "end";
  return text.terminated && text.lineLength + 1 <= LINE_BUFFER ? "line" : "broken";
}
