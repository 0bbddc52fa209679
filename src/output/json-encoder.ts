/**
 * Sockets as JSON, written as bytes straight from the columns of the catalogue: no object and no key is made per
 * socket, and one view per kernel struct. What comes out is JSON.stringify of the plain object, byte for byte.
 */
import { keepOutOfLastTier } from "#libc";
import { type Field, fieldWidth, isViewOf, type StructView } from "../bytes/layout.ts";
import {
  OVERSHOOT,
  putAscii,
  putCopy,
  putHex64,
  putInt31,
  putInt32,
  putUint32,
  putUnsigned,
} from "../bytes/put.ts";
import { escapeJson } from "../bytes/terminal.ts";
import { ByteWriter } from "../bytes/writer.ts";
import { type Column, describer, isFlag } from "../fields/column.ts";
import type { Json } from "../model/json.ts";

const COMMA = 0x2c;
const OPEN = 0x7b;
const CLOSE = 0x7d;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const MINUS = 0x2d;
const BLANK = 0x20;
const DELETE = 0x7f;
const NEWLINE = 0x0a;

/** What the encoder reads of a column. */
export type EncodedColumn<S> = Pick<Column<S>, "key" | "read" | "part" | "field">;

/** Writes something of a socket, if there is anything to write: `,"key":value`, as often as it takes. */
type Step<S> = (text: ByteWriter, socket: S) => void;

/** Room for a number or a 64-bit identity with its quotes. */
const VALUE_ROOM = 32 + OVERSHOOT;

/** Writes a string with its quotes. */
function writeString(text: ByteWriter, value: string): void {
  const { length } = value;
  text.reserve(length + 2);
  const { bytes } = text;
  let at = text.length;
  bytes[at++] = QUOTE;
  for (let index = 0; index < length; index++) {
    const code = value.charCodeAt(index);
    if (code < BLANK || code >= DELETE || code === QUOTE || code === BACKSLASH) {
      text.text(escapeJson(JSON.stringify(value)));
      return;
    }
    bytes[at++] = code;
  }
  bytes[at++] = QUOTE;
  text.length = at;
}

/** Writes any value. */
function writeValue(text: ByteWriter, value: Json): void {
  if (typeof value === "string") writeString(text, value);
  else if (typeof value === "number" && Number.isSafeInteger(value)) {
    text.reserve(VALUE_ROOM);
    if (value >= 0) text.length = putUnsigned(text.data, text.length, value);
    else {
      text.data.setUint8(text.length, MINUS);
      text.length = putUnsigned(text.data, text.length + 1, -value);
    }
  } else text.text(escapeJson(JSON.stringify(value)));
}

/** The bytes before a value: a comma, its key and a colon. */
function keyBytes(key: string): Uint8Array {
  return new TextEncoder().encode(`,${escapeJson(JSON.stringify(key))}:`);
}

/** Some bytes, and behind them what {@link putCopy} may read, too. */
function copySource(...parts: readonly Uint8Array[]): DataView {
  const bytes = Buffer.concat([...parts, new Uint8Array(OVERSHOOT)]);
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
}

/** Writes the bytes of a {@link copySource}. */
function writeKey(text: ByteWriter, source: DataView, length: number): void {
  text.reserve(length + OVERSHOOT);
  text.length = putCopy(text.data, text.length, source, 0, length);
}

/** The step of a column that is read by itself. */
function columnStep<S>(key: string, read: Column<S>["read"]): Step<S> {
  const before = keyBytes(key);
  const { length } = before;
  const source = copySource(before);
  return (text, socket) => {
    const value = read(socket);
    if (value === undefined) return;
    writeKey(text, source, length);
    writeValue(text, value);
  };
}

/** How the field of a struct is read and written. */
const U8 = 0;
const U16 = 1;
const U16BE = 2;
const U32 = 3;
const I32 = 4;
const U64 = 5;
const ID64 = 6;
const forms = { u8: U8, u16: U16, u16be: U16BE, u32: U32, i32: I32, u64: U64, id64: ID64 } as const;

/** `true` and `fals` as little-endian words. */
const TRUE = 0x65757274;
const FALS = 0x736c6166;
const E = 0x65;

/** A field of a struct, and its key in JSON. */
export interface EncodedField {
  readonly key: string;
  readonly field: Field;
}

/** Writes the fields of a kernel struct. */
export interface StructWriter {
  /** Bytes that they take at most. */
  readonly room: number;
  /**
   * Writes `,"key":value` for each field that was sent.
   *
   * @param offset where the struct begins in `data`, `length` bytes of it
   * @returns the position behind them
   */
  put(target: DataView, at: number, data: DataView, offset: number, length: number): number;
}

