/** Builds BTF type information for tests. linux/btf.h. */

/** Kinds of types, BTF_KIND_*. */
const KIND = {
  int: 1,
  ptr: 2,
  array: 3,
  struct: 4,
  union: 5,
  enum: 6,
  fwd: 7,
  typedef: 8,
  volatile: 9,
  const: 10,
  restrict: 11,
  func: 12,
  funcProto: 13,
  var: 14,
  datasec: 15,
  float: 16,
  declTag: 17,
  typeTag: 18,
  enum64: 19,
} as const;

/** BTF_INT_*: the encoding of an integer. */
export const INT_ENCODING = { unsigned: 0, signed: 1, char: 2, bool: 4 } as const;

const MAGIC = 0xeb9f;
const HEADER_BYTES = 24;
const KIND_FLAG = 0x8000_0000;

/** A member of a struct or union. */
export interface MemberSpec {
  /** Empty for an anonymous struct or union. */
  readonly name: string;
  readonly type: number;
  /** Bits from the start of the struct. */
  readonly offset: number;
  /** Width of a bit-field in bits; undefined for other members. */
  readonly bits?: number;
}

/** Builds a blob of types. Each method adds a type and returns its id; 0 is void. */
export class BtfBuilder {
  readonly #types: number[][] = [];
  #strings = "\0";
  readonly #names = new Map<string, number>();

  /** Number of types so far, without void. */
  get count(): number {
    return this.#types.length;
  }

  /** Where a name begins. As compilers and the kernel have it, each name is there once. */
  #name(text: string): number {
    if (text === "") return 0;
    let at = this.#names.get(text);
    if (at === undefined) {
      at = Buffer.byteLength(this.#strings);
      this.#strings += `${text}\0`;
      this.#names.set(text, at);
    }
    return at;
  }

  #add(kind: number, name: string, count: number, flag: boolean, sizeOrType: number, extra: number[] = []) {
    const info = (kind << 24) | count | (flag ? KIND_FLAG : 0);
    return this.#types.push([this.#name(name), info, sizeOrType, ...extra]);
  }

  int(name: string, size: number, encoding: number = INT_ENCODING.unsigned): number {
    return this.#add(KIND.int, name, 0, false, size, [(encoding << 24) | (size * 8)]);
  }

  float(name: string, size: number): number {
    return this.#add(KIND.float, name, 0, false, size);
  }

  array(element: number, count: number, index: number): number {
    return this.#add(KIND.array, "", 0, false, 0, [element, index, count]);
  }

  /** @param kind struct or union */
  aggregate(kind: "struct" | "union", name: string, size: number, members: readonly MemberSpec[]): number {
    const flag = members.some(({ bits }) => bits !== undefined);
    const extra = members.flatMap(({ name, type, offset, bits = 0 }) => [
      this.#name(name),
      type,
      flag ? (bits << 24) | offset : offset,
    ]);
    return this.#add(KIND[kind], name, members.length, flag, size, extra);
  }

  enum(name: string, size: number, values: Readonly<Record<string, number>>, signed = false): number {
    const extra = Object.entries(values).flatMap(([name, value]) => [this.#name(name), value]);
    return this.#add(KIND.enum, name, Object.keys(values).length, signed, size, extra);
  }

  enum64(name: string, values: Readonly<Record<string, bigint>>, signed = false): number {
    const extra = Object.entries(values).flatMap(([name, value]) => [
      this.#name(name),
      Number(BigInt.asUintN(32, value)),
      Number(BigInt.asUintN(32, value >> 32n)),
    ]);
    return this.#add(KIND.enum64, name, Object.keys(values).length, signed, 8, extra);
  }

  /** @param kind a pointer, a qualifier, or an alias by `name` */
  to(
    kind: "ptr" | "typedef" | "volatile" | "const" | "restrict" | "typeTag",
    type: number,
    name = "",
  ): number {
    return this.#add(KIND[kind], name, 0, false, type);
  }

  fwd(name: string, isUnion = false): number {
    return this.#add(KIND.fwd, name, 0, isUnion, 0);
  }

  funcProto(returned: number, parameters: readonly (readonly [name: string, type: number])[]): number {
    const extra = parameters.flatMap(([name, type]) => [this.#name(name), type]);
    return this.#add(KIND.funcProto, "", parameters.length, false, returned, extra);
  }

  /** A function. @param prototype the id of its type */
  func(name: string, prototype: number): number {
    return this.#add(KIND.func, name, 0, false, prototype);
  }

  /** A variable in a section. */
  variable(name: string, type: number): number {
    return this.#add(KIND.var, name, 0, false, type, [0]);
  }

  /** A section of one variable. */
  section(name: string, size: number, variable: number): number {
    return this.#add(KIND.datasec, name, 1, false, size, [variable, 0, size]);
  }

  /** The blob. */
  build(): Uint8Array {
    const strings = Buffer.from(this.#strings);
    const words = this.#types.flat();
    const bytes = new Uint8Array(HEADER_BYTES + words.length * 4 + strings.length);
    const data = new DataView(bytes.buffer);
    data.setUint16(0, MAGIC, true);
    data.setUint8(2, 1);
    data.setUint32(4, HEADER_BYTES, true);
    data.setUint32(12, words.length * 4, true);
    data.setUint32(16, words.length * 4, true);
    data.setUint32(20, strings.length, true);
    for (const [index, word] of words.entries()) data.setUint32(HEADER_BYTES + index * 4, word, true);
    bytes.set(strings, HEADER_BYTES + words.length * 4);
    return bytes;
  }
}
