/**
 * Runs the contract of the native seam on Node, against the built library:
 * `npm run build:lib && node --test test/contract/native.node.mjs`.
 *
 * Node 20 does not strip types, so the suite (which imports nothing but constants) is bundled first.
 */
import { execFileSync } from "node:child_process";
import { test } from "node:test";
import { fileURLToPath, pathToFileURL } from "node:url";
import { libc } from "#libc";

const root = fileURLToPath(new URL("../..", import.meta.url));
const bundle = `${root}/dist/contract/native.mjs`;
execFileSync(
  `${root}/node_modules/.bin/bun`,
  ["build", "--target=node", "--outfile", bundle, `${root}/test/contract/native.ts`],
  { stdio: ["ignore", "ignore", "inherit"] },
);
const { nativeContract } = await import(pathToFileURL(bundle).href);

nativeContract(libc, { test, evaluate: ["--input-type=module", "-e"] });
