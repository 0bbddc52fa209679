/** Values are formatted like libbpf formats them, and decoding ends for any bytes of types and values. */
import { expect, test } from "bun:test";
import fc from "fast-check";
import { findTypes } from "../../src/btf/find.ts";
import { valueJson } from "../../src/btf/json.ts";
import { formatValue } from "../../src/btf/text.ts";
import { Btf } from "../../src/btf/types.ts";
import { decodeValue } from "../../src/btf/value.ts";
import { DecodeError } from "../../src/netlink/errors.ts";
import { BtfBuilder, INT_ENCODING, type MemberSpec } from "../btf/builder.ts";
import { type DumpOptions, libbpfText, noLibbpf } from "../btf/libbpf.ts";

const numRuns = Number(process.env["FUZZ_RUNS"] ?? 1000);

/** A type to be built: its bytes, its alignment, and how it is added to a blob. */
interface Spec {
  readonly size: number;
  readonly align: number;
  /** Whether it is an integer of one byte. */
  readonly byte?: boolean;
  /** Whether it has arrays of such in it, or of nothing. */
  readonly odd?: boolean;
  add(builder: BtfBuilder): number;
}

/** A unique type name, because libbpf numbers types with equal names. */
const unique = (builder: BtfBuilder, name: string) => `${name}_${builder.count}`;

/** The type of an array's index. */
const addIndex = (builder: BtfBuilder) => builder.int("unsigned int", 4);

const int = (name: string, size: number, encoding: number): Spec => ({
  size,
  align: size,
  byte: size === 1,
  add: (builder) => builder.int(name, size, encoding),
});

const { signed, unsigned, char, bool } = INT_ENCODING;
const ints = [
  int("int", 4, signed),
  int("unsigned int", 4, unsigned),
  int("long int", 8, signed),
  int("long long unsigned int", 8, unsigned),
  int("short int", 2, signed),
  int("char", 1, signed),
  int("unsigned char", 1, char),
  int("_Bool", 1, bool),
  int("__int128", 16, signed),
  int("__int128 unsigned", 16, unsigned),
];
const floats: Spec[] = [
  { size: 4, align: 4, add: (builder) => builder.float("float", 4) },
  { size: 8, align: 8, add: (builder) => builder.float("double", 8) },
];

// Signed ones and those of more than 32 bits have their own tests: libbpf 1.1 slips in them.
const enums: Spec[] = [
  {
    size: 4,
    align: 4,
    add: (builder) => builder.enum(unique(builder, "color"), 4, { RED: 0, GREEN: 5, BLUE: 255 }),
  },
  { size: 1, align: 1, add: (builder) => builder.enum(unique(builder, "small"), 1, { OFF: 0, ON: 1 }) },
  { size: 4, align: 4, add: (builder) => builder.enum("", 4, { NAMELESS: 1 }) },
  {
    size: 8,
    align: 8,
    add: (builder) => builder.enum64(unique(builder, "wide"), { NEAR: 1n, FAR: 1n << 40n }),
  },
];

/** Types that are only ever pointed at. */
const pointees: ((builder: BtfBuilder) => number)[] = [
  () => 0,
  (builder) => builder.fwd(unique(builder, "later")),
  (builder) => builder.fwd(unique(builder, "either"), true),
  (builder) => builder.funcProto(0, []),
  (builder) => {
    const [word, text] = [builder.int("int", 4, signed), builder.int("char", 1, signed)];
    const callback = builder.to("ptr", builder.funcProto(builder.to("ptr", word), [["x", word]]));
    return builder.funcProto(callback, [
      ["first", builder.to("ptr", builder.to("const", text))],
      ["", word],
      ["list", builder.array(callback, 3, word)],
      ["", 0],
    ]);
  },
];

const pointerTo = (add: (builder: BtfBuilder) => number): Spec => ({
  size: 8,
  align: 8,
  add: (builder) => builder.to("ptr", add(builder)),
});

