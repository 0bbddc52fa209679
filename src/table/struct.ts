/** Structs that ss prints whole, zeros included: each field behind its label. */
import { type Field, fieldWidth, readField, type StructView } from "../bytes/layout.ts";
import { ascii, type ByteWriter } from "../bytes/writer.ts";
import { startLine } from "./cells.ts";
import { label } from "./labels.ts";
import type { Style } from "./style.ts";

/** How the number of a field is written: as C's `%u`, `%d`, `%llu` or `0x%x`. */
export type StructForm = "u32" | "i32" | "u64" | "hex";

/** One field: what stands before it, which it is, how it is written. */
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
 * Makes the function that writes a line of details: the fields of a struct, and then `end`.
 *
 * @returns the function, which writes nothing of a struct that was not sent whole
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
