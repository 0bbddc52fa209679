import { expect, test } from "bun:test";
import { compilePattern } from "./fnmatch.ts";

function matches(pattern: string, text: string): boolean {
  return compilePattern(Buffer.from(pattern, "latin1"))(Buffer.from(text, "latin1"));
}

// The verdicts of glibc's fnmatch with FNM_CASEFOLD in the C locale.
test.each<[pattern: string, yes: string[], no: string[]]>([
  ["", [""], ["a"]],
  ["*", ["", "a", "/run/x", ".hidden"], []],
  ["?*", ["a", "\xff"], [""]],
  ["/run/*", ["/run/", "/run/a/b", "/RUN/A"], ["/run", "x/run/"]],
  ["*X11*", ["@/tmp/.x11-unix/X0"], ["X1"]],
  ["**a**", ["a", "bab"], ["b"]],
  ["[a-c]", ["a", "B", "c"], ["d", "", "ab"]],
  ["[A-C]", ["b", "B"], ["_"]],
  ["[c-a]", [], ["b"]],
  ["[!a]", ["b", "/"], ["a", "A"]],
  ["[^a]", ["b"], ["a"]],
  ["[]]", ["]"], ["[]"]],
  ["[!]]", ["a"], ["]"]],
  ["[a-]", ["a", "-"], ["b"]],
  ["[-a]", ["-", "a"], []],
  ["[]-a]", ["]", "^", "_", "a"], ["b"]],
  ["[--0]", ["-", ".", "0"], [","]],
  ["[a-z-9]", ["-", "9", "q"], ["5"]],
  ["[\\]a]", ["]", "a"], ["\\"]],
  ["[a-\\z]", ["q"], ["\\"]],
  ["[a", ["[a"], ["a"]],
  ["[", ["["], []],
  ["[]", ["[]"], ["x"]],
  ["*[a", ["x[a"], ["xa"]],
  ["[a-", [], ["[a-"]],
  ["[a\\", [], ["[a\\"]],
  ["\\*", ["*"], ["a"]],
  ["a\\", [], ["a", "a\\"]],
  ["[[:alpha:]]", ["q", "Q"], ["1"]],
  ["[[:upper:]]", ["A"], ["a"]],
  ["[[:digit:]-z]", ["5", "-", "z"], ["a"]],
  ["[[:foo:]]", [], ["f", ":]"]],
  ["[[:a]", ["[", ":", "a"], ["b"]],
  ["[[:alpha:", ["[[:alpha:".slice(1), "[[:alpha:"].slice(1), ["["]],
  ["[[=a=]]", ["a"], ["A", "="]],
  ["[[=]", ["[", "="], []],
  ["[[.a.]-c]", ["B"], ["d"]],
  ["[[.hyphen.]]", [], ["-"]],
])("%j", (pattern, yes, no) => {
  for (const text of yes) expect([text, matches(pattern, text)]).toEqual([text, true]);
  for (const text of no) expect([text, matches(pattern, text)]).toEqual([text, false]);
});

test("compilePattern() does not take exponential time", () => {
  expect(matches("*a".repeat(200), `${"a".repeat(5000)}b`)).toBe(false);
  expect(matches(`${"*a".repeat(200)}*`, "a".repeat(5000))).toBe(true);
});
