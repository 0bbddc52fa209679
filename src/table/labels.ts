/** What ss prints before the fields of kernel structs, for whoever describes them. */
import type { Field } from "../bytes/layout.ts";
import { ascii } from "../bytes/writer.ts";

const labels = new Map<Field, string>();

/** The bytes of a label. It is noted as what stands before these fields, unless they have one already. */
export function label(text: string, ...fields: readonly Field[]): Uint8Array {
  for (const field of fields) if (!labels.has(field)) labels.set(field, text);
  return ascii(text);
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
