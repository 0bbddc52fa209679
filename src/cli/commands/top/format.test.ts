import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { short, valueText } from "./format.ts";
import { cut, cutEnd, fit, safe, widthOf } from "./text.ts";

describe("short()", () => {
  test("has three digits that count, and a prefix", () => {
    const cases: Record<number, string> = {
      0: "0",
      0.25: "0.25",
      5: "5",
      12.34: "12.3",
      99.96: "100",
      999: "999",
      999.6: "1.00K",
      1234: "1.23K",
      99950: "100K",
      1e6: "1.00M",
      123456789: "123M",
      9.99e9: "9.99G",
    };
    for (const [value, text] of Object.entries(cases)) expect(short(Number(value))).toBe(text);
  });

  test("takes five characters at most, and is right within half a percent", () => {
    fc.assert(
      fc.property(fc.double({ min: 0.1, max: 1e20, noNaN: true }), (value) => {
        const text = short(value);
        expect(text.length).toBeLessThanOrEqual(5);
        const power = "KMGTPE".indexOf(text.at(-1)!) + 1;
        const read = Number.parseFloat(text) * 1000 ** power;
        expect(Math.abs(read - value) / value).toBeLessThanOrEqual(0.06);
        if (value >= 1) expect(Math.abs(read - value) / value).toBeLessThanOrEqual(0.0051);
      }),
    );
  });
});

test("what is not known is -, and 0 is 0", () => {
  expect(valueText("bytes/s", undefined)).toBe("-");
  expect(valueText("bytes/s", 0)).toBe("0");
  expect(valueText("us", 45)).toBe("0.045");
  expect(valueText("us", 12_345)).toBe("12.3");
  expect(valueText("count", 123_456)).toBe("123456");
});

describe("text of strangers", () => {
  test("has no control character, and no character that turns others around", () => {
    expect(safe("a\x1b[2Jb\x07\n\u009bc\u202ed")).toBe("a\\x1b[2Jb\\x07\\x0a\\x9bc\\u{202e}d");
  });

  test("fits, whatever it is", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), fc.integer({ min: 1, max: 40 }), (text, width) => {
        expect(safe(text)).not.toMatch(/\p{Cc}/u);
        expect(widthOf(fit(safe(text), width))).toBe(width);
        expect(widthOf(cut(safe(text), width))).toBeLessThanOrEqual(width);
        expect(widthOf(cutEnd(safe(text), width))).toBeLessThanOrEqual(width);
      }),
    );
  });

  test("an address keeps its port, and both of its ends", () => {
    expect(cutEnd("[2001:db8:1234:5678::1]:443", 15)).toBe("[2001…8::1]:443");
    const neighbours = ["1", "2"].map((end) => cutEnd(`[2001:db8::aaaa:bbbb:cccc:${end}]:443`, 21));
    expect(new Set(neighbours).size).toBe(2);
    expect(cutEnd("10.0.0.1:80", 15)).toBe("10.0.0.1:80");
    expect(fit("wide 漢字", 6)).toBe("wide …");
  });
});
