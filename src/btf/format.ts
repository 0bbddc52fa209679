/** The layout of a BTF blob: its header, and how long each type is. linux/btf.h. */

const BTF_MAGIC = 0xeb9f;
/** Offsets in struct btf_header, and the bytes of it that are read. */
export const HEADER = {
  magic: 0,
  headerLength: 4,
  typeOffset: 8,
  typeLength: 12,
  stringOffset: 16,
  size: 24,
};

/** Bytes of struct btf_type, without the data behind it. */
export const TYPE_BYTES = 12;

/** BTF_KIND_*. */
export const KIND = {
  int: 1,
  pointer: 2,
  array: 3,
  struct: 4,
  union: 5,
  enum: 6,
  forward: 7,
  typedef: 8,
  volatile: 9,
  const: 10,
  restrict: 11,
  func: 12,
  funcProto: 13,
  variable: 14,
  section: 15,
  float: 16,
  declarationTag: 17,
  typeTag: 18,
  enum64: 19,
} as const;

/** Bytes behind struct btf_type: a fixed number, and a number for each of `vlen`. */
export const followingBytes: Readonly<Record<number, { readonly once?: number; readonly each?: number }>> = {
  [KIND.int]: { once: 4 },
  [KIND.pointer]: {},
  [KIND.array]: { once: 12 },
  [KIND.struct]: { each: 12 },
  [KIND.union]: { each: 12 },
  [KIND.enum]: { each: 8 },
  [KIND.forward]: {},
  [KIND.typedef]: {},
  [KIND.volatile]: {},
  [KIND.const]: {},
  [KIND.restrict]: {},
  [KIND.func]: {},
  [KIND.funcProto]: { each: 8 },
  [KIND.variable]: { once: 4 },
  [KIND.section]: { each: 12 },
  [KIND.float]: {},
  [KIND.declarationTag]: { once: 4 },
  [KIND.typeTag]: {},
  [KIND.enum64]: { each: 12 },
};

/** Whether bytes begin with the header of a BTF blob. */
export function isBtf(bytes: Uint8Array): boolean {
  return (
    bytes.length >= HEADER.size && (bytes[HEADER.magic]! | (bytes[HEADER.magic + 1]! << 8)) === BTF_MAGIC
  );
}
