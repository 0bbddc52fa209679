/** What every run of the executable loads before it does anything. */
import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { staticImports } from "../scripts/build.ts";

const src = join(import.meta.dirname, "../src");
/** What every run loads. */
const always = staticImports(join(src, "cli/main.ts"));
/** What a plain listing loads. */
const loaded = [...always, ...staticImports(join(src, "cli/listing.ts"))];
const transpiler = new Bun.Transpiler({ loader: "ts" });

/** The modules of Node that a file imports statically. */
function importsOfNode(file: string): string[] {
  return transpiler
    .scanImports(readFileSync(file))
    .filter(({ kind, path }) => kind === "import-statement" && path.startsWith("node:"))
    .map(({ path }) => `${relative(src, file)} imports ${path}`);
}

test("no run loads a module of Node before it needs one", () => {
  expect(loaded.flatMap(importsOfNode)).toEqual([]);
});

test("no run loads commands, recordings, the catalogue or output for machines before it needs them", () => {
  const paths = loaded.map((file) => relative(src, file));
  expect(paths).toContain("families/inet/direct.ts");
  expect(
    paths.filter((path) =>
      /^(btf|catalogue|doctor|events|fleet|live|replay|serve|store)\/|^output\/(json|columns|csv|summary)/.test(
        path,
      ),
    ),
  ).toEqual([]);
});

test("a plain listing loads no views of sockets, no layouts but that of inet_diag, and no writer of rows from views", () => {
  const paths = loaded.map((file) => relative(src, file));
  expect(paths.filter((path) => path.includes("/layouts/"))).toEqual(["families/inet/layouts/inet-diag.ts"]);
  expect(paths.filter((path) => /^families\/[a-z]+\/(index|row|socket)\.ts$/.test(path))).toEqual([]);
});

test("a listing with processes loads no views of sockets, and no module of Node", () => {
  const files = new Set([
    ...loaded,
    ...staticImports(join(src, "lookup/owners.ts")),
    ...staticImports(join(src, "table/process.ts")),
  ]);
  const paths = Array.from(files, (file) => relative(src, file));
  expect(paths.filter((path) => path.includes("/layouts/"))).toEqual(["families/inet/layouts/inet-diag.ts"]);
  expect(paths.filter((path) => /^families\/[a-z]+\/(index|row|socket)\.ts$/.test(path))).toEqual([]);
  expect([...files].flatMap(importsOfNode)).toEqual([]);
});

test("a run that lists nothing loads nothing of listings", () => {
  const paths = [...always].map((file) => relative(src, file));
  expect(paths).toContain("cli/options.ts");
  expect(paths.filter((path) => /^(diag|families|filter|lookup|output|query)\//.test(path))).toEqual([]);
  expect(paths).not.toContain("cli/help.ts");
});
