import { expect, test } from "bun:test";
import fc from "fast-check";
import { splitWords } from "./argv.ts";

test.each<[text: string, words: string[] | undefined]>([
  ["mail -s 'new listener' ops@example.com", ["mail", "-s", "new listener", "ops@example.com"]],
  ['a "b \\" c \\n" d', ["a", 'b " c \\n', "d"]],
  ["  a\t\tb  ", ["a", "b"]],
  ["a\\ b c", ["a b", "c"]],
  ["a'b'\"c\"d", ["abcd"]],
  ["a '' b", ["a", "", "b"]],
  ["$HOME *.c ~ ; | $(id) `id`", ["$HOME", "*.c", "~", ";", "|", "$(id)", "`id`"]],
  ["", []],
  ["a 'b", undefined],
  ['a "b', undefined],
  ["a \\", undefined],
])("splitWords(%p)", (text, words) => {
  expect(splitWords(text)).toEqual(words);
});

test("splitWords() gives back words that were quoted", () => {
  const quoted = (word: string) => `'${word.replaceAll("'", "'\\''")}'`;
  fc.assert(
    fc.property(fc.array(fc.string()), (words) => {
      expect(splitWords(words.map(quoted).join(" "))).toEqual(words);
    }),
  );
});
