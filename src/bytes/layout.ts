/**
 * Layouts: kernel structs as tables, and the interpreter that makes views of them.
 *
 * A layout row is the only place where the offset, width and byte order of a kernel field are written. A view
 * reads a field when its getter is called, and answers `undefined` for one that ends beyond the bytes that the
 * kernel sent: absent is never zero.
 */

/** How the bytes of a field are read. Host order unless the name ends in `be`; both supported hosts are little-endian. */
export type FieldType = "u8" | "u16" | "u16be" | "u32" | "i32" | "u64" | "id64";

/** The unit of a field's value. */
export type Unit =
  | "bytes"
  | "bytes/s"
  | "segments"
  | "packets"
  | "ms"
  | "us"
  | "connections"
  | "jiffies"
  | "sequence";

/** One field of a kernel struct. */
export interface Field {
  /** Bytes from the start of the struct. */
  readonly offset: number;
  /** Width, signedness and byte order. `u64` reads as a number, `id64` (an identity) as a bigint. */
  readonly type: FieldType;
  /** For a bit-field: lowest bit (0 is the least significant) and width. */
  readonly bits?: readonly [shift: number, width: number];
  /** Unit of the value, where it has one. */
  readonly unit?: Unit;
  /** A value that says "no limit" or "not known yet"; machines are given absence instead. */
  readonly none?: number;
  /** First kernel that fills the field, where that is later than the struct itself. */
  readonly since?: string;
  /** The member's name in the kernel header. */
  readonly kernel?: string;
  /** What it means, in one line. */
  readonly doc: string;
}

/** A kernel struct: field name to its row. */
export type Layout = Readonly<Record<string, Field>>;

/** The value type of a field. */
export type FieldValue<F extends Field> = F["type"] extends "id64" ? bigint : number;

/** Bytes that a field of each type takes. */
export const fieldWidth: Readonly<Record<FieldType, number>> = {
  u8: 1,
  u16: 2,
  u16be: 2,
  u32: 4,
  i32: 4,
  u64: 8,
  id64: 8,
};

/** A struct inside a datagram: where its bytes are, and how many of them the kernel sent. */
export class StructView {
  /** The datagram's bytes. */
  readonly data: DataView;
  /** Where the struct begins. */
  readonly offset: number;
  /** Bytes of it that were sent. */
  readonly length: number;

  constructor(data: DataView, offset: number, length: number) {
    this.data = data;
    this.offset = offset;
    this.length = length;
  }
}

/** The fields of a layout, each absent where the kernel did not send it. */
export type Fields<L extends Layout> = { readonly [K in keyof L]: FieldValue<L[K]> | undefined };

/** A view whose fields may be absent. */
export type View<L extends Layout> = StructView & Fields<L>;

/** The fields of a struct that is known to be whole. */
export type WholeFields<L extends Layout> = { readonly [K in keyof L]: FieldValue<L[K]> };

type ViewClass = new (...arguments_: never[]) => StructView;
/** What a view class is made on: {@link StructView}, or a class of messages, which takes a fourth argument. */
type ViewBase = new (data: DataView, offset: number, length: number, origin?: unknown) => StructView;

const readers: Readonly<Record<FieldType, (data: DataView, at: number) => number | bigint>> = {
  u8: (data, at) => data.getUint8(at),
  u16: (data, at) => data.getUint16(at, true),
  u16be: (data, at) => data.getUint16(at, false),
  u32: (data, at) => data.getUint32(at, true),
  i32: (data, at) => data.getInt32(at, true),
  u64: (data, at) => data.getUint32(at, true) + data.getUint32(at + 4, true) * 2 ** 32,
  id64: (data, at) => data.getBigUint64(at, true),
};

/** Reads one field at `at`, where its struct begins; the caller has checked that it is there. */
export function readField(field: Field, data: DataView, at: number): number | bigint {
  const value = readers[field.type](data, at + field.offset);
  if (field.bits === undefined) return value;
  return (Number(value) >>> field.bits[0]) & (2 ** field.bits[1] - 1);
}

/** Writes one whole (not bit-) field into a struct that begins at `at`. */
export function writeField(field: Field, data: DataView, at: number, value: number | bigint): void {
  const offset = at + field.offset;
  if (typeof value === "bigint" || field.type === "u64" || field.type === "id64")
    data.setBigUint64(offset, BigInt(value), true);
  else if (field.type === "u8") data.setUint8(offset, value);
  else if (field.type === "u16" || field.type === "u16be")
    data.setUint16(offset, value, field.type === "u16");
  else data.setUint32(offset, value, true);
}

/** The layouts whose fields a class reads where the layout says, by its prototype. */
const layouts = new WeakMap<object, ReadonlySet<Field>>();

/**
 * Whether a struct is a view made by {@link view} of a layout with these fields, so that each may be read at its offset.
 *
 * @returns false for subclasses, whose getters may read elsewhere
 */
export function isViewOf(struct: object, fields: readonly Field[]): struct is StructView {
  const own = layouts.get(Object.getPrototypeOf(struct));
  return own !== undefined && fields.every((field) => own.has(field));
}

/** Gives a class a getter for each row of a layout. */
function define(layout: Layout, View: ViewClass): void {
  layouts.set(View.prototype, new Set(Object.values(layout)));
  for (const [name, field] of Object.entries(layout)) {
    const { offset, bits } = field;
    const end = offset + fieldWidth[field.type];
    const read = readers[field.type];
    const [shift, mask] = bits === undefined ? [0, 0] : [bits[0], 2 ** bits[1] - 1];
    Object.defineProperty(View.prototype, name, {
      get:
        bits === undefined
          ? function (this: StructView) {
              return this.length < end ? undefined : read(this.data, this.offset + offset);
            }
          : function (this: StructView) {
              if (this.length < end) return undefined;
              return (Number(read(this.data, this.offset + offset)) >>> shift) & mask;
            },
    });
  }
}

/**
 * A class of views on top of `Base`. Its getters are defined when the first view is made: a run reads few of the
 * structs whose layouts it has loaded.
 */
function viewClass(layout: Layout, Base: ViewBase): ViewBase {
  let defined = false;
  return class LayoutView extends Base {
    constructor(data: DataView, offset: number, length: number, origin?: unknown) {
      if (!defined) {
        defined = true;
        define(layout, LayoutView);
      }
      super(data, offset, length, origin);
    }
  };
}

/** Makes the view class of a layout whose tail the kernel may not have sent. */
export function view<const L extends Layout>(
  layout: L,
): new (
  data: DataView,
  offset: number,
  length: number,
) => View<L> {
  return viewClass(layout, StructView) as never;
}

/** Makes a view class, on top of `Base`, of a struct whose whole length is checked before a view is made. */
export function wholeView<const L extends Layout, B extends ViewClass>(
  layout: L,
  Base: B,
): new (
  ...arguments_: ConstructorParameters<B>
) => InstanceType<B> & WholeFields<L> {
  return viewClass(layout, Base as unknown as ViewBase) as never;
}

/** Bytes of a struct up to the end of its last field. */
export function layoutSize(layout: Layout): number {
  let size = 0;
  for (const name in layout) {
    const { offset, type } = layout[name]!;
    const end = offset + fieldWidth[type];
    if (end > size) size = end;
  }
  return size;
}
