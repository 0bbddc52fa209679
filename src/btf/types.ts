/** BPF Type Format: the C types of a BPF object. linux/btf.h. */
import { DecodeError } from "../netlink/errors.ts";
import { followingBytes, HEADER, isBtf, KIND, TYPE_BYTES } from "./format.ts";

/** Deepest nesting of types. The kernel accepts 32. */
export const MAX_DEPTH = 64;

/** BTF_INT_*. */
const INT_SIGNED = 1;
const INT_BOOL = 4;

/** A member of a struct or union. */
export interface BtfMember {
  /** The name; empty for an anonymous member. */
  readonly name: string;
  readonly type: number;
  /** Bits from the start of the struct. */
  readonly bitOffset: number;
  /** Bits of a bit-field; 0 for other members. */
  readonly bitFieldSize: number;
}

/** A value of an enumeration. */
export interface BtfEnumerator {
  readonly name: string;
  readonly value: bigint;
}

/** A parameter of a function. */
export interface BtfParameter {
  readonly name: string;
  /** Id of its type; 0 for the `...` at the end. */
  readonly type: number;
}

/** A type. It refers to other types by their ids. */
export type BtfType =
  | { readonly kind: "void" }
  | {
      readonly kind: "int";
      readonly name: string;
      /** Bytes. */
      readonly size: number;
      readonly signed: boolean;
      readonly bool: boolean;
      /** Bits that count. Compilers before Linux 4.20 wrote bit-fields as integers with fewer bits than their bytes have. */
      readonly bits: number;
      readonly bitOffset: number;
    }
  | { readonly kind: "pointer"; readonly type: number }
  | { readonly kind: "array"; readonly element: number; readonly count: number }
  | {
      readonly kind: "struct" | "union";
      readonly name: string;
      readonly size: number;
      readonly members: readonly BtfMember[];
    }
  | {
      readonly kind: "enum";
      readonly name: string;
      readonly size: number;
      readonly signed: boolean;
      /** Whether its values have 64 bits, which C marks with a suffix. */
      readonly wide: boolean;
      readonly values: readonly BtfEnumerator[];
    }
  | { readonly kind: "forward"; readonly name: string; readonly of: "struct" | "union" }
  | { readonly kind: "typedef"; readonly name: string; readonly type: number }
  /** const, volatile, restrict, and tags for checkers. */
  | { readonly kind: "qualifier"; readonly type: number }
  | { readonly kind: "function"; readonly returned: number; readonly parameters: readonly BtfParameter[] }
  | { readonly kind: "float"; readonly name: string; readonly size: number }
  /** Functions, variables and the like, which have no values. */
  | { readonly kind: "none" };

/** KSYM_NAME_LEN: longest name with its final zero. linux/kallsyms.h. */
const NAME_BYTES = 512;

/** Names are identifiers, or the words of a type. Compilers write nothing else. */
const NAME = /^[\x20-\x7e]*$/;

const decoder = new TextDecoder("latin1");

/** The types of one blob. Id 0 is void; the others count from 1 in their order. */
export class Btf {
  readonly #bytes: Uint8Array;
  readonly #data: DataView;
  /** Offset of each type. */
  readonly #offsets: number[] = [0];
  readonly #strings: number;
  readonly #known = new Map<number, BtfType>();

