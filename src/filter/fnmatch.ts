/** Shell patterns on bytes, like fnmatch(3) with FNM_CASEFOLD in the C locale. */

const STAR = 0x2a;
const QUESTION = 0x3f;
const OPEN = 0x5b;
const CLOSE = 0x5d;
const BACKSLASH = 0x5c;
const BANG = 0x21;
const CARET = 0x5e;
const DASH = 0x2d;
const COLON = 0x3a;
const EQUALS = 0x3d;
const DOT = 0x2e;

/** One element of a pattern: the set of bytes that it matches, indexed by byte, or a star. */
type Element = Uint8Array | "star";

/** Character classes of the C locale. */
const classes: Readonly<Record<string, RegExp>> = {
  alnum: /[0-9A-Za-z]/,
  alpha: /[A-Za-z]/,
  blank: /[\t ]/,
  cntrl: /[\x00-\x1f\x7f]/,
  digit: /[0-9]/,
  graph: /[!-~]/,
  lower: /[a-z]/,
  print: /[ -~]/,
  punct: /[!-/:-@[-`{-~]/,
  space: /[\t-\r ]/,
  upper: /[A-Z]/,
  xdigit: /[0-9A-Fa-f]/,
};

/** The lower case of an ASCII letter. */
function fold(byte: number): number {
  return byte >= 0x41 && byte <= 0x5a ? byte + 0x20 : byte;
}

/** The set of all bytes whose lower case satisfies `holds`. */
function setOf(holds: (folded: number, byte: number) => boolean): Uint8Array {
  return Uint8Array.from({ length: 256 }, (_, byte) => (holds(fold(byte), byte) ? 1 : 0));
}

/** A bracket expression: its set and its end, or why it is not one. */
type Bracket = { readonly set: Uint8Array; readonly end: number } | "unterminated" | "broken";

/** The byte of an element such as `[.x.]` or `[=x=]` at `at`. */
function delimited(pattern: Uint8Array, at: number, delimiter: number): number | undefined {
  return pattern[at + 3] === delimiter && pattern[at + 4] === CLOSE ? pattern[at + 2] : undefined;
}

/** The name of the class `[:name:]` at `at`; undefined if there is none. */
function className(pattern: Uint8Array, at: number): string | undefined {
  let end = at + 2;
  while (pattern[end]! >= 0x61 && pattern[end]! <= 0x7a) end++;
  if (pattern[end] !== COLON || pattern[end + 1] !== CLOSE) return undefined;
  return String.fromCharCode(...pattern.subarray(at + 2, end));
}

/** One end of a range and the offset behind it; undefined at the end of the pattern. */
function rangeEnd(pattern: Uint8Array, at: number): { byte: number; end: number } | undefined {
  if (pattern[at] === OPEN && pattern[at + 1] === DOT) {
    const byte = delimited(pattern, at, DOT);
    return byte === undefined ? undefined : { byte: fold(byte), end: at + 5 };
  }
  const start = pattern[at] === BACKSLASH ? at + 1 : at;
  const byte = pattern[start];
  return byte === undefined ? undefined : { byte: fold(byte), end: start + 1 };
}

/** Reads the bracket expression whose `[` is just before `start`. */
function readBracket(pattern: Uint8Array, start: number): Bracket {
  const negated = pattern[start] === BANG || pattern[start] === CARET;
  const first = negated ? start + 1 : start;
  const set = new Uint8Array(256);
  const add = (holds: (folded: number, byte: number) => boolean) => {
    for (const [byte, member] of setOf(holds).entries()) if (member === 1) set[byte] = 1;
  };
  let at = first;
  while (pattern[at] !== CLOSE || at === first) {
    if (at >= pattern.length) return "unterminated";
    if (pattern[at] === OPEN && pattern[at + 1] === COLON) {
      const name = className(pattern, at);
      if (name !== undefined) {
        if (!Object.hasOwn(classes, name)) return "broken";
        const members = classes[name]!;
        add((_, byte) => members.test(String.fromCharCode(byte)));
        at += name.length + 4;
        continue;
      }
    }
    if (pattern[at] === OPEN && pattern[at + 1] === EQUALS) {
      const equal = delimited(pattern, at, EQUALS);
      if (equal !== undefined) {
        set[equal] = 1;
        at += 5;
        continue;
      }
    }
    const low = rangeEnd(pattern, at);
    if (low === undefined) return "broken";
    at = low.end;
    if (pattern[at] !== DASH || pattern[at + 1] === CLOSE) {
      add((folded) => folded === low.byte);
      continue;
    }
    const high = rangeEnd(pattern, at + 1);
    if (high === undefined) return "broken";
    at = high.end;
    add((folded) => folded >= low.byte && folded <= high.byte);
  }
  return { set: negated ? set.map((member) => 1 - member) : set, end: at + 1 };
}

/** The elements of a pattern; undefined if the pattern matches nothing. */
function elements(pattern: Uint8Array): Element[] | undefined {
  const result: Element[] = [];
  const literal = (wanted: number) => setOf((folded) => folded === fold(wanted));
  for (let at = 0; at < pattern.length; ) {
    const byte = pattern[at++]!;
    if (byte === STAR) {
      if (result.at(-1) !== "star") result.push("star");
    } else if (byte === QUESTION) {
      result.push(setOf(() => true));
    } else if (byte === OPEN) {
      const bracket = readBracket(pattern, at);
      if (bracket === "broken") return undefined;
      if (bracket === "unterminated") {
        result.push(literal(OPEN));
      } else {
        result.push(bracket.set);
        at = bracket.end;
      }
    } else if (byte === BACKSLASH) {
      const escaped = pattern[at++];
      if (escaped === undefined) return undefined;
      result.push(literal(escaped));
    } else {
      result.push(literal(byte));
    }
  }
  return result;
}

/**
 * Compiles a pattern of `*`, `?`, `[…]` and `\`. Neither `/` nor a leading dot is special, and case does not count. A
 * match takes at worst time proportional to the length of the pattern times that of the text.
 */
export function compilePattern(pattern: Uint8Array): (text: Uint8Array) => boolean {
  const parts = elements(pattern);
  if (parts === undefined) return () => false;
  return (text) => {
    let part = 0;
    let at = 0;
    let afterStar = -1;
    let retryAt = 0;
    while (at < text.length) {
      const element = parts[part];
      if (element === "star") {
        afterStar = ++part;
        retryAt = at;
      } else if (element !== undefined && element[text[at]!] === 1) {
        part++;
        at++;
      } else if (afterStar >= 0) {
        // Only the last star needs another try: earlier stars already matched enough.
        part = afterStar;
        at = ++retryAt;
      } else {
        return false;
      }
    }
    if (parts[part] === "star") part++;
    return part === parts.length;
  };
}