const { type: anyType } = fc.letrec<{ leaf: Spec; type: Spec }>((tie) => ({
  leaf: fc.oneof(
    { weight: 6, arbitrary: fc.constantFrom(...ints) },
    fc.constantFrom(...enums),
    fc.constantFrom(...floats),
    fc.constantFrom(...pointees).map(pointerTo),
  ),
  type: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    tie("leaf"),
    fc.record({ element: tie("type"), count: fc.nat(3) }).map(({ element, count }) => ({
      size: element.size * count,
      align: element.align,
      odd: element.byte || element.odd || element.size === 0,
      add: (builder: BtfBuilder) => builder.array(element.add(builder), count, addIndex(builder)),
    })),
    tie("type").map(({ add }) => pointerTo(add)),
    fc
      .record({
        of: tie("type"),
        how: fc.constantFrom("typedef", "const", "volatile", "restrict", "typeTag"),
      })
      .map(({ of, how }) => ({
        ...of,
        add: (builder: BtfBuilder) =>
          builder.to(how as "typedef", of.add(builder), how === "typedef" ? unique(builder, "alias") : ""),
      })),
    fc
      .record({
        kind: fc.constantFrom("struct" as const, "union" as const),
        name: fc.constantFrom("", "thing"),
        members: fc.array(fc.record({ type: tie("type"), named: fc.boolean() }), { maxLength: 4 }),
      })
      .map((spec) => aggregate(spec.kind, spec.name, spec.members)),
  ),
}));

/** A struct or union as a compiler lays it out. */
function aggregate(
  kind: "struct" | "union",
  name: string,
  members: readonly { readonly type: Spec; readonly named: boolean }[],
): Spec {
  let end = 0;
  let align = 1;
  const places = members.map(({ type }) => {
    const at = kind === "union" ? 0 : Math.ceil(end / type.align) * type.align;
    align = Math.max(align, type.align);
    end = Math.max(end, at + type.size);
    return at;
  });
  const size = Math.ceil(end / align) * align;
  return {
    size,
    align,
    odd: members.some(({ type }) => type.odd),
    add(builder) {
      const specs = members.map(
        ({ type, named }, index): MemberSpec => ({
          name: named ? `m${index}` : "",
          type: type.add(builder),
          offset: places[index]! * 8,
        }),
      );
      return builder.aggregate(kind, name && unique(builder, name), size, specs);
    },
  };
}

/** A blob with one type of interest, and what it takes. */
function build({ size, add }: Spec): { blob: Uint8Array; type: number; size: number } {
  const builder = new BtfBuilder();
  const type = add(builder);
  return { blob: builder.build(), type, size };
}

const manners: readonly DumpOptions[] = [
  { compact: true, indent: 0 },
  { compact: false, indent: 2 },
];

function ours(blob: Uint8Array, type: number, value: Uint8Array, manner: DumpOptions): string {
  const btf = new Btf(blob);
  const decoded = decodeValue(btf, type, value);
  JSON.stringify(valueJson(decoded));
  return formatValue(btf, type, decoded, manner);
}

/** A test of what libbpf does, where it is. */
function testLibbpf(name: string, body: () => void): void {
  test.skipIf(noLibbpf !== undefined)(noLibbpf === undefined ? name : `${name} (skipped: ${noLibbpf})`, body);
}

function expectSame(spec: Spec, value: Uint8Array): void {
  const { blob, type } = build(spec);
  for (const manner of manners) {
    const theirs = libbpfText(blob, type, value, manner);
    expect(theirs).toBeString();
    expect(ours(blob, type, value, manner)).toBe(theirs!);
  }
}

/**
 * Types without arrays of bytes, whose manner libbpf 1.1 does not leave behind, so that it shows less of what follows;
 * and without arrays of what has no bytes at all, which it refuses.
 */
const ordinary = anyType.filter(({ odd }) => !odd);

testLibbpf("values are printed like libbpf prints them", () => {
  fc.assert(
    fc.property(ordinary, fc.infiniteStream(fc.nat(255)), (spec, stream) => {
      expectSame(
        spec,
        Uint8Array.from({ length: spec.size }, () => stream.next().value),
      );
    }),
    { numRuns },
  );
});

