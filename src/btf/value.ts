/** Decodes the bytes of a BPF object into a tree of values. */
import { DecodeError } from "../netlink/errors.ts";
import { type Btf, type BtfMember, type BtfType, MAX_DEPTH } from "./types.ts";

/** A value, with its parts. */
export type BtfValue =
  | {
      readonly kind: "int";
      readonly type: BtfType & { kind: "int" };
      readonly value: bigint;
      /** Bits of a bit-field; left out if all bits of the type count. */
      readonly bitFieldSize: number | undefined;
    }
  | {
      readonly kind: "enum";
      readonly type: BtfType & { kind: "enum" };
      readonly value: bigint;
      /** The name of the value, if its enumeration has one. */
      readonly name: string | undefined;
    }
  | { readonly kind: "pointer"; readonly value: bigint }
  | {
      readonly kind: "float";
      readonly value: number;
      /** Whether the sign bit is set, also of a NaN. */
      readonly negative: boolean;
    }
  | { readonly kind: "struct"; readonly members: readonly BtfPart[] }
  | {
      readonly kind: "array";
      readonly elements: readonly BtfValue[];
      /** The type of its elements, if they are integers of one byte. */
      readonly byte: (BtfType & { kind: "int" }) | undefined;
    };

/** A member of a struct or union. */
export interface BtfPart {
  /** The name; empty for an anonymous member. */
  readonly name: string;
  /** The declared type. */
  readonly type: number;
  readonly value: BtfValue;
}

/** Most values in a tree. The kernel keeps at most 64 KiB with a socket, but a union repeats its bytes. */
const MAX_PARTS = 1 << 18;

const BITS = 8;
const POINTER_BYTES = 8;

/** Follows typedefs and qualifiers to the type itself. */
function plain(btf: Btf, id: number): BtfType {
  let type = btf.type(id);
  for (let depth = 0; type.kind === "typedef" || type.kind === "qualifier"; depth++) {
    if (depth > MAX_DEPTH) throw new DecodeError("btf_type", 0, "types are nested too deep");
    type = btf.type(type.type);
  }
  return type;
}

/** Size of a value in bytes. */
function sizeOf(btf: Btf, id: number, depth = 0): number {
  if (depth > MAX_DEPTH) throw new DecodeError("btf_type", 0, "types are nested too deep");
  const type = plain(btf, id);
  switch (type.kind) {
    case "array":
      return type.count * sizeOf(btf, type.element, depth + 1);
    case "pointer":
      return POINTER_BYTES;
    case "int":
    case "float":
    case "enum":
    case "struct":
    case "union":
      return type.size;
    default:
      throw new DecodeError("btf_type", 0, "it is no type of a value");
  }
}

/** Decodes one value. @throws DecodeError for types without values, and for too few bytes */
class Decoder {
  readonly #btf: Btf;
  readonly #bytes: Uint8Array;
  #parts = 0;

  constructor(btf: Btf, bytes: Uint8Array) {
    this.#btf = btf;
    this.#bytes = bytes;
  }

  /** The unsigned number in a range of bits, lowest first, as in bit-fields of little-endian hosts. */
  #bits(bitOffset: number, count: number): bigint {
    const first = Math.floor(bitOffset / BITS);
    const end = Math.ceil((bitOffset + count) / BITS);
    if (end > this.#bytes.length) throw new DecodeError("btf value", first, "it is cut short");
    let value = 0n;
    for (let at = end - 1; at >= first; at--) value = (value << 8n) | BigInt(this.#bytes[at]!);
    return BigInt.asUintN(count, value >> BigInt(bitOffset % BITS));
  }

  /**
   * The value of a type at an offset.
   *
   * @param bitFieldSize bits of a bit-field, 0 if it is none
   */
  decode(id: number, bitOffset: number, bitFieldSize: number, depth: number): BtfValue {
    if (depth > MAX_DEPTH) throw new DecodeError("btf_type", 0, "types are nested too deep");
    if (++this.#parts > MAX_PARTS) throw new DecodeError("btf value", 0, "it has too many parts");
    const type = plain(this.#btf, id);
    switch (type.kind) {
      case "int": {
        const bits = bitFieldSize || type.bits;
        const value = this.#bits(bitOffset + type.bitOffset, bits);
        return {
          kind: "int",
          type,
          value: type.signed ? BigInt.asIntN(bits, value) : value,
          bitFieldSize: bitFieldSize > 0 || bits !== type.size * BITS ? bits : undefined,
        };
      }
      case "enum": {
        const bits = bitFieldSize || type.size * BITS;
        const value = this.#bits(bitOffset, bits);
        // Older compilers cannot mark an enumeration as signed, but write negative values.
        const same = type.values.find((each) => BigInt.asUintN(bits, each.value) === value);
        return {
          kind: "enum",
          type,
          value: type.signed ? BigInt.asIntN(bits, value) : value,
          name: same?.name,
        };
      }
      case "pointer":
        return { kind: "pointer", value: this.#bits(bitOffset, POINTER_BYTES * BITS) };
      case "float":
        return this.#float(type.size, bitOffset);
      case "struct":
      case "union":
        return { kind: "struct", members: type.members.map((each) => this.#member(each, bitOffset, depth)) };
      case "array":
        return this.#array(type, bitOffset, depth);
      default:
        throw new DecodeError("btf_type", 0, "it is no type of a value");
    }
  }

  #member({ name, type, bitOffset, bitFieldSize }: BtfMember, base: number, depth: number): BtfPart {
    return { name, type, value: this.decode(type, base + bitOffset, bitFieldSize, depth + 1) };
  }

  #array({ element, count }: BtfType & { kind: "array" }, bitOffset: number, depth: number): BtfValue {
    const size = sizeOf(this.#btf, element);
    const elements: BtfValue[] = [];
    for (let index = 0; index < count; index++)
      elements.push(this.decode(element, bitOffset + index * size * BITS, 0, depth + 1));
    const type = plain(this.#btf, element);
    return { kind: "array", elements, byte: type.kind === "int" && type.size === 1 ? type : undefined };
  }

  #float(size: number, bitOffset: number): BtfValue {
    if (size !== 4 && size !== 8) throw new DecodeError("btf_type", 0, `a float of ${size} bytes is unknown`);
    const bits = this.#bits(bitOffset, size * BITS);
    const data = new DataView(new ArrayBuffer(8));
    data.setBigUint64(0, bits, true);
    const value = size === 4 ? data.getFloat32(0, true) : data.getFloat64(0, true);
    return { kind: "float", value, negative: bits >> BigInt(size * BITS - 1) === 1n };
  }
}

/**
 * Decodes a value.
 *
 * @param type its type's id
 * @param bytes at least its size; the rest is ignored
 * @throws DecodeError if there is no such type, if it has no values, or if there are too few bytes
 */
export function decodeValue(btf: Btf, type: number, bytes: Uint8Array): BtfValue {
  const size = sizeOf(btf, type);
  if (size > bytes.length)
    throw new DecodeError("btf value", bytes.length, `it is cut short: its type has ${size} bytes`);
  return new Decoder(btf, bytes).decode(type, 0, 0, 0);
}
