import { describe, expect, test } from "bun:test";
import { isIPv6 } from "node:net";
import fc from "fast-check";
import { ByteWriter } from "../bytes/writer.ts";
import { parseIpv6, writeIpv6 } from "./address.ts";

function format(bytes: Uint8Array): string {
  const writer = new ByteWriter();
  writeIpv6(writer, new DataView(bytes.buffer), 0);
  return new TextDecoder().decode(writer.view());
}

describe("parseIpv6()", () => {
  test.each([
    ["::", 0, 0],
    ["::1", 15, 1],
    ["2001:db8::", 1, 1],
    ["::ffff:192.0.2.1", 12, 192],
    ["1:2:3:4:5:6:7::", 13, 7],
    ["64:ff9b::255.255.255.255", 15, 255],
  ])("reads %p", (text, index, byte) => {
    expect(parseIpv6(text)?.[index]).toBe(byte);
  });

  test.each([
    "",
    ":",
    ":::",
    "1::2::3",
    "12345::",
    "g::",
    "1.2.3.4::",
    "::1.2.3",
    "::01.2.3.4",
    "::256.1.1.1",
    "1:2:3:4:5:6:7:8::",
    "fe80::1%lo",
    " ::1",
  ])("refuses %p", (text) => {
    expect(parseIpv6(text)).toBeUndefined();
  });

  test("accepts the same as node:net, except zones", () => {
    const piece = fc.constantFrom(
      "0",
      "1",
      "ffff",
      "12345",
      ":",
      "::",
      ".",
      "1.2.3.4",
      "255.255.255.255",
      "g",
      "",
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 18 }), (pieces) => {
        const text = pieces.join("");
        expect(parseIpv6(text) !== undefined).toBe(isIPv6(text));
      }),
      { numRuns: 5000 },
    );
  });

  test("parses what writeIpv6() wrote", () => {
    const byte = fc.oneof(fc.constant(0), fc.constant(0xff), fc.nat(255));
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 16, maxLength: 16 }),
        fc.array(byte, { minLength: 16, maxLength: 16 }),
        (any, runs) => {
          for (const bytes of [any, Uint8Array.from(runs)]) expect(parseIpv6(format(bytes))).toEqual(bytes);
        },
      ),
      { numRuns: 2000 },
    );
  });
});
