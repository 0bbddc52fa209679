import { describe, expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { BtfBuilder, INT_ENCODING } from "../../test/btf/builder.ts";
import { libbpfText, noLibbpf } from "../../test/btf/libbpf.ts";
import { valueJson } from "./json.ts";
import { type BtfLayout, formatValue } from "./text.ts";
import { Btf } from "./types.ts";
import { decodeValue } from "./value.ts";

const compact: BtfLayout = { compact: true, indent: 0 };

/** The text of a value that is given in hexadecimal, and the bytes that it takes. */
function shown(add: (builder: BtfBuilder) => number, hex: string, layout = compact) {
  const builder = new BtfBuilder();
  const type = add(builder);
  const btf = new Btf(builder.build());
  const value = decodeValue(btf, type, Buffer.from(hex.replaceAll(" ", ""), "hex"));
  return { text: formatValue(btf, type, value, layout), json: valueJson(value) };
}

const int = (builder: BtfBuilder) => builder.int("int", 4, INT_ENCODING.signed);
const char = (builder: BtfBuilder) => builder.int("char", 1, INT_ENCODING.signed);
const u8 = (builder: BtfBuilder) => builder.to("typedef", builder.int("unsigned char", 1), "u8");
const u64 = (builder: BtfBuilder) => builder.int("u64", 8);
const array = (builder: BtfBuilder, element: number, count: number) =>
  builder.array(element, count, int(builder));
const color = { RED: 0, GREEN: 5, BLUE: -1 };

/** A connection as a BPF program may keep it. */
const flow = (builder: BtfBuilder) => {
  const members = [
    { name: "bytes", type: u64(builder), offset: 0 },
    { name: "name", type: array(builder, char(builder), 8), offset: 64 },
    { name: "hops", type: array(builder, int(builder), 2), offset: 128 },
    { name: "color", type: builder.enum("color", 4, color, true), offset: 192 },
    { name: "owner", type: builder.to("ptr", builder.fwd("task_struct")), offset: 256 },
  ];
  return builder.aggregate("struct", "flow", 40, members);
};
const flowBytes = "ffffffffffffff7f 6375726c00000000 01000000 feffffff 05000000 00000000 8067452301888888";

// The layout is that of libbpf 1.1.2, which the properties compare with where it is installed.
test("a value stands on lines of its own, its zeroes too", () => {
  expect(shown(flow, flowBytes, { compact: false, indent: 2 }).text.split("\n")).toEqual([
    "\t\t(struct flow){",
    "\t\t\t.bytes = (u64)9223372036854775807,",
    "\t\t\t.name = (char[8])[",
    "\t\t\t\t'c',",
    "\t\t\t\t'u',",
    "\t\t\t\t'r',",
    "\t\t\t\t'l',",
    "\t\t\t\t\t\t\t],",
    "\t\t\t.hops = (int[2])[",
    "\t\t\t\t1,",
    "\t\t\t\t-2,",
    "\t\t\t],",
    "\t\t\t.color = (enum color)GREEN,",
    "\t\t\t.owner = (struct task_struct *)0x8888880123456780,",
    "\t\t}",
  ]);
});

test("or on one line", () => {
  expect(shown(flow, flowBytes).text).toBe(
    "(struct flow){.bytes = (u64)9223372036854775807,.name = (char[8])['c','u','r','l',],.hops = (int[2])[1,-2,]," +
      ".color = (enum color)GREEN,.owner = (struct task_struct *)0x8888880123456780,}",
  );
});

test("JSON has it as an object, large numbers as their digits", () => {
  expect(shown(flow, flowBytes).json).toEqual({
    bytes: "9223372036854775807",
    name: "curl",
    hops: [1, -2],
    color: "GREEN",
    owner: "0x8888880123456780",
  });
});

describe("where libbpf 1.1 slips", () => {
  test("bytes behind a zero are shown, and an array after text, and _Bool", () => {
    const mac = (builder: BtfBuilder) => array(builder, u8(builder), 6);
    expect(shown(mac, "0a0000000041")).toEqual({
      text: "(u8[6])[10,0,0,0,0,'A',]",
      json: [10, 0, 0, 0, 0, 65],
    });
    const after = (builder: BtfBuilder) => {
      const bool = builder.int("_Bool", 1, INT_ENCODING.bool);
      return builder.aggregate("struct", "s", 12, [
        { name: "text", type: array(builder, char(builder), 3), offset: 0 },
        { name: "on", type: bool, offset: 24 },
        { name: "hops", type: array(builder, int(builder), 2), offset: 32 },
      ]);
    };
    expect(shown(after, "616200 01 01000000 00000000")).toEqual({
      text: "(struct s){.text = (char[3])['a','b',],.on = (_Bool)1,.hops = (int[2])[1,0,],}",
      json: { text: "ab", on: true, hops: [1, 0] },
    });
  });

  test("a value that an enumeration has no name for is followed by its comma", () => {
    const colors = (builder: BtfBuilder) => array(builder, builder.enum("color", 4, color, true), 3);
    expect(shown(colors, "07000000 ffffffff f8ffffff")).toEqual({
      text: "(enum color[3])[7,BLUE,-8,]",
      json: [7, "BLUE", -8],
    });
  });

  test("negative names are known though the enumeration is not said to be signed, as compilers wrote it", () => {
    expect(shown((builder) => builder.enum("color", 4, color), "ffffffff").text).toBe("(enum color)BLUE");
  });

  test("an enumeration of eight bytes is shown whole, also if it is not aligned", () => {
    const wide = (builder: BtfBuilder) => builder.enum("wide", 8, { NEAR: 1 });
    expect(shown(wide, "0100000001000000").text).toBe("(enum wide)4294967297");
    const packed = (builder: BtfBuilder) =>
      builder.aggregate("struct", "p", 5, [
        { name: "color", type: builder.enum("color", 4, color), offset: 8 },
      ]);
    expect(shown(packed, "ff05000000").text).toBe("(struct p){.color = (enum color)GREEN,}");
  });

  test("bit-fields are shown at any offset", () => {
    const bits = (builder: BtfBuilder) =>
      builder.aggregate("struct", "b", 8, [
        { name: "low", type: int(builder), offset: 0, bits: 3 },
        { name: "color", type: builder.enum("color", 4, color, true), offset: 3, bits: 4 },
        { name: "wide", type: u64(builder), offset: 13, bits: 40 },
        { name: "plain", type: u8(builder), offset: 56, bits: 0 },
      ]);
    expect(shown(bits, "7fe0ffffff ff1f 09")).toEqual({
      text: "(struct b){.low = (int)0x7,.color = (enum color)BLUE,.wide = (u64)0xffffffffff,.plain = (u8)9,}",
      json: { low: -1, color: "BLUE", wide: 2 ** 40 - 1, plain: 9 },
    });
  });
});

test("members of anonymous members are the struct's own in JSON, and nothing can stand for its prototype", () => {
  const outer = (builder: BtfBuilder) => {
    const word = int(builder);
    const inner = builder.aggregate("union", "", 4, [
      { name: "__proto__", type: word, offset: 0 },
      {
        name: "",
        type: builder.aggregate("struct", "", 4, [{ name: "deep", type: word, offset: 0 }]),
        offset: 0,
      },
    ]);
    return builder.aggregate("struct", "outer", 4, [{ name: "", type: inner, offset: 0 }]);
  };
  const { text, json } = shown(outer, "07000000");
  expect(text).toBe("(struct outer){(union){.__proto__ = (int)7,(struct){.deep = (int)7,},},}");
  expect(JSON.stringify(json)).toBe('{"__proto__":7,"deep":7}');
});

test("what has no end comes to one", () => {
  const refuse = (add: (builder: BtfBuilder) => number) => expect(() => shown(add, "00")).toThrow();
  refuse((builder) => builder.to("typedef", builder.count + 1, "itself"));
  refuse((builder) => array(builder, builder.aggregate("struct", "nothing", 0, []), 0xffff_ffff));
  refuse((builder) => {
    const self = builder.count + 1;
    return builder.aggregate("struct", "self", 0, [{ name: "again", type: self, offset: 0 }]);
  });
  refuse((builder) => {
    let type = 0;
    for (let depth = 0; depth < 60; depth++) {
      const parameter = builder.to("ptr", type);
      type = builder.funcProto(0, [
        ["a", parameter],
        ["b", parameter],
      ]);
    }
    return builder.to("ptr", type);
  });
});

test("other bytes are not BTF", () => {
  const { length } = new BtfBuilder().build();
  for (const bytes of [
    new Uint8Array(0),
    new Uint8Array(length),
    new BtfBuilder().build().subarray(0, length - 2),
  ])
    expect(() => new Btf(bytes)).toThrow("btf_header");
  const unknown = new BtfBuilder();
  unknown.fwd("x");
  const blob = unknown.build();
  blob[24 + 7] = 20;
  expect(() => new Btf(blob)).toThrow("kind 20 is unknown");
});

const KERNEL_TYPES = "/sys/kernel/btf/vmlinux";
const noKernel = noLibbpf ?? (existsSync(KERNEL_TYPES) ? undefined : `there is no ${KERNEL_TYPES}`);

test.skipIf(noKernel !== undefined)(
  `the kernel's own types are shown as libbpf shows them${noKernel === undefined ? "" : ` (skipped: ${noKernel})`}`,
  () => {
    const blob = readFileSync(KERNEL_TYPES);
    const btf = new Btf(blob);
    const wanted = new Set([
      "list_head",
      "sockaddr_in6",
      "tcp_sack_block",
      "timespec64",
      "bpf_sock",
      "in6_addr",
    ]);
    for (let id = 1; wanted.size > 0; id++) {
      const type = btf.type(id);
      if (type.kind !== "struct" || !wanted.delete(type.name)) continue;
      const value = Uint8Array.from({ length: type.size }, (_, index) => 0x80 + index);
      const theirs = libbpfText(blob, id, value, compact)!;
      expect(formatValue(btf, id, decodeValue(btf, id, value), compact)).toBe(theirs);
    }
  },
);
