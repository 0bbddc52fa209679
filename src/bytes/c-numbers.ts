/** Numbers as strtol(3) with base 0 reads them: leading blanks, a sign, and a prefix for the base (0x16, 026, 22). */

const NUMBER = /^[\t-\r ]*([+-]?)(0[xX][0-9a-fA-F]+|0[0-7]*|[1-9][0-9]*)/;

/** Significant digits to convert. Longer numbers exceed every limit anyway. */
const LONGEST = 64;
const BEYOND = 1n << 256n;

/** Converts digits in linear time. */
function magnitudeOf(digits: string): bigint {
  const [, prefix, significant] = /^(0[xX]|0(?=[0-7]))?0*(.*)$/.exec(digits) as unknown as [
    string,
    string?,
    string?,
  ];
  if (significant!.length > LONGEST) return BEYOND;
  return BigInt(`${prefix === "0" ? "0o" : (prefix ?? "")}${significant || "0"}`);
}

/** Reads the number at the start of a text; undefined if there is none. */
export function leadingInteger(text: string): { readonly value: bigint; readonly rest: string } | undefined {
  const found = NUMBER.exec(text);
  if (found === null) return undefined;
  const [whole, sign, digits] = found as unknown as [string, string, string];
  const magnitude = magnitudeOf(digits);
  return { value: sign === "-" ? -magnitude : magnitude, rest: text.slice(whole.length) };
}

/**
 * Reads a text that is a number and nothing else.
 *
 * @returns undefined for other text, and for numbers beyond the safe integers
 */
export function integer(text: string): number | undefined {
  const number = leadingInteger(text);
  if (number === undefined || number.rest !== "") return undefined;
  const value = Number(number.value);
  return Number.isSafeInteger(value) ? value : undefined;
}

/** Reads a text that is a number between 0 and `max`. */
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
