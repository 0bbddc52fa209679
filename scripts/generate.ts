/** Writes the generated files of docs/: `npx bun scripts/generate.ts`. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { socketSchema } from "../src/catalogue/schema.ts";
import { optionsOf } from "../src/cli/options.ts";
import { outputPage } from "./output-page.ts";

const root = join(import.meta.dirname, "..");

/** JSON in the formatter's layout, so that the generated file passes the lint step. */
function formatted(path: string, value: unknown): string {
  const biome = join(root, "node_modules/.bin/biome");
  const command = [process.execPath, biome, "format", `--stdin-file-path=${path}`];
  const { stdout, stderr, success } = Bun.spawnSync(command, {
    cwd: root,
    stdin: new TextEncoder().encode(JSON.stringify(value)),
  });
  if (!success) throw new Error(`Cannot format ${path}: ${stderr}`);
  return stdout.toString();
}

/** The generated files: path → function that returns the text. */
export const generated: Readonly<Record<string, () => string>> = {
  "docs/schema.json": () => formatted("docs/schema.json", socketSchema(optionsOf)),
  "docs/output.md": outputPage,
};

if (import.meta.main) {
  for (const [path, make] of Object.entries(generated)) writeFileSync(join(root, path), make());
}