  /** @throws DecodeError for bytes that are not BTF, or have an unknown kind */
  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#data = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    const data = this.#data;
    if (bytes.length < HEADER.size) throw new DecodeError("btf_header", 0, "it is cut short");
    if (!isBtf(bytes))
      throw new DecodeError("btf_header", HEADER.magic, "it does not begin with the magic number");
    const start = data.getUint32(HEADER.headerLength, true);
    const types = start + data.getUint32(HEADER.typeOffset, true);
    const end = types + data.getUint32(HEADER.typeLength, true);
    this.#strings = start + data.getUint32(HEADER.stringOffset, true);
    if (end > bytes.length)
      throw new DecodeError("btf_header", HEADER.typeLength, "the types go beyond the end");
    for (let at = types; at < end; ) {
      this.#offsets.push(at);
      at += this.#lengthAt(at, end);
    }
  }

  /** Size of the type at an offset, in bytes. */
  #lengthAt(at: number, end: number): number {
    if (at + TYPE_BYTES > end) throw new DecodeError("btf_type", at, "it is cut short");
    const { kind, count } = this.#info(at);
    const more = followingBytes[kind];
    if (more === undefined) throw new DecodeError("btf_type", at, `kind ${kind} is unknown`);
    const length = TYPE_BYTES + (more.once ?? 0) + (more.each ?? 0) * count;
    if (at + length > end) throw new DecodeError("btf_type", at, "it is cut short");
    return length;
  }

  /** The `info` of the type at an offset. */
  #info(at: number): { kind: number; count: number; flag: boolean } {
    const info = this.#data.getUint32(at + 4, true);
    return { kind: (info >>> 24) & 0x1f, count: info & 0xffff, flag: info >>> 31 === 1 };
  }

  /** The name whose offset into the strings stands at an offset. */
  #nameAt(at: number): string {
    const start = this.#strings + this.#data.getUint32(at, true);
    const length = this.#bytes.subarray(start, start + NAME_BYTES).indexOf(0);
    if (length < 0) throw new DecodeError("btf name", at, "it does not end");
    const name = decoder.decode(this.#bytes.subarray(start, start + length));
    if (!NAME.test(name)) throw new DecodeError("btf name", start, "it is no name");
    return name;
  }

  /** A type by its id. @throws DecodeError if there is none */
  type(id: number): BtfType {
    let type = this.#known.get(id);
    if (type === undefined) {
      type = this.#decode(id);
      this.#known.set(id, type);
    }
    return type;
  }

  #decode(id: number): BtfType {
    if (id === 0) return { kind: "void" };
    const at = this.#offsets[id];
    if (at === undefined) throw new DecodeError("btf_type", 0, `there is no type ${id}`);
    const { kind, count, flag } = this.#info(at);
    const data = this.#data;
    const name = () => this.#nameAt(at);
    // Bytes for some kinds, for the others a type.
    const size = data.getUint32(at + 8, true);
    const type = size;
    const extra = at + TYPE_BYTES;
    switch (kind) {
      case KIND.int: {
        const word = data.getUint32(extra, true);
        const encoding = (word >>> 24) & 0xf;
        return {
          kind: "int",
          name: name(),
          size,
          signed: (encoding & INT_SIGNED) !== 0,
          bool: (encoding & INT_BOOL) !== 0,
          bits: word & 0xff,
          bitOffset: (word >>> 16) & 0xff,
        };
      }
      case KIND.pointer:
        return { kind: "pointer", type };
      case KIND.array:
        return {
          kind: "array",
          element: data.getUint32(extra, true),
          count: data.getUint32(extra + 8, true),
        };
      case KIND.struct:
      case KIND.union: {
        const members = this.#each(count, extra, 12, (member) => {
          const offset = data.getUint32(member + 8, true);
          return {
            name: this.#nameAt(member),
            type: data.getUint32(member + 4, true),
            bitOffset: flag ? offset & 0xff_ffff : offset,
            bitFieldSize: flag ? offset >>> 24 : 0,
          };
        });
        return { kind: kind === KIND.struct ? "struct" : "union", name: name(), size, members };
      }
      case KIND.enum: {
        const values = this.#each(count, extra, 8, (value) => ({
          name: this.#nameAt(value),
          value: BigInt(data.getInt32(value + 4, true)),
        }));
        return { kind: "enum", name: name(), size, signed: flag, wide: false, values };
      }
      case KIND.enum64: {
        // Two words, low word first, like a number in the byte order of the host.
        const values = this.#each(count, extra, 12, (value) => ({
          name: this.#nameAt(value),
          value: data.getBigUint64(value + 4, true),
        }));
        return { kind: "enum", name: name(), size, signed: flag, wide: true, values };
      }
      case KIND.forward:
        return { kind: "forward", name: name(), of: flag ? "union" : "struct" };
      case KIND.typedef:
        return { kind: "typedef", name: name(), type };
      case KIND.volatile:
      case KIND.const:
      case KIND.restrict:
      case KIND.typeTag:
        return { kind: "qualifier", type };
      case KIND.funcProto: {
        const parameters = this.#each(count, extra, 8, (parameter) => ({
          name: this.#nameAt(parameter),
          type: data.getUint32(parameter + 4, true),
        }));
        return { kind: "function", returned: type, parameters };
      }
      case KIND.float:
        return { kind: "float", name: name(), size };
      default:
        return { kind: "none" };
    }
  }

  #each<T>(count: number, at: number, size: number, read: (at: number) => T): T[] {
    return Array.from({ length: count }, (_, index) => read(at + index * size));
  }
}
