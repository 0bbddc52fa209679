/** Writes the files of docs/ that are made from tables: `bun scripts/generate.ts`. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { socketSchema } from "../src/catalogue/schema.ts";
import { optionsOf } from "../src/cli/options.ts";
import { doctorSchema } from "../src/output/doctor-schema.ts";
import { outputPage } from "./output-page.ts";

const root = join(import.meta.dirname, "..");

/** JSON as the formatter wants it. */
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

/** The files by their paths, each with what makes its text. */
export const generated: Readonly<Record<string, () => string>> = {
  "docs/schema.json": () => formatted("docs/schema.json", socketSchema(optionsOf)),
  "docs/doctor-schema.json": () => formatted("docs/doctor-schema.json", doctorSchema()),
  "docs/output.md": outputPage,
};

if (import.meta.main) {
  for (const [path, make] of Object.entries(generated)) writeFileSync(join(root, path), make());
}
