import { expect, test } from "bun:test";
import fc from "fast-check";
import { decodeBytes, encodeBytes, filePath } from "./text.ts";

test("decodeBytes() and encodeBytes() keep every byte", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
      expect(encodeBytes(decodeBytes(bytes))).toEqual(bytes);
    }),
    { numRuns: 2000 },
  );
});

test("UTF-8 text is unchanged", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (text) => {
      const bytes = new TextEncoder().encode(text);
      expect(encodeBytes(decodeBytes(bytes))).toEqual(bytes);
      expect(decodeBytes(bytes)).toBe(new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes));
    }),
  );
});

test("a byte that is not UTF-8 becomes a lone surrogate", () => {
  expect(decodeBytes(Uint8Array.of(0x61, 0xff, 0xc3, 0xa9, 0xc3))).toBe("a\udcff\u00e9\udcc3");
  expect(encodeBytes("a\udcff\u00e9\udcc3")).toEqual(Uint8Array.of(0x61, 0xff, 0xc3, 0xa9, 0xc3));
  expect(filePath("/a")).toBe("/a");
  expect(filePath("/\udcff")).toEqual(Buffer.of(0x2f, 0xff));
});
