import { expect, test } from "bun:test";
import { cgroupProbe, compileBytecode, isExact } from "./bytecode.ts";
import { parseFilter } from "./parser.ts";
import type { Filter } from "./tree.ts";

function parse(text: string, preferred?: number): Filter {
  const lookups = {
    port: () => undefined,
    interfaceIndex: () => 1,
    netlinkProtocol: () => undefined,
    cgroupId: () => 0x1122334455667788n,
    knowsCgroups: () => true,
  };
  return parseFilter({ args: [text] }, { tables: new Set(), preferred, lookups }).filter!;
}

function hex(bytes: Uint8Array | undefined): string | undefined {
  return bytes === undefined ? undefined : Buffer.from(bytes).toString("hex");
}

// What Debian's ss sends; the fixtures (corpus.test.ts) have the ordinary ones.
test.each([
  ["sport >= *", "02080c000000ffff"],
  ["sport > *", "03080c000000ffff01040800"],
  ["sport = 0x7fffffff", "0710140000000000ffffff7f00000000"],
  ["sport >= 0x7fffffff", "02080c000000ffff"],
  ["src 127/0.0.0.0", "0710140002000000ffffffff7f000000"],
  ["src 10.1.2.3/8", "0710140002080000ffffffff0a010203"],
  ["src inet6:*:80", "07101400000000005000000000000000"],
  ["src inet6:any", `071c20000a000000ffffffff${"00".repeat(16)}`],
  ["src inet:any", "0710140002000000ffffffff00000000"],
  ["fwmark 4294967296/0x1ffffffff", "0a0c100000000000ffffffff"],
  ["autobound and ( src 1.1.1.1 or autobound )", "060420000710140002200000ffffffff010101010104080006040800"],
])("compileBytecode() of %s", (text, expected) => {
  expect(hex(compileBytecode(parse(text)))).toBe(expected);
});

test("compileBytecode() writes a cgroup's id and a negated condition", () => {
  expect(hex(compileBytecode(parse("cgroup != /x")))).toBe("0d0c1000887766554433221101040800");
});

test("compileBytecode() takes all addresses of a name, of both families", () => {
  const named = parse("src name:80") as Extract<Filter, { kind: "src" }>;
  expect(compileBytecode(named)).toBeUndefined();
  const addresses = [
    [10, 0, 0, 1],
    [10, 0, 0, 2],
    [...Array(15).fill(0), 1],
  ].map((each) => Uint8Array.from(each));
  const first = "0710140002200000500000000a000001";
  const second = "0710140002200000500000000a000002";
  const third = `071c20000a80000050000000${"0".repeat(31)}1`;
  const resolved = { ...named, operand: { ...named.operand, addresses } } as Filter;
  expect(hex(compileBytecode(resolved))).toBe(`${first}01043400${second}01042000${third}`);
});

test.each([
  "dev lo",
  "not ( src * or dev lo )",
  "dev lo or src 1.2.3.4",
  "src unix:/x or src inet:1.2.3.4",
  "sport > unix:x",
  "src link:ip",
  "sport netlink:5",
  "src vsock:3",
])("compileBytecode() leaves %s to who evaluates it", (text) => {
  expect(compileBytecode(parse(text))).toBeUndefined();
});

test("compileBytecode() keeps within what an attribute can hold", () => {
  const many = (count: number) => parse(Array.from({ length: count }, () => "sport = 1").join(" "));
  expect(compileBytecode(many(4095))?.length).toBe(65520);
  expect(compileBytecode(many(4096))).toBeUndefined();
  expect(compileBytecode(many(100_000))).toBeUndefined();
});

test.each([
  ["sport = :1", true],
  ["not ( sport >= 80 or dport != 65535 )", true],
  ["sport >= 65536", false],
  ["sport >= *", false],
  ["src :80", false],
  ["src 127.0.0.1:80", false],
  ["sport = :1 and fwmark 1", false],
  ["autobound", false],
])("isExact() of %s", (text, expected) => {
  expect(isExact(parse(text))).toBe(expected);
});

test("cgroupProbe() is what ss asks with", () => {
  expect(hex(cgroupProbe())).toBe("0d0c10000000000000000000");
});
