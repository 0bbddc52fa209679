/** Walks the text of a /proc file: line by line, and in a line field by field, as sscanf would. proc(5). */

const NEWLINE = 0x0a;
const TAB = 0x09;
const BLANK = 0x20;
const MINUS = 0x2d;
/** Most hexadecimal digits that fit into 64 bits. */
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
 * A place in the text of a file. As with sscanf, the first field of a line that is not what it should be ends the
 * reading: it and all behind it read as zero, and `missing` tells.
 */
export class ProcText {
  readonly #bytes: Uint8Array;
  /** Where the next line begins. */
  #next = 0;
  /** Where the line at hand begins, and ends. */
  #start = 0;
  #end = 0;
  #at = 0;
  #missing = false;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** Whether a field that was asked for is not there. */
  get missing(): boolean {
    return this.#missing;
  }

  /** Whether the line at hand ends in a newline. */
  get terminated(): boolean {
    return this.#end < this.#bytes.length;
  }

  /** Bytes of the line at hand, without its newline. */
  get lineLength(): number {
    return this.#end - this.#start;
  }

  /** Goes to the next line. @returns false if there is none */
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

  /** Goes behind the next `byte` of the line. */
  skipPast(byte: number): void {
    const found = this.#bytes.indexOf(byte, this.#at);
    if (found < 0 || found >= this.#end) this.#missing = true;
    else this.#at = found + 1;
  }

  /** Where the next word of the line ends; `missing` unless it holds `byte`. */
  wordWith(byte: number): number {
    this.#skipBlanks();
    const end = this.#wordEnd();
    const found = this.#bytes.indexOf(byte, this.#at);
    if (found < 0 || found >= end) this.#missing = true;
    return end;
  }

  /** Goes on at a place that {@link wordWith} gave, whatever was missing before it. */
  resume(at: number): void {
    this.#at = at;
    this.#missing = false;
  }

  /** Passes over one byte. */
  literal(byte: number): void {
    if (this.#missing) return;
    if (this.#at < this.#end && this.#bytes[this.#at] === byte) this.#at++;
    else this.#missing = true;
  }

  /** Passes over a word, whatever it is. */
  skipWord(): void {
    this.word();
  }

  /** The next word; empty if there is none. */
  word(): Uint8Array {
    this.#skipBlanks();
    const start = this.#at;
    if (!this.#missing) this.#at = this.#wordEnd();
    if (this.#at === start) this.#missing = true;
    return this.#bytes.subarray(start, this.#at);
  }

  /** What is left of the line, without the blanks before it; empty if there is nothing. */
  rest(): Uint8Array {
    this.#skipBlanks();
    return this.#missing ? this.#bytes.subarray(0, 0) : this.#bytes.subarray(this.#at, this.#end);
  }

  /**
   * A hexadecimal number of at most `limit` digits, the low 32 bits of it; all ones if it does not fit into 64.
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

  /** A hexadecimal number of 64 bits; all ones if it does not fit. */
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

  /** A decimal number with or without a sign, cut to 32 bits and read as signed. */
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

  /** Where the hexadecimal digits at hand end; here if nothing more is to be read. */
  #hexEnd(limit: number): number {
    let at = this.#at;
    if (this.#missing) return at;
    const end = Math.min(this.#end, at + limit);
    while (at < end && hexDigit(this.#bytes[at]!) >= 0) at++;
    return at;
  }
}

/** The buffer that ss reads a line of most tables into, less its final NUL. */
const LINE_BUFFER = 255;

/**
 * Goes to the next line of a table whose lines ss wants whole.
 *
 * @returns `broken` for one without a newline or too long for ss, which gives the table up there
 */
export function nextWholeLine(text: ProcText): "line" | "end" | "broken" {
  if (!text.nextLine()) return "end";
  return text.terminated && text.lineLength + 1 <= LINE_BUFFER ? "line" : "broken";
}
