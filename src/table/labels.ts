/** What ss prints before the fields of kernel structs, for whoever describes them. */
import type { Field } from "../bytes/layout.ts";
import { type Stamp, stamp } from "../bytes/put.ts";
import { ascii } from "../bytes/writer.ts";

const labels = new Map<Field, string>();

/** Notes a label as what stands before these fields, unless they have one already. */
function note(text: string, fields: readonly Field[]): void {
  for (const field of fields) if (!labels.has(field)) labels.set(field, text);
}

/** The bytes of a label, which {@link ssLabel} gives for these fields from now on. */
export function label(text: string, ...fields: readonly Field[]): Uint8Array {
  note(text, fields);
  return ascii(text);
}

/** {@link label}, as a stamp. */
export function labelStamp(text: string, ...fields: readonly Field[]): Stamp {
  note(text, fields);
  return stamp(text);
}

/**
 * What ss prints before a field: `lastsnd:`, `skmem:(r`. What separates it from other fields is left out, and so is
 * the name of a struct that several attributes carry.
 *
 * @returns undefined for a field that ss does not print, and before the module that prints it is loaded
 */
export function ssLabel(field: Field): string | undefined {
  return labels
    .get(field)
    ?.replace(/^[ ,]+/, "")
    .replace(/^\w+\(/, "")
    .trimEnd();
}
