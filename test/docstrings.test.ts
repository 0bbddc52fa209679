/** Every export of src has a docstring. CONTRIBUTING.md */
import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Glob } from "bun";

const src = join(import.meta.dirname, "../src");

/** Lines that export something by its name, without a comment that ends on the line before. */
function undocumented(path: string): string[] {
  const lines = readFileSync(join(src, path), "utf8").split("\n");
  return lines.flatMap((line, index) => {
    const name = /^export (?:async |abstract )?(?:const|function\*?|class|interface|type) (\w+)/.exec(
      line,
    )?.[1];
    if (name === undefined) return [];
    const before = lines[index - 1] ?? "";
    // One comment may stand above several constants.
    const grouped = /^export const/.test(line) && /^export const/.test(before);
    return before.endsWith("*/") || grouped ? [] : `${path}: ${name}`;
  });
}

test("every export of src has a docstring", () => {
  const files = [...new Glob("**/*.ts").scanSync(src)].filter((path) => !path.endsWith(".test.ts"));
  expect(files.length).toBeGreaterThan(100);
  expect(files.flatMap(undocumented)).toEqual([]);
});
