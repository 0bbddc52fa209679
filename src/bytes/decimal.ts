/**
 * Numbers as C's printf writes them. JavaScript rounds an exact tie up where C rounds it to even; all else that
 * differs is the shape of the text. ISO C23, 7.23.6.1.
 */

/** Digits that distinguish a tie from its neighbours in nearly all cases, and in all: no double has more. */
const ENOUGH_DIGITS = 25;
const ALL_DIGITS = 100;

/** What is left after rounding to even: -1 below the half, 0 exactly at it, 1 above. */
function besideHalf(rest: string): number {
  const half = `5${"0".repeat(rest.length - 1)}`;
  return rest === half ? 0 : rest > half ? 1 : -1;
}

/** Rounds to `digits` significant decimal digits, ties to even. @returns the digits and the decimal exponent of the first. */
function significant(value: number, digits: number): { digits: string; exponent: number } {
  const split = (precision: number) => {
    const text = value.toExponential(precision);
    const point = text.indexOf("e");
    const all = text[0] + text.slice(2, point);
    return {
      kept: all.slice(0, digits),
      beside: besideHalf(all.slice(digits)),
      exponent: Number(text.slice(point + 1)),
    };
  };
  let { kept, beside, exponent } = split(ENOUGH_DIGITS);
  if (beside === 0) ({ kept, beside, exponent } = split(ALL_DIGITS));
  const up = beside > 0 || (beside === 0 && Number(kept.at(-1)) % 2 === 1);
  if (!up) return { digits: kept, exponent };
  const rounded = String(BigInt(kept) + 1n);
  return rounded.length > digits
    ? { digits: rounded.slice(0, digits), exponent: exponent + 1 }
    : { digits: rounded, exponent };
}

/**
 * `%.{precision}g` of a finite number.
 *
 * @example formatGeneral(1234567, 6) === "1.23457e+06"
 */
export function formatGeneral(value: number, precision: number): string {
  if (value < 0) return `-${formatGeneral(-value, precision)}`;
  if (value === 0) return "0";
  const { digits, exponent } = significant(value, precision);
  const strip = (text: string) => text.replace(/\.?0+$/, "");
  if (exponent < -4 || exponent >= precision) {
    const mantissa = precision > 1 ? strip(`${digits[0]}.${digits.slice(1)}`) : digits;
    const size = String(Math.abs(exponent)).padStart(2, "0");
    return `${mantissa}e${exponent < 0 ? "-" : "+"}${size}`;
  }
  if (exponent < 0) return strip(`0.${"0".repeat(-exponent - 1)}${digits}`);
  if (exponent + 1 === precision) return digits;
  return strip(`${digits.slice(0, exponent + 1)}.${digits.slice(exponent + 1)}`);
}

/**
 * `%.{decimals}f` of a finite number.
 *
 * @example formatFixed(0.25, 1) === "0.2"
 */
export function formatFixed(value: number, decimals: number): string {
  if (value < 0) return `-${formatFixed(-value, decimals)}`;
  const whole = Math.floor(value);
  const exact = (value - whole).toFixed(ALL_DIGITS).slice(2);
  const kept = exact.slice(0, decimals);
  const rest = exact.slice(decimals);
  const scaled = BigInt(whole) * 10n ** BigInt(decimals) + BigInt(kept || "0");
  const beside = besideHalf(rest);
  const up = beside > 0 || (beside === 0 && scaled % 2n === 1n);
  const digits = String(scaled + (up ? 1n : 0n)).padStart(decimals + 1, "0");
  return decimals === 0 ? digits : `${digits.slice(0, -decimals)}.${digits.slice(-decimals)}`;
}
