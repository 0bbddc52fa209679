import { expect, test } from "bun:test";
import { AF_INET, AF_INET6 } from "../model/family.ts";
import { parseNumericHost, parsePrefix } from "./addresses.ts";

function shown(text: string, family?: number): string | undefined {
  const prefix = parsePrefix(text, family);
  return prefix && `${Buffer.from(prefix.address).toString("hex")}/${prefix.length}`;
}

// The address and length in the bytecode that Debian's ss sends for each.
test.each([
  ["192.0.2.1", "c0000201/32"],
  ["127", "7f000000/32"],
  ["127.1", "7f010000/32"],
  ["0x7f.0177", "7f7f0000/32"],
  ["+1. 2", "01020000/32"],
  ["10/8", "0a000000/8"],
  ["10.1.2.3/8", "0a010203/8"],
  ["127/0x8", "7f000000/8"],
  ["127/ 8", "7f000000/8"],
  ["127/255.0", "7f000000/8"],
  ["198.51.100.0/255.255.255.128", "c6336400/25"],
  ["127/0.0.0.0", "7f000000/0"],
  ["1.2.3.4/255.255.255.255", "01020304/32"],
  ["::", `${"0".repeat(32)}/128`],
  ["::1", `${"0".repeat(31)}1/128`],
  ["2001:db8::/33", "20010db8000000000000000000000000/33"],
  ["::ffff:198.51.100.1", "00000000000000000000ffffc6336401/128"],
  ["1:2:3:4:5:6:7:8/1", "00010002000300040005000600070008/1"],
  ["::1/255.255.255.0", `${"0".repeat(31)}1/24`],
])("parsePrefix() reads %s", (text, expected) => {
  expect(shown(text)).toBe(expected);
});

test.each([
  "",
  "256",
  "08",
  "-1",
  "1.",
  ".1",
  "1..2",
  "1.2.3.4.5",
  "1.2.3.4 ",
  "1.2.3.4/",
  "1.2.3.4/33",
  "127/-1",
  "127/255",
  "127/255.0.255.0",
  "127/0.0.0.255",
  "127/8/8",
  ":",
  "1:2",
  "::1/129",
  "::1/ffff::",
  "fe80::1%lo",
  "localhost",
  "localhost/8",
])("parsePrefix() refuses %j", (text) => {
  expect(parsePrefix(text, undefined)).toBeUndefined();
});

test("parsePrefix() reads only addresses of the given family", () => {
  expect(shown("1.2.3.4", AF_INET)).toBe("01020304/32");
  expect(shown("1.2.3.4", AF_INET6)).toBeUndefined();
  expect(shown("::1", AF_INET)).toBeUndefined();
  expect(shown("::1", AF_INET6)).toBeDefined();
});

test("parseNumericHost() reads digits and dots as inet_aton does", () => {
  const numeric = (text: string) => {
    const address = parseNumericHost(text);
    return address && Buffer.from(address).toString("hex");
  };
  expect(numeric("256")).toBe("00000100");
  expect(numeric("0377.1")).toBe("ff000001");
  expect(numeric("1.2.3000")).toBe("01020bb8");
  expect(numeric("127.1")).toBe("7f000001");
  for (const text of [
    "4294967296",
    "0x7f000001",
    "256.1",
    "1.2.3.256",
    "1.2.65536",
    "1.2.3.4.5",
    "08",
    "1.",
    "+1",
    "a",
    "abc",
  ])
    expect([text, numeric(text)]).toEqual([text, undefined]);
});
