/** Writes values like libbpf, which ss uses: as C initializers, with zeroes. */
import { formatFixed } from "../bytes/decimal.ts";
import { DecodeError } from "../netlink/errors.ts";
import { typeName } from "./declaration.ts";
import type { Btf } from "./types.ts";
import type { BtfValue } from "./value.ts";

/** The layout of a value. */
export interface BtfLayout {
  /** Everything on one line. */
  readonly compact: boolean;
  /** Tabs before each line. */
  readonly indent: number;
}

/** Whether a byte is printable ASCII and so a character. */
const FIRST_PRINTABLE = 0x20n;
const LAST_PRINTABLE = 0x7en;

/** Longest text. Values of 64 KiB need less, unless their types were made to exhaust memory. */
const MAX_TEXT = 1 << 22;

const WIDEST_DECIMAL_BITS = 64;
const FLOAT_DECIMALS = 6;

/** Formats a number like `%f` in C. */
function floatText({ value, negative }: BtfValue & { kind: "float" }): string {
  const magnitude = Math.abs(value);
  const text = Number.isFinite(value)
    ? formatFixed(magnitude, FLOAT_DECIMALS)
    : Number.isNaN(value)
      ? "nan"
      : "inf";
  return `${negative ? "-" : ""}${text}`;
}

/** Formats a pointer like `%p` in C. */
function pointerText(value: bigint): string {
  return value === 0n ? "(nil)" : `0x${value.toString(16)}`;
}

function intText({ type, value, bitFieldSize }: BtfValue & { kind: "int" }): string {
  if (bitFieldSize !== undefined) return `0x${BigInt.asUintN(bitFieldSize, value).toString(16)}`;
  if (type.bits > WIDEST_DECIMAL_BITS) return `0x${BigInt.asUintN(type.bits, value).toString(16)}`;
  return value.toString();
}

function enumText({ type, value, name }: BtfValue & { kind: "enum" }): string {
  if (name !== undefined) return name;
  const suffix = type.signed ? "LL" : "ULL";
  return `${value}${type.wide ? suffix : ""}`;
}

/** An element of an array of bytes: a character if it is printable. */
function byteText(element: BtfValue & { kind: "int" }): string {
  const { value } = element;
  if (value < FIRST_PRINTABLE || value > LAST_PRINTABLE) return intText(element);
  return `'${String.fromCharCode(Number(value))}'`;
}

/** Writes one value. */
class Writer {
  readonly #btf: Btf;
  readonly #compact: boolean;
  text = "";

  constructor(btf: Btf, compact: boolean) {
    this.#btf = btf;
    this.#compact = compact;
  }

  /** Starts a line. */
  indent(level: number): void {
    if (!this.#compact) this.text += "\t".repeat(level);
  }

  #endLine(): void {
    if (!this.#compact) this.text += "\n";
  }

  /** Writes a type in parentheses. */
  cast(type: number): void {
    this.text += `(${typeName(this.#btf, type)})`;
  }

  /** @param typed whether to write the types of parts: not in arrays, where all are the same */
  value(value: BtfValue, level: number, typed: boolean): void {
    switch (value.kind) {
      case "int":
        this.text += intText(value);
        break;
      case "enum":
        this.text += enumText(value);
        break;
      case "pointer":
        this.text += pointerText(value.value);
        break;
      case "float":
        this.text += floatText(value);
        break;
      case "struct":
        this.#list("{", "}", level, () => {
          for (const { name, type, value: part } of value.members) {
            this.indent(level + 1);
            if (name !== "") this.text += `.${name} = `;
            if (typed) this.cast(type);
            this.value(part, level + 1, typed);
            this.#endItem();
          }
        });
        break;
      case "array":
        this.#list("[", "]", level, () => this.#elements(value, level));
    }
  }

  #list(open: string, close: string, level: number, items: () => void): void {
    this.text += open;
    this.#endLine();
    items();
    this.indent(level);
    this.text += close;
  }

  #endItem(): void {
    if (this.text.length > MAX_TEXT) throw new DecodeError("btf value", 0, "its text is too long");
    this.text += ",";
    this.#endLine();
  }

  /** Writes an array of bytes without the zeroes at its end, like a string. */
  #elements({ elements, byte }: BtfValue & { kind: "array" }, level: number): void {
    let count = elements.length;
    const isZero = (element: BtfValue) => element.kind === "int" && element.value === 0n;
    if (byte !== undefined) while (count > 0 && isZero(elements[count - 1]!)) count--;
    for (const element of elements.slice(0, count)) {
      this.indent(level + 1);
      if (byte !== undefined && element.kind === "int") this.text += byteText(element);
      else this.value(element, level + 1, false);
      this.#endItem();
    }
    // The line of the first zero is already there.
    if (count < elements.length) this.indent(level + 1);
  }
}

/** Writes a value. @throws DecodeError if a type in it has no name */
export function formatValue(btf: Btf, type: number, value: BtfValue, { compact, indent }: BtfLayout): string {
  const writer = new Writer(btf, compact);
  writer.indent(indent);
  writer.cast(type);
  writer.value(value, indent, true);
  return writer.text;
}
