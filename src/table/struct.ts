/** Writes structs that ss prints completely, including zeros: each field after its label. */
import { type Field, fieldWidth, readField, type StructView } from "../bytes/layout.ts";
import { ascii, type ByteWriter } from "../bytes/writer.ts";
import { startLine } from "./cells.ts";
import { label } from "./labels.ts";
import type { Style } from "./style.ts";

/** Number format of a field: C's `%u`, `%d`, `%llu` or `0x%x`. */
export type StructForm = "u32" | "i32" | "u64" | "hex";

/** A field with its label and its number format. */
export type StructItem = readonly [label: string, field: Field, form: StructForm];

function writeNumber(text: ByteWriter, data: DataView, at: number, field: Field, form: StructForm): void {
  if (form === "u64") {
    const low = at + field.offset;
    text.unsigned64(data.getUint32(low, true), data.getUint32(low + 4, true));
    return;
  }
  const value = Number(readField(field, data, at));
  if (form === "i32") text.signed32(value);
  else if (form === "hex") text.hex(value);
  else text.unsigned(value);
}

/**
 * Returns a function that writes a line of details: the fields of a struct, then `end`.
 *
 * @returns the function. It writes nothing if the kernel did not send the whole struct
 */
export function structLine(
  items: readonly StructItem[],
  end: string,
): (text: ByteWriter, struct: StructView | undefined, style: Style) => void {
  const rows = items.map(([text, field, form]) => ({ label: label(text, field), field, form }));
  const size = Math.max(...items.map(([, field]) => field.offset + fieldWidth[field.type]));
  const ending = ascii(end);
  return (text, struct, style) => {
    if (struct === undefined || struct.length < size) return;
    startLine(text, style);
    for (const { label, field, form } of rows) {
      text.put(label);
      writeNumber(text, struct.data, struct.offset, field, form);
    }
    text.put(ending);
  };
}
