/**
 * While `npm pack` runs, package.json names the processor and the C library that its executable is for, so that npm
 * refuses to install it elsewhere. In the repository it does not: the sources are for every machine, and npm would
 * refuse to install the development tools.
 *
 * Usage: bun scripts/platform-fields.ts add|remove
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ownPlatform } from "./platforms.ts";

const path = join(import.meta.dirname, "../package.json");
const { cpu: _, libc: __, ...manifest } = JSON.parse(readFileSync(path, "utf8"));
const { cpu, libc } = ownPlatform();
const fields = process.argv[2] === "add" ? { cpu: [cpu], libc: [libc] } : {};
writeFileSync(path, `${JSON.stringify({ ...manifest, ...fields }, undefined, 2)}\n`);
