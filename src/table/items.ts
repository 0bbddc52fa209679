/** Fields that ss prints as a label and a number, unless that is zero. */
import { keepOutOfLastTier } from "#libc";
import { type Field, fieldWidth, type StructView } from "../bytes/layout.ts";
import {
  putHex,
  putInt32,
  putStamp,
  putThousandths,
  putUint32,
  putUint64,
  type Stamp,
} from "../bytes/put.ts";
import type { ByteWriter } from "../bytes/writer.ts";
import { labelStamp } from "./labels.ts";

/** How the number of a field is written: `bit` as the label alone, `ms` as thousandths of it. */
export type Form = "u32" | "i32" | "u64" | "hex" | "ms" | "bit";

/** The forms as numbers, which the loop over items tells apart faster. */
const U32 = 0;
const I32 = 1;
const U64 = 2;
const HEX = 3;
const MS = 4;
const BIT = 5;
const formNumbers: Readonly<Record<Form, number>> = {
  u32: U32,
  i32: I32,
  u64: U64,
  hex: HEX,
  ms: MS,
  bit: BIT,
};

/** Room for the label and the number of an item. */
export const ITEM_ROOM = 80;

/** A field that is printed as a label and its value, unless that is 0 or `unless`. */
export interface Item {
  readonly label: Stamp;
  readonly form: number;
  readonly offset: number;
  /** Bytes that the struct must have for the field to be there. */
  readonly end: number;
  /** Bits as a signed number. */
  readonly unless: number;
  /** The bits of a bit-field within its byte. */
  readonly mask: number;
}

/** Makes the item of a field. @param text its label, with the blank before it and the colon after it */
export function item(text: string, field: Field, form: Form, unless = 0): Item {
  const [shift, width] = field.bits ?? [0, 8];
  return {
    label: labelStamp(text, field),
    form: formNumbers[form],
    offset: field.offset,
    end: field.offset + fieldWidth[field.type],
    unless: unless | 0,
    mask: (2 ** width - 1) << shift,
  };
}

/** The form of an item, by its name. */
export function formOf({ form }: Item): Form {
  return (Object.keys(formNumbers) as Form[]).find((name) => formNumbers[name] === form)!;
}

/** Reads a field of up to 32 bits; one of 32 bits as a signed number. */
function bitsOf(data: DataView, at: number, width: number): number {
  if (width === 4) return data.getInt32(at, true);
  return width === 2 ? data.getUint16(at, true) : data.getUint8(at);
}

/**
 * Writes those fields of a struct that were sent and are to be printed.
 *
 * @param base where the struct begins in `data`
 * @param length bytes of it that were sent
 * @returns the position behind them
 */
export function putItems(
  target: DataView,
  at: number,
  items: readonly Item[],
  data: DataView,
  base: number,
  length: number,
): number {
  let next = at;
  for (let index = 0; index < items.length; index++) {
    const item = items[index]!;
    const { end, form } = item;
    if (length < end) continue;
    const from = base + item.offset;
    if (form === U64) {
      const low = data.getInt32(from, true);
      const high = data.getInt32(from + 4, true);
      if ((low | high) === 0) continue;
      next = putUint64(target, putStamp(target, next, item.label), low, high);
    } else if (form === BIT) {
      if ((data.getUint8(from) & item.mask) !== 0) next = putStamp(target, next, item.label);
    } else {
      const value = bitsOf(data, from, end - item.offset);
      if (value === 0 || value === item.unless) continue;
      next = putStamp(target, next, item.label);
      if (form === U32) next = putUint32(target, next, value);
      else if (form === MS) next = putThousandths(target, next, value >>> 0);
      else if (form === I32) next = putInt32(target, next, value);
      else next = putHex(target, next, value, 1);
    }
  }
  return next;
}

keepOutOfLastTier(bitsOf, putItems);

const one: Item[] = [];

/** Writes a field of a struct, if it was sent and is to be printed. */
export function writeItem(text: ByteWriter, item: Item, struct: StructView): void {
  one[0] = item;
  text.reserve(ITEM_ROOM);
  text.length = putItems(text.data, text.length, one, struct.data, struct.offset, struct.length);
}
