/** Writes the checked-in files that are made from tables: `npm run generate`. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { socketSchema } from "../src/catalogue/schema.ts";
import { eventsSchema } from "../src/cli/commands/events/schema.ts";
import { topSchema } from "../src/cli/commands/top/schema.ts";
import { optionsOf } from "../src/cli/options.ts";
import { factPredicates } from "../src/filter/facts.ts";
import { pairRuleIds } from "../src/fleet/pair-finding.ts";
import { doctorSchema } from "../src/output/doctor-schema.ts";
import { metricsPage } from "./metrics-page.ts";
import { outputPage } from "./output-page.ts";
import { tcpInfoCode } from "./tcp-info-code.ts";

const root = join(import.meta.dirname, "..");

/** A text as the formatter wants it. */
function formatted(path: string, text: string): string {
  const biome = join(root, "node_modules/.bin/biome");
  const command = [process.execPath, biome, "format", `--stdin-file-path=${path}`];
  const { stdout, stderr, success } = Bun.spawnSync(command, {
    cwd: root,
    stdin: new TextEncoder().encode(text),
  });
  if (!success) throw new Error(`Cannot format ${path}: ${stderr}`);
  return stdout.toString();
}

const FACTS_HEADING = "| fact | operand | |\n|---|---|---|\n";

/** docs/filter.md, with the table of facts made anew. */
function filterPage(): string {
  const text = readFileSync(join(root, "docs/filter.md"), "utf8");
  const start = text.indexOf(FACTS_HEADING) + FACTS_HEADING.length;
  const end = text.indexOf("\n\n", start) + 1;
  const rows = Object.entries(factPredicates).map(
    ([word, { operandName, doc }]) => `| \`${word}\` | ${operandName} | ${doc} |\n`,
  );
  return text.slice(0, start) + rows.join("") + text.slice(end);
}

const TCP_INFO_CODE = "src/families/inet/row/tcp-info-generated.ts";

/** The files by their paths, each with the function that makes its text. */
export const generated: Readonly<Record<string, () => string>> = {
  "docs/schema.json": () => formatted("docs/schema.json", JSON.stringify(socketSchema(optionsOf))),
  "docs/doctor-schema.json": () =>
    formatted("docs/doctor-schema.json", JSON.stringify(doctorSchema(pairRuleIds))),
  "docs/events-schema.json": () => formatted("docs/events-schema.json", JSON.stringify(eventsSchema())),
  "docs/top-schema.json": () => formatted("docs/top-schema.json", JSON.stringify(topSchema())),
  "docs/output.md": outputPage,
  "docs/filter.md": filterPage,
  "docs/metrics.md": metricsPage,
  [TCP_INFO_CODE]: () => formatted(TCP_INFO_CODE, tcpInfoCode()),
};

if (import.meta.main) {
  for (const [path, make] of Object.entries(generated)) writeFileSync(join(root, path), make());
}
