/**
 * The trace buffer's own description of itself: the `format` file of an event and `header_page`. Offsets are
 * read, as they differ between kernels. Documentation/trace/events.rst.
 */

/** Offset and size of a field in a record, in bytes. */
export interface TraceField {
  readonly offset: number;
  readonly size: number;
}

/** The layout of an event's records. */
export interface TraceFormat {
  /** The id at the beginning of each record. */
  readonly id: number;
  readonly fields: ReadonlyMap<string, TraceField>;
}

/** The layout of a page of the buffer. */
export interface PageFormat {
  /** Offset of the length of the data. */
  readonly commitOffset: number;
  /** Offset of the data. */
  readonly dataOffset: number;
  /** Bytes of a page. */
  readonly size: number;
}

const FIELD = /^\s*field:\s*(.+?)\s*;\s*offset:\s*(\d+)\s*;\s*size:\s*(\d+)\s*;/;

/** The name in a C declaration: `__u8 saddr[4]`, `const void * skaddr`. */
function nameIn(declaration: string): string | undefined {
  return /([A-Za-z_]\w*)\s*(\[[^\]]*\])?$/.exec(declaration)?.[1];
}

function fieldsIn(text: string): Map<string, TraceField> {
  const fields = new Map<string, TraceField>();
  for (const line of text.split("\n")) {
    const match = FIELD.exec(line);
    const name = match === null ? undefined : nameIn(match[1]!);
    if (name === undefined || fields.has(name)) continue;
    fields.set(name, { offset: Number(match![2]), size: Number(match![3]) });
  }
  return fields;
}

/** Reads the `format` file of an event. @returns undefined if the text is not one */
export function parseTraceFormat(text: string): TraceFormat | undefined {
  const id = /^ID:\s*(\d+)\s*$/m.exec(text);
  const fields = fieldsIn(text);
  return id === null || fields.size === 0 ? undefined : { id: Number(id[1]), fields };
}

/** Reads `header_page`. @returns undefined if the text is not one */
export function parsePageFormat(text: string): PageFormat | undefined {
  const fields = fieldsIn(text);
  const commit = fields.get("commit");
  const data = fields.get("data");
  if (commit === undefined || data === undefined || fields.get("timestamp")?.offset !== 0) return undefined;
  return { commitOffset: commit.offset, dataOffset: data.offset, size: data.offset + data.size };
}