/** Makes what writes some fields of one kernel struct. */
export function structWriter(fields: readonly EncodedField[]): StructWriter {
  const keys = fields.map(({ key }) => keyBytes(key));
  const source = copySource(...keys);
  const count = fields.length;
  const lengths = Int32Array.from(keys, ({ length }) => length);
  const kinds = Uint8Array.from(fields, ({ field }) => forms[field.type]);
  const offsets = Int32Array.from(fields, ({ field }) => field.offset);
  const ends = Int32Array.from(fields, ({ field }) => field.offset + fieldWidth[field.type]);
  const shifts = Uint8Array.from(fields, ({ field }) => field.bits?.[0] ?? 0);
  const masks = Int32Array.from(fields, ({ field }) => (field.bits ? 2 ** field.bits[1] - 1 : 0));
  const flags = Uint8Array.from(fields, ({ field }) => Number(isFlag(field)));
  const hasNone = Uint8Array.from(fields, ({ field }) => Number(field.none !== undefined));
  const nones = Float64Array.from(fields, ({ field }) => field.none ?? 0);
  const noneBits = Int32Array.from(fields, ({ field }) => field.none ?? 0);
  const room = source.byteLength + count * VALUE_ROOM;

  function put(target: DataView, start: number, data: DataView, offset: number, length: number): number {
    let at = start;
    let from = 0;
    for (let index = 0; index < count; index++) {
      const keyAt = from;
      from += lengths[index]!;
      if (length < ends[index]!) continue;
      const place = offset + offsets[index]!;
      const kind = kinds[index]!;
      if (kind >= U64) {
        const low = data.getInt32(place, true);
        const high = data.getInt32(place + 4, true);
        if (kind === ID64) {
          at = putCopy(target, at, source, keyAt, lengths[index]!);
          target.setInt32(at, 0x783022, true);
          at = putHex64(target, at + 3, low, high);
          target.setUint8(at++, QUOTE);
          continue;
        }
        const value = (high >>> 0) * 2 ** 32 + (low >>> 0);
        if (hasNone[index] !== 0 && value === nones[index]!) continue;
        at = putCopy(target, at, source, keyAt, lengths[index]!);
        if (high === 0 && low >= 0) at = putInt31(target, at, low);
        else if (value <= Number.MAX_SAFE_INTEGER) at = putUnsigned(target, at, value);
        else at = putAscii(target, at, String(value));
        continue;
      }
      let bits =
        kind === U8
          ? data.getUint8(place)
          : kind === U32 || kind === I32
            ? data.getInt32(place, true)
            : data.getUint16(place, kind === U16);
      const mask = masks[index]!;
      if (mask !== 0) bits = (bits >>> shifts[index]!) & mask;
      if (hasNone[index] !== 0 && bits === noneBits[index]!) continue;
      at = putCopy(target, at, source, keyAt, lengths[index]!);
      if (flags[index] !== 0) {
        target.setInt32(at, bits === 0 ? FALS : TRUE, true);
        if (bits === 0) target.setUint8(at + 4, E);
        at += bits === 0 ? 5 : 4;
      } else if (bits >= 0) at = putInt31(target, at, bits);
      else at = kind === I32 ? putInt32(target, at, bits) : putUint32(target, at, bits);
    }
    return at;
  }
  keepOutOfLastTier(put);
  return { room, put };
}

/** The step of the fields of one struct. @param generic writes them where the struct is not the kernel's own */
function structStep<S>(
  view: NonNullable<Column<S>["part"]>["view"],
  fields: readonly EncodedField[],
  generic: (text: ByteWriter, struct: object) => void,
): Step<S> {
  const { room, put } = structWriter(fields);

  function writeFields(text: ByteWriter, { data, offset, length }: StructView): void {
    text.reserve(room);
    text.length = put(text.data, text.length, data, offset, length);
  }

  const own = fields.map(({ field }) => field);
  /** The prototype of the struct before, and whether its fields are where the layout says. */
  let known: unknown;
  let plain = false;
  return (text, socket) => {
    const struct = view(socket);
    if (struct === undefined) return;
    const prototype = Object.getPrototypeOf(struct);
    if (prototype !== known) {
      known = prototype;
      plain = isViewOf(struct, own);
    }
    if (plain) writeFields(text, struct as StructView);
    else generic(text, struct);
  };
}

/** The step of an object below a key; one without anything in it is left out. */
function objectStep<S>(key: string, steps: readonly Step<S>[]): Step<S> {
  const before = keyBytes(key);
  const { length } = before;
  const source = copySource(before);
  return (text, socket) => {
    const start = text.length;
    writeKey(text, source, length);
    if (!writeSteps(text, socket, steps)) text.length = start;
  };
}

/** Writes an object of what steps write. @returns whether they wrote anything; if not, nothing is written */
function writeSteps<S>(text: ByteWriter, socket: S, steps: readonly Step<S>[]): boolean {
  const start = text.length;
  for (let index = 0; index < steps.length; index++) steps[index]!(text, socket);
  if (text.length === start) return false;
  // The comma before the first key.
  text.bytes[start] = OPEN;
  text.byte(CLOSE);
  return true;
}

keepOutOfLastTier(writeString, writeValue, writeKey, writeSteps);

/** What stands below one key: a column, or an object of more. */
interface Node<S> {
  readonly key: string;
  readonly column: EncodedColumn<S> | undefined;
  readonly children: Node<S>[];
}

