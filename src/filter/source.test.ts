import { expect, test } from "bun:test";
import { FilterError } from "./errors.ts";
import { type FilterSource, filterWords, sourceText } from "./source.ts";

function texts(source: FilterSource): string[] {
  return [...filterWords(source)].map(({ text }) => text);
}

function file(text: string): FilterSource {
  return { args: [], file: Buffer.from(text) };
}

test("filterWords() splits arguments at blanks and tabs only", () => {
  expect(texts({ args: [" sport  = 80\t", "", "  ", "and\ndst"] })).toEqual(["sport", "=", "80", "and\ndst"]);
  expect(texts({ args: ["sport=80", "(sport", "80)"] })).toEqual(["sport=80", "(sport", "80)"]);
});

test("filterWords() removes a backslash and keeps the character behind it, if any", () => {
  expect(texts({ args: ["\\22", "a\\ b", "\\\\x", "sp\\ort"] })).toEqual(["22", "a b", "\\x", "sport"]);
  expect(texts({ args: ["sport\\", "\\", "x \\"] })).toEqual(["sport", "", "x", ""]);
});

test("filterWords() skips lines that begin with # or 0, and no others", () => {
  expect(texts(file("# no\n0 no\n\n \t\nsport = 80 or\n  dport = 2 # 0\n 0"))).toEqual(
    "sport = 80 or dport = 2 # 0 0".split(" "),
  );
});

test("filterWords() reads the file after the arguments, and keeps a carriage return", () => {
  expect(texts({ args: ["a b", "c"], file: Buffer.from("d\r\ne") })).toEqual(["a", "b", "c", "d\r", "e"]);
});

test("filterWords() ends a word at the end of its line, even behind a backslash", () => {
  expect(texts(file("sport \\\n80"))).toEqual(["sport", "", "80"]);
});

test("filterWords() reports the position of each word in the source's text", () => {
  const source = { args: ["src  é", "a\\ b"], file: Buffer.from("# é\n\tö x\\y\n\\") };
  const text = sourceText(source);
  const places = [...filterWords(source)].map(({ offset, length }) => text.slice(offset, offset + length));
  expect(places).toEqual(["src", "é", "a\\ b", "ö", "x\\y", "\\"]);
});

test("filterWords() refuses a line of 1023 bytes, its newline included, when it reaches that line", () => {
  const line = (bytes: number) => "é".repeat(8) + " ".repeat(bytes - 16);
  expect(texts(file(line(1022)))).toEqual(["é".repeat(8)]);
  expect(texts(file(`${line(1021)}\nx`))).toEqual(["é".repeat(8), "x"]);
  expect(() => texts(file(line(1023)))).toThrow(FilterError);
  expect(() => texts(file(`#${line(1021)}\n`))).toThrow(FilterError);
  const words = filterWords(file(`x\n${line(1022)}\n`));
  expect(words.next().value?.text).toBe("x");
  let thrown: unknown;
  try {
    words.next();
  } catch (error) {
    thrown = error;
  }
  expect(thrown).toMatchObject({
    kind: "longLine",
    offset: 2,
    length: 1014,
  });
});