testLibbpf("text is printed like libbpf prints it, up to trailing zeroes", () => {
  const byte = fc.constantFrom(...ints.filter(({ size }) => size === 1));
  const text = fc.array(fc.oneof(fc.integer({ min: 1, max: 255 }), fc.integer({ min: 0x20, max: 0x7e })), {
    maxLength: 12,
  });
  fc.assert(
    fc.property(byte, text, fc.nat(3), fc.boolean(), (element, text, zeroes, inStruct) => {
      const count = text.length + zeroes;
      const array: Spec = {
        size: count,
        align: 1,
        add: (builder) => builder.array(element.add(builder), count, addIndex(builder)),
      };
      const value = Uint8Array.from([...text, ...Array<number>(zeroes).fill(0)]);
      expectSame(inStruct ? aggregate("struct", "s", [{ type: array, named: true }]) : array, value);
    }),
    { numRuns },
  );
});

/** What becomes of bytes that are perhaps types: text of a value, or a typed error. */
function attempt(blob: Uint8Array, type: number, value: Uint8Array): string | undefined {
  try {
    return ours(blob, type, value, manners[0]!);
  } catch (error) {
    if (error instanceof DecodeError) return undefined;
    throw error;
  }
}

const anyBytes = fc.uint8Array({ maxLength: 80 });

test("any bytes are read as types or rejected", () => {
  const header = fc.tuple(fc.nat(40), fc.nat(200), fc.nat(200), fc.nat(200)).map((words) => {
    const [typeOffset, typeLength, stringOffset, stringLength] = words;
    return new Uint8Array(
      new Uint32Array([0x0001eb9f, 24, typeOffset, typeLength, stringOffset, stringLength]).buffer,
    );
  });
  fc.assert(
    fc.property(
      fc.option(header),
      fc.uint8Array({ maxLength: 300 }),
      fc.nat(12),
      anyBytes,
      (header, bytes, type, value) => {
        attempt(Buffer.concat([header ?? new Uint8Array(0), bytes]), type, value);
      },
    ),
    { numRuns },
  );
});

test("any mutation or part of types decodes a value or is rejected", () => {
  const change = fc.tuple(fc.nat(), fc.oneof(fc.nat(20), fc.nat(255)));
  fc.assert(
    fc.property(
      anyType,
      fc.array(change, { maxLength: 6 }),
      fc.option(fc.nat()),
      anyBytes,
      (spec, changes, cut, value) => {
        const { blob, type } = build(spec);
        for (const [at, byte] of changes) blob[at % blob.length] = byte;
        const part = cut === null ? blob : blob.subarray(0, cut % blob.length);
        // Nothing behind these bytes is read.
        const room = new Uint8Array(part.length + 64).fill(0xff);
        room.set(part, 32);
        expect(attempt(room.subarray(32, 32 + part.length), type, value)).toBe(attempt(part, type, value));
      },
    ),
    { numRuns },
  );
});

test("a value decodes if it is at least as long as its type", () => {
  fc.assert(
    fc.property(anyType, fc.nat(), anyBytes, (spec, cut, more) => {
      const { blob, type, size } = build(spec);
      const value = new Uint8Array(size).fill(0x41);
      const whole = attempt(blob, type, value);
      expect(whole).toBeString();
      expect(attempt(blob, type, Buffer.concat([value, more]))).toBe(whole!);
      if (size > 0) expect(attempt(blob, type, value.subarray(0, cut % size))).toBeUndefined();
    }),
    { numRuns },
  );
});

test("any bytes are searched for types", () => {
  const wanted = { functions: ["f", "s"], members: { s: ["m", ""], "": ["m"] } };
  const change = fc.tuple(fc.nat(), fc.nat(255));
  fc.assert(
    fc.property(anyType, fc.array(change, { maxLength: 6 }), fc.option(fc.nat()), (spec, changes, cut) => {
      const { blob } = build(spec);
      for (const [at, byte] of changes) blob[at % blob.length] = byte;
      const types = findTypes(cut === null ? blob : blob.subarray(0, cut % blob.length), wanted);
      for (const name of wanted.functions) expect(typeof (types?.function(name) ?? 0)).toBe("number");
      for (const [struct, members] of Object.entries(wanted.members))
        for (const member of members) expect(typeof (types?.member(struct, member) ?? 0)).toBe("number");
    }),
    { numRuns },
  );
});