/**
 * The columns as a tree.
 *
 * @returns undefined if the columns of an object are apart, so that its place depends on which of them a socket has
 */
function treeOf<S>(columns: readonly EncodedColumn<S>[]): readonly Node<S>[] | undefined {
  const root: Node<S>[] = [];
  for (const column of columns) {
    const path = column.key.split(".");
    const leaf = path.pop()!;
    let nodes = root;
    for (const key of path) {
      let node = nodes.at(-1);
      if (node?.key !== key) {
        if (nodes.some((each) => each.key === key)) return undefined;
        node = { key, column: undefined, children: [] };
        nodes.push(node);
      } else if (node.column !== undefined) return undefined;
      nodes = node.children;
    }
    if (nodes.some(({ key }) => key === leaf)) return undefined;
    nodes.push({ key: leaf, column, children: [] });
  }
  return root;
}

/** The steps of nodes: neighbours that are fields of one struct are one step. */
function stepsOf<S>(nodes: readonly Node<S>[]): Step<S>[] {
  const steps: Step<S>[] = [];
  for (let index = 0; index < nodes.length; ) {
    const { key, column, children } = nodes[index]!;
    const view = column?.part?.view;
    if (column === undefined) steps.push(objectStep(key, stepsOf(children)));
    else if (view === undefined || column.field === undefined) steps.push(columnStep(key, column.read));
    else {
      const run = nodes.slice(index);
      const end = run.findIndex(({ column }) => column?.part?.view !== view || column.field === undefined);
      const own = end < 0 ? run : run.slice(0, end);
      const readers = own.map(({ key, column }) => columnStep(key, column!.part!.value));
      const generic = (text: ByteWriter, struct: object) => {
        for (const step of readers) (step as Step<object>)(text, struct);
      };
      steps.push(
        structStep(
          view,
          own.map(({ key, column }) => ({ key, field: column!.field! })),
          generic,
        ),
      );
      index += own.length;
      continue;
    }
    index++;
  }
  return steps;
}

/** Whether the sockets of some columns are written without making an object. */
export function isStatic<S>(columns: readonly EncodedColumn<S>[]): boolean {
  return treeOf(columns) !== undefined;
}

/**
 * Makes the function that writes the plain object of a socket (see `describer`) as JSON, without what a terminal would
 * obey.
 */
export function objectEncoder<S>(
  columns: readonly EncodedColumn<S>[],
): (text: ByteWriter, socket: S) => void {
  const tree = treeOf(columns);
  if (tree === undefined) {
    const describe = describer(columns);
    return (text, socket) => text.text(escapeJson(JSON.stringify(describe(socket))));
  }
  const steps = stepsOf(tree);
  return (text, socket) => {
    if (writeSteps(text, socket, steps)) return;
    text.byte(OPEN);
    text.byte(CLOSE);
  };
}

/** Output is written in pieces of about this many bytes. */
const PIECE = 1 << 16;

/** Writes sockets as one JSON array, or each on a line of its own. RFC 8259. */
export class SocketJsonWriter<S> {
  readonly #array: boolean;
  readonly #encode: (text: ByteWriter, socket: S) => void;
  readonly #write: (bytes: Uint8Array) => void;
  readonly #text = new ByteWriter(PIECE + (PIECE >> 1));
  #count = 0;

  /**
   * @param encode writes the object of a socket
   * @param write takes UTF-8 text as it is ready; its bytes are valid during the call only
   */
  constructor(
    format: "json" | "ndjson",
    encode: (text: ByteWriter, socket: S) => void,
    write: (bytes: Uint8Array) => void,
  ) {
    this.#array = format === "json";
    this.#encode = encode;
    this.#write = write;
  }

  /** Where the object of a socket is written. It is written between {@link begin} and {@link complete}. */
  get text(): ByteWriter {
    return this.#text;
  }

  /** Begins the object of a socket. @returns what {@link cancel} takes */
  begin(): number {
    const text = this.#text;
    const start = text.length;
    if (this.#array) {
      text.byte(this.#count === 0 ? 0x5b : COMMA);
      text.byte(NEWLINE);
    }
    return start;
  }

  /** Leaves out a socket that was begun. */
  cancel(start: number): void {
    this.#text.length = start;
  }

  /** Completes the object of a socket. */
  complete(): void {
    const text = this.#text;
    if (!this.#array) text.byte(NEWLINE);
    this.#count++;
    if (text.length > PIECE) this.flush();
  }

  /** Writes one socket. If it cannot be encoded, nothing of it is written. */
  write(socket: S): void {
    const start = this.begin();
    try {
      this.#encode(this.#text, socket);
    } catch (error) {
      this.cancel(start);
      throw error;
    }
    this.complete();
  }

  /** Passes on what is written so far. */
  flush(): void {
    if (this.#text.length > 0) this.#write(this.#text.view());
    this.#text.length = 0;
  }

  /** Ends the document. */
  end(): void {
    if (this.#array) this.#text.text(this.#count === 0 ? "[]\n" : "\n]\n");
    this.flush();
  }
}
