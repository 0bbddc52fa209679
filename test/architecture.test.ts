/** Data flows one way: a file of src imports from its own stage or an earlier one, and never in a circle. */
import { describe, expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { Glob } from "bun";

const src = join(import.meta.dirname, "../src");

/** The stages of docs/architecture.md, first to last. */
const stages = [
  "native",
  "bytes",
  "model",
  "netlink",
  "btf",
  "host",
  "enrich",
  "diag",
  "procfs",
  "fields",
  "table",
  "families",
  "catalogue",
  "filter",
  "replay",
  "lookup",
  "plan",
  "query",
  "live",
  "doctor",
  "events",
  "metrics",
  "store",
  "output",
  "library",
  "index.ts",
  "fleet",
  "serve",
  "cli",
];

/** The stage of a file, by its path below src. */
function stageOf(path: string): number {
  return stages.indexOf(path.split("/")[0]!);
}

const files = [...new Glob("**/*.ts").scanSync(src)].filter((path) => !path.endsWith(".test.ts")).sort();

/** Every relative module that a file names: `from`, `import()`, `typeof import()`, `new URL()`; types count, too. */
const SPECIFIER = /(?:\bfrom|\bimport|\bnew URL)\s*\(?\s*"(\.{1,2}\/[^"]+\.ts)"/g;

/** The imports of each file, as paths below src. */
const imports = new Map(
  files.map((path) => [
    path,
    Array.from(readFileSync(join(src, path), "utf8").matchAll(SPECIFIER), ([, target]) =>
      relative(src, join(src, dirname(path), target!)),
    ),
  ]),
);

/** The files that import each other in circles, as Tarjan's strongly connected components of more than one file. */
function circles(graph: ReadonlyMap<string, readonly string[]>): string[][] {
  const index = new Map<string, number>();
  const low = new Map<string, number>();
  const stack: string[] = [];
  const found: string[][] = [];
  function visit(node: string): void {
    index.set(node, index.size);
    low.set(node, index.get(node)!);
    stack.push(node);
    for (const next of graph.get(node) ?? []) {
      if (!index.has(next)) visit(next);
      if (stack.includes(next)) low.set(node, Math.min(low.get(node)!, low.get(next)!));
    }
    if (low.get(node) !== index.get(node)) return;
    const component = stack.splice(stack.indexOf(node));
    if (component.length > 1 || graph.get(node)?.includes(node)) found.push(component.sort());
  }
  for (const node of graph.keys()) if (!index.has(node)) visit(node);
  return found;
}

describe("circles()", () => {
  test("finds a circle of three, and a file that imports itself", () => {
    const graph = new Map([
      ["a", ["b"]],
      ["b", ["c"]],
      ["c", ["a", "d"]],
      ["d", ["d"]],
      ["e", ["a"]],
    ]);
    expect(circles(graph).sort()).toEqual([["a", "b", "c"], ["d"]]);
  });
});

test("every folder of src has a stage", () => {
  expect(files.filter((path) => stageOf(path) < 0)).toEqual([]);
});

const page = readFileSync(join(src, "../docs/architecture.md"), "utf8");

test("docs/architecture.md lists the stages in their order", () => {
  const table = page.slice(page.indexOf("| folder |")).split("\n\n")[0]!;
  expect(Array.from(table.matchAll(/^\| `([^`]+?)\/?` \|/gm), ([, name]) => name)).toEqual(stages);
});

test("docs/architecture.md names files and folders that exist", () => {
  const named = Array.from(page.matchAll(/`((?:[\w.-]+\/)+[\w.-]*|[\w-]+\.ts)`/g), ([, path]) => path!);
  const isThere = (path: string) =>
    ["", "src", "src/families/inet", "src/families/inet/row"].some((folder) =>
      existsSync(join(src, "..", folder, path)),
    );
  expect(named.length).toBeGreaterThan(60);
  expect(named.filter((path) => !path.includes("NAME") && !isThere(path))).toEqual([]);
});

test("every import resolves to a file", () => {
  const known = new Set([...files, "../package.json"]);
  const lost = files.flatMap((path) => imports.get(path)!.filter((target) => !known.has(target)));
  expect(lost).toEqual([]);
});

test("no file imports from a later stage, including types and import()", () => {
  const wrong = files.flatMap((path) =>
    imports
      .get(path)!
      .filter((target) => stageOf(target) > stageOf(path))
      .map((target) => `${path} imports ${target}`),
  );
  expect(wrong).toEqual([]);
});

test("no files import each other in a circle", () => {
  expect(circles(imports)).toEqual([]);
});

test("only src/native calls libc", () => {
  const callers = files.filter((path) => /"(bun:ffi|koffi)"/.test(readFileSync(join(src, path), "utf8")));
  expect(callers.sort()).toEqual(["native/bun.ts", "native/node.ts"]);
});
