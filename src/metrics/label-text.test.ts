import { expect, test } from "bun:test";
import fc from "fast-check";
import { decodeBytes } from "../bytes/text.ts";
import { LABEL_LIMIT, labelText, nameLabel } from "./label-text.ts";

test("plain text stays, and the same object", () => {
  expect(labelText("nginx: worker")).toBe("nginx: worker");
  expect(labelText("ünï")).toBe("ünï");
});

test("control characters, direction marks and bytes that are no UTF-8 become \\xNN", () => {
  expect(labelText("a\nb\u001b[31m\u202e")).toBe("a\\x0ab\\x1b[31m\\xe2\\x80\\xae");
  expect(labelText(decodeBytes(Uint8Array.of(0x61, 0xff, 0x62)))).toBe("a\\xffb");
  expect(labelText("a\ud800b")).toBe("a\ufffdb");
});

test("a name that is one of our own words gets quotes, and an empty one is none", () => {
  expect(["other", "none", "", "others"].map(nameLabel)).toEqual(["'other'", "'none'", "none", "others"]);
});

test("a value is at most 256 bytes of valid UTF-8, whatever it was made from", () => {
  expect(labelText("x".repeat(1000))).toBe("x".repeat(LABEL_LIMIT));
  expect(Buffer.byteLength(labelText("€".repeat(1000)))).toBe(255);
  fc.assert(
    fc.property(fc.oneof(fc.string({ unit: "binary" }), fc.uint8Array().map(decodeBytes)), (text) => {
      const value = nameLabel(text);
      expect(value.isWellFormed()).toBe(true);
      expect(Buffer.byteLength(value)).toBeLessThanOrEqual(LABEL_LIMIT + 2);
      expect(value).not.toMatch(/[\0-\x1f\x7f-\x9f]/);
      expect(value).not.toBe("");
    }),
  );
});
