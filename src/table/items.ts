/** Fields that ss prints as a label and a number, unless that is zero. */
import { type Field, fieldWidth, type StructView } from "../bytes/layout.ts";
import type { ByteWriter } from "../bytes/writer.ts";
import { label } from "./labels.ts";

/** How the number of a field is written: `bit` as the label alone, `ms` as thousandths of it. */
export type Form = "u32" | "i32" | "u64" | "hex" | "ms" | "bit";

/** A field that is printed as a label and its value, unless that is 0 or `unless`. */
export interface Item {
  readonly label: Uint8Array;
  readonly form: Form;
  readonly offset: number;
  /** Bytes that the struct must have for the field to be there. */
  readonly end: number;
  readonly unless: number;
  readonly mask: number;
}

/** Makes the item of a field. @param text its label, with the blank before it and the colon after it */
export function item(text: string, field: Field, form: Form, unless = 0): Item {
  const [shift, width] = field.bits ?? [0, 8];
  return {
    label: label(text, field),
    form,
    offset: field.offset,
    end: field.offset + fieldWidth[field.type],
    unless,
    mask: (2 ** width - 1) << shift,
  };
}

function unsigned(data: DataView, at: number, width: number): number {
  if (width === 4) return data.getUint32(at, true);
  return width === 2 ? data.getUint16(at, true) : data.getUint8(at);
}

/** Writes a field of a struct, if it was sent and is to be printed. */
export function writeItem(text: ByteWriter, item: Item, struct: StructView): void {
  const { end, form, offset } = item;
  if (struct.length < end) return;
  const at = struct.offset + offset;
  const { data } = struct;
  if (form === "bit") {
    if ((data.getUint8(at) & item.mask) !== 0) text.put(item.label);
    return;
  }
  if (form === "u64") {
    const low = data.getUint32(at, true);
    const high = data.getUint32(at + 4, true);
    if (low === 0 && high === 0) return;
    text.put(item.label);
    text.unsigned64(low, high);
    return;
  }
  const value = unsigned(data, at, end - offset);
  if (value === 0 || value === item.unless) return;
  text.put(item.label);
  if (form === "u32") text.unsigned(value);
  else if (form === "ms") text.thousandths(value);
  else if (form === "i32") text.signed32(value);
  else text.hex(value);
}
