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

test("no run loads a module of Node before it needs one", () => {
  const ofNode = loaded.flatMap((file) =>
    transpiler
      .scanImports(readFileSync(file))
      .filter(({ kind, path }) => kind === "import-statement" && path.startsWith("node:"))
      .map(({ path }) => `${relative(src, file)} imports ${path}`),
  );
  expect(ofNode).toEqual([]);
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

test("a run that lists nothing loads nothing of listings", () => {
  const paths = [...always].map((file) => relative(src, file));
  expect(paths).toContain("cli/options.ts");
  expect(paths.filter((path) => /^(diag|families|filter|lookup|output|query)\//.test(path))).toEqual([]);
  expect(paths).not.toContain("cli/help.ts");
});
