/** Numbers as C's strtol reads them: blanks before, a sign, and a base told by the prefix (0x16, 026, 22). */

const NUMBER = /^[\t-\r ]*([+-]?)(0[xX][0-9a-fA-F]+|0[0-7]*|[1-9][0-9]*)/;

/** Significant digits that are converted; what is longer than this is larger than anything that is looked for. */
const LONGEST = 64;
const BEYOND = 1n << 256n;

/** The number that digits stand for, in no more than linear time. */
function magnitudeOf(digits: string): bigint {
  const [, prefix, significant] = /^(0[xX]|0(?=[0-7]))?0*(.*)$/.exec(digits) as unknown as [
    string,
    string?,
    string?,
  ];
  if (significant!.length > LONGEST) return BEYOND;
  return BigInt(`${prefix === "0" ? "0o" : (prefix ?? "")}${significant || "0"}`);
}

/** The number that a text begins with, and the text after it; undefined if it begins with none. */
export function leadingInteger(text: string): { readonly value: bigint; readonly rest: string } | undefined {
  const found = NUMBER.exec(text);
  if (found === null) return undefined;
  const [whole, sign, digits] = found as unknown as [string, string, string];
  const magnitude = magnitudeOf(digits);
  return { value: sign === "-" ? -magnitude : magnitude, rest: text.slice(whole.length) };
}

/**
 * The number that a whole text is.
 *
 * @returns undefined if it is none, or one that a `number` cannot hold exactly
 */
export function integer(text: string): number | undefined {
  const number = leadingInteger(text);
  if (number === undefined || number.rest !== "") return undefined;
  const value = Number(number.value);
  return Number.isSafeInteger(value) ? value : undefined;
}

/** The number that a whole text is, if it lies between 0 and `max`. */
export function unsigned(text: string, max: number): number | undefined {
  const value = integer(text);
  return value !== undefined && value >= 0 && value <= max ? value : undefined;
}

/** The largest value of 32 bits. */
export const U32_MAX = 0xffff_ffff;
/** The largest value of 16 bits. */
export const U16_MAX = 0xffff;
/** The largest value of 8 bits. */
export const U8_MAX = 0xff;
