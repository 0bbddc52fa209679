/** Values by their types: the bytes of a BPF object as a tree. */
import { DecodeError } from "../netlink/errors.ts";
import { type Btf, type BtfMember, type BtfType, MAX_DEPTH } from "./types.ts";

/** A value, with its parts. */
export type BtfValue =
  | {
      readonly kind: "int";
      readonly type: BtfType & { kind: "int" };
      readonly value: bigint;
      /** Bits, if they are fewer than its type has. */
      readonly bitFieldSize: number | undefined;
    }
  | {
      readonly kind: "enum";
      readonly type: BtfType & { kind: "enum" };
      readonly value: bigint;
      /** Its name, if it has one. */
      readonly name: string | undefined;
    }
  | { readonly kind: "pointer"; readonly value: bigint }
  | {
      readonly kind: "float";
      readonly value: number;
      /** Its sign, which a NaN has, too. */
      readonly negative: boolean;
    }
  | { readonly kind: "struct"; readonly members: readonly BtfPart[] }
  | {
      readonly kind: "array";
      readonly elements: readonly BtfValue[];
      /** What its elements are, if they are integers of one byte. */
      readonly byte: (BtfType & { kind: "int" }) | undefined;
    };

/** A member of a struct or union. */
export interface BtfPart {
  /** Empty for an anonymous one. */
  readonly name: string;
  /** Its type, as it was declared. */
  readonly type: number;
  readonly value: BtfValue;
}

/** The kernel keeps no longer values with a socket than 64 KiB; a union may tell the same bytes several times. */
const MAX_PARTS = 1 << 18;

const BITS = 8;
const POINTER_BYTES = 8;

/** Follows typedefs and qualifiers to what a type is. */
function plain(btf: Btf, id: number): BtfType {
  let type = btf.type(id);
  for (let depth = 0; type.kind === "typedef" || type.kind === "qualifier"; depth++) {
    if (depth > MAX_DEPTH) throw new DecodeError("btf_type", 0, "types are nested too deep");
    type = btf.type(type.type);
  }
  return type;
}

/** Bytes that a value takes. */
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

/** Decodes one value. @throws DecodeError for types that are no types of values, and for bytes that are too few */
class Decoder {
  readonly #btf: Btf;
  readonly #bytes: Uint8Array;
  #parts = 0;

  constructor(btf: Btf, bytes: Uint8Array) {
    this.#btf = btf;
    this.#bytes = bytes;
  }

  /** The unsigned number in some bits, the lowest first: as bit-fields are on a little-endian host. */
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
        // Compilers that had no way to say that an enumeration is signed wrote negative values all the same.
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
 * @param bytes as many as it takes; more are passed over
 * @throws DecodeError if there is no such type, if it is none of a value, or if the bytes are too few
 */
export function decodeValue(btf: Btf, type: number, bytes: Uint8Array): BtfValue {
  const size = sizeOf(btf, type);
  if (size > bytes.length)
    throw new DecodeError("btf value", bytes.length, `it is cut short: its type has ${size} bytes`);
  return new Decoder(btf, bytes).decode(type, 0, 0, 0);
}
