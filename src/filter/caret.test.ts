import { expect, test } from "bun:test";
import fc from "fast-check";
import { pointOut, printable } from "./caret.ts";
import type { FilterPosition } from "./errors.ts";
import type { FilterSource } from "./source.ts";
import { sourceText } from "./source.ts";

const widthOf = (text: string) => Bun.stringWidth(text);

/** The line and carets for a word of a filter. */
function shown(source: FilterSource, word: string, columns = 80): string {
  const offset = sourceText(source).indexOf(word);
  return pointOut(source, { offset, length: word.length }, columns, widthOf);
}

function file(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

test("a word of the arguments", () => {
  expect(shown({ args: ["sport", "=", "nosuch", "or", "dev lo"] }, "nosuch")).toBe(
    "sport = nosuch or dev lo\n        ^^^^^^",
  );
});

test("only the line of the file that has the word", () => {
  const source = { args: ["sport 1 and"], file: file("dport 2\n# no\n and bad\tword\nlast") };
  expect(shown(source, "bad")).toBe(" and bad word\n     ^^^");
  expect(shown(source, "sport")).toBe("sport 1 and\n^^^^^");
  expect(shown(source, "last")).toBe("last\n^^^^");
  expect(shown({ args: [], file: file("one\ntwo\n") }, "one")).toBe("one\n^^^");
  expect(shown({ args: [], file: file("\n\none\ntwo\n") }, "one")).toBe("one\n^^^");
});

test("a tab is as wide as a blank, a wide character two, a combining one none", () => {
  expect(shown({ args: ["\tsrc\tx"] }, "x")).toBe(" src x\n     ^");
  expect(shown({ args: ["src 東京 x"] }, "x")).toBe("src 東京 x\n         ^");
  expect(shown({ args: ["src 東京 x"] }, "東京")).toBe("src 東京 x\n    ^^^^");
  expect(shown({ args: ["src e\u0301 x"] }, "x")).toBe("src e\u0301 x\n      ^");
});

test("control characters are shown, not sent", () => {
  expect(shown({ args: ["src \x1b[31m x"] }, "x")).toBe("src \\x1b[31m x\n             ^");
  expect(shown({ args: ["src \x1b[31m x"] }, "\x1b[31m")).toBe("src \\x1b[31m x\n    ^^^^^^^^");
  // A newline within an argument does not end a line.
  expect(shown({ args: ["src a\nb d"] }, "d")).toBe("src a\\x0ab d\n           ^");
  expect(shown({ args: [], file: file("src a\r\n") }, "a\r")).toBe("src a\\x0d\n    ^^^^^");
  expect(shown({ args: ["src \u202ex"] }, "\u202ex")).toBe("src \\u{202e}x\n    ^^^^^^^^^");
  expect(shown({ args: ["src \udcff"] }, "\udcff")).toBe("src \\xff\n    ^^^^");
  expect(printable("one\x07\ntwo\x9b\n")).toBe("one\\x07\ntwo\\x9b\n");
});

test("a mistake at the end is shown behind the last word, whatever follows it", () => {
  const end = (source: FilterSource) =>
    pointOut(source, { offset: sourceText(source).length, length: 0 }, 80, widthOf);
  expect(end({ args: ["src 1 and"] })).toBe("src 1 and\n         ^");
  expect(end({ args: ["src 1"], file: file("and\n\n") })).toBe("and\n   ^");
  expect(end({ args: [] })).toBe("\n^");
});

test("a long line is cut around the word", () => {
  const ports = Array.from({ length: 500 }, (_, port) => `sport ${port}`).join(" or ");
  const [line, carets] = shown({ args: [`${ports} or nosuch or ${ports}`] }, "nosuch", 60).split("\n");
  expect(line).toBe("…sport 498 or sport 499 or nosuch or sport 0 or sport 1 or…");
  expect(carets).toBe(`${" ".repeat(27)}^^^^^^`);
});

test("whatever the text, the carets are below the word and both lines fit", () => {
  const place = fc.tuple(fc.nat({ max: 60 }), fc.nat({ max: 60 }));
  const text = fc.string({ unit: "grapheme", maxLength: 60 });
  fc.assert(
    fc.property(text, fc.option(text), place, fc.integer({ min: 20, max: 90 }), (arg, rest, at, columns) => {
      const source = { args: [arg], file: rest === null ? undefined : file(rest) };
      const whole = sourceText(source);
      // A word never begins or ends within a surrogate pair.
      const boundary = (index: number) => whole.slice(0, index).replace(/[\ud800-\udbff]$/, "").length;
      const offset = boundary(at[0]);
      const where: FilterPosition = { offset, length: boundary(offset + at[1]) - offset };
      const lines = pointOut(source, where, columns, widthOf).split("\n");
      expect(lines.length).toBe(2);
      expect(lines[1]).toMatch(/^ *\^+$/);
      expect(lines[1]!.length).toBeLessThanOrEqual(columns);
      expect(lines[0]).not.toMatch(/\p{Cc}/u);
    }),
  );
});
