/** Data flows one way: a folder of src imports from its own stage or an earlier one. docs/architecture.md */
import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { Glob } from "bun";

const src = join(import.meta.dirname, "../src");

/** The stages, first to last; what stands together on a line is one stage. */
const stages = [
  ["native"],
  ["bytes"],
  ["model"],
  ["netlink"],
  ["host"],
  ["diag"],
  ["btf"],
  ["replay"],
  ["procfs"],
  ["filter"],
  ["enrich"],
  ["columns"],
  ["list"],
  ["live"],
  ["doctor"],
  ["events"],
  ["render"],
  ["query.ts"],
  ["library"],
  ["index.ts", "cli"],
];

/** The stage of a file, by its path below src. */
function stageOf(path: string): number {
  const first = path.split("/")[0]!;
  return stages.findIndex((names) => names.includes(first));
}

const files = [...new Glob("**/*.ts").scanSync(src)].filter((path) => !path.endsWith(".test.ts"));

test("every folder of src has a stage", () => {
  expect(files.filter((path) => stageOf(path) < 0)).toEqual([]);
});

test("no file imports from a later stage", () => {
  const wrong = files.flatMap((path) => {
    const text = readFileSync(join(src, path), "utf8");
    return Array.from(text.matchAll(/from "(\.[^"]+\.ts)"/g), ([, target]) =>
      relative(src, join(src, dirname(path), target!)),
    )
      .filter((target) => stageOf(target) > stageOf(path))
      .map((target) => `${path} imports ${target}`);
  });
  expect(wrong).toEqual([]);
});

/** The relative imports of a file: static, of types, and dynamic. */
function importsOf(path: string): string[] {
  const text = readFileSync(join(src, path), "utf8");
  return Array.from(text.matchAll(/(?:from |import\()"(\.[^"]+\.tsx?)"/g), ([, target]) =>
    relative(src, join(src, dirname(path), target!)),
  );
}

test("src/filter has no import circles", () => {
  const within = files.filter((path) => path.startsWith("filter/"));
  const open = new Map(within.map((path) => [path, importsOf(path).filter((each) => within.includes(each))]));
  // Takes away every file that imports nothing of the rest, until only circles are left.
  for (let size = -1; size !== open.size; ) {
    size = open.size;
    for (const [path, imports] of open) if (!imports.some((each) => open.has(each))) open.delete(path);
  }
  expect([...open.keys()]).toEqual([]);
});

test("only src/native calls libc", () => {
  const callers = files.filter((path) => /"(bun:ffi|koffi)"/.test(readFileSync(join(src, path), "utf8")));
  expect(callers.sort()).toEqual(["native/bun.ts", "native/node.ts"]);
});
