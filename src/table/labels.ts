/** Registry of ss's labels for the fields of kernel structs, used by the documentation of columns. */
import type { Field } from "../bytes/layout.ts";
import { ascii } from "../bytes/writer.ts";

const labels = new Map<Field, string>();

/** The bytes of a label. Registers it for these fields, unless they already have one. */
export function label(text: string, ...fields: readonly Field[]): Uint8Array {
  for (const field of fields) if (!labels.has(field)) labels.set(field, text);
  return ascii(text);
}

/**
 * ss's label before a field, without separators: `lastsnd:`, `skmem:(r`. The name of a struct that several attributes
 * have is left out.
 *
 * @returns undefined if ss does not print the field, or if the module that prints it is not loaded yet
 */
export function ssLabel(field: Field): string | undefined {
  return labels
    .get(field)
    ?.replace(/^[ ,]+/, "")
    .replace(/^\w+\(/, "")
    .trimEnd();
}
