/** Registry of ss's labels for the fields of kernel structs, used by the documentation of columns. */
import type { Field } from "../bytes/layout.ts";
import { type Stamp, stamp } from "../bytes/put.ts";
import { ascii } from "../bytes/writer.ts";

const labels = new Map<Field, string>();

/** Registers a label for these fields, unless they already have one. */
function note(text: string, fields: readonly Field[]): void {
  for (const field of fields) if (!labels.has(field)) labels.set(field, text);
}

/** The bytes of a label. Registers it for {@link ssLabel} of these fields. */
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
