/**
 * The trace buffer's own description of itself: the `format` file of an event and `header_page`. They are read
 * rather than assumed, since fields move with the kernel. Documentation/trace/events.rst.
 */

/** Where a field stands in a record, and how many bytes it has. */
export interface TraceField {
  readonly offset: number;
  readonly size: number;
}

/** What an event's records look like. */
export interface TraceFormat {
  /** The number that records of the event begin with. */
  readonly id: number;
  readonly fields: ReadonlyMap<string, TraceField>;
}

/** What a page of the buffer looks like. */
export interface PageFormat {
  /** Where the length of the data stands. */
  readonly commitOffset: number;
  /** Where the data begins. */
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

/** Reads the `format` file of an event. @returns undefined if it is none */
export function parseTraceFormat(text: string): TraceFormat | undefined {
  const id = /^ID:\s*(\d+)\s*$/m.exec(text);
  const fields = fieldsIn(text);
  return id === null || fields.size === 0 ? undefined : { id: Number(id[1]), fields };
}

/** Reads `header_page`. @returns undefined if it is none */
export function parsePageFormat(text: string): PageFormat | undefined {
  const fields = fieldsIn(text);
  const commit = fields.get("commit");
  const data = fields.get("data");
  if (commit === undefined || data === undefined || fields.get("timestamp")?.offset !== 0) return undefined;
  return { commitOffset: commit.offset, dataOffset: data.offset, size: data.offset + data.size };
}
