/**
 * Writes what the executable is made of to dist/: THIRD-PARTY-LICENSES has the licence texts of every package that is
 * bundled and of Bun's own components, sbom.cdx.json is the bill of materials (CycloneDX).
 *
 * Both are made at build time from the installed packages, and not checked in, so that they cannot differ from what is
 * bundled. The build fails if a bundled package has no licence text. The licences come before the executable is built,
 * which contains them for --licenses.
 *
 * Usage: bun scripts/notices.ts licences|materials
 */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import manifest from "../package.json" with { type: "json" };
import { entryPoints } from "./build.ts";

const root = join(import.meta.dirname, "..");
/** The names of the files. */
export const noticeFiles = { licences: "THIRD-PARTY-LICENSES", materials: "sbom.cdx.json" } as const;

/** A package that is part of the executable. */
interface BundledPackage {
  readonly name: string;
  readonly version: string;
  readonly licence: string;
  readonly text: string;
}

/** Copyright lines of packages under the MIT licence that lack a licence file. */
const copyrights: Readonly<Record<string, string>> = {
  "yoga-layout": "Copyright (c) Meta Platforms, Inc. and affiliates.",
};

/** The entry point of the page, which a macro bundles for browsers, and the executable has as text. */
const pageEntry = "src/serve/page/main.tsx";

/** The modules that a bundle of entry points has, relative to the repository. */
async function bundledModules(entries: readonly string[], target: "bun" | "browser"): Promise<string[]> {
  const { metafile } = await Bun.build({
    entrypoints: entries.map((path) => resolve(root, path)),
    root,
    splitting: true,
    metafile: true,
    // It is made from the result.
    external: [`*/${noticeFiles.licences}`],
    target,
  });
  return Object.keys(metafile?.inputs ?? {});
}

/** The folders of packages whose modules are bundled, relative to the repository. */
async function bundledFolders(): Promise<string[]> {
  const modules = [
    ...(await bundledModules(entryPoints, "bun")),
    ...(await bundledModules([pageEntry], "browser")),
  ];
  const folders = modules.map((path) => /^.*node_modules\/(?:@[^/]+\/)?[^/]+(?=\/)/.exec(path)?.[0]);
  return [...new Set(folders.filter((folder) => folder !== undefined))].sort();
}

function licenceText(folder: string, name: string, licence: string): string {
  const file = readdirSync(folder).find((each) => /^(licen[cs]e|copying)(\.|$)/i.test(each));
  if (file !== undefined) return readFileSync(join(folder, file), "utf8").trim();
  const copyright = copyrights[name];
  if (licence !== "MIT" || copyright === undefined)
    throw new Error(`${name} is bundled and has no licence file`);
  // The text of our own licence, under their copyright.
  const mit = readFileSync(join(root, "LICENSE"), "utf8").trim();
  return mit.replace(/^Copyright .*$/m, copyright);
}

/** The packages from the registry that are part of the executable. */
export async function bundledPackages(): Promise<BundledPackage[]> {
  const folders = await bundledFolders();
  return folders.map((relative) => {
    const folder = join(root, relative);
    const { name, version, license } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
    return { name, version, licence: license, text: licenceText(folder, name, license) };
  });
}

const RULE = "=".repeat(78);

function section(title: string, text: string): string {
  return `${RULE}\n${title}\n${RULE}\n\n${text.trim()}\n`;
}

/** The version of Bun that the executable is made of, and what it says of its own licence. */
function bun(): { readonly version: string; readonly licence: string } {
  const version = JSON.parse(readFileSync(join(root, "node_modules/bun/package.json"), "utf8")).version;
  const page = readFileSync(join(root, "node_modules/bun-types/docs/project/license.mdx"), "utf8");
  return { version, licence: page.replace(/^---\n.*?\n---\n/s, "") };
}

/** The text of {@link noticeFiles.licences}. */
function licencesText(packages: readonly BundledPackage[]): string {
  const { version, licence } = bun();
  const general = ["LGPL-2.0", "LGPL-2.1", "Apache-2.0"].map((name) =>
    section(name, readFileSync(join(import.meta.dirname, "licences", `${name}.txt`), "utf8")),
  );
  const mit = readFileSync(join(root, "LICENSE"), "utf8").replace(/^Copyright .*\n\n/m, "");
  return [
    "The executable of sockscope contains the following software of others.\n",
    ...packages.map(({ name, version, licence, text }) => section(`${name} ${version} (${licence})`, text)),
    section(`Bun ${version}, with its libraries`, `${mit.trim()}\n\n${licence.trim()}`),
    ...general,
  ].join("\n");
}

/** What npm says of the packages of the lock file, as far as it is used here. */
interface MaterialsOfNpm {
  readonly components: readonly { readonly name: string; readonly version: string }[];
  readonly metadata: { readonly component: object };
}

/** The text of {@link noticeFiles.materials}: npm's own, without what is only needed for development. */
function materialsText(packages: readonly BundledPackage[]): string {
  const command = ["npm", "sbom", "--package-lock-only", "--sbom-format", "cyclonedx"];
  const { stdout, success, stderr } = Bun.spawnSync(command, { cwd: root, stderr: "pipe" });
  if (!success) throw new Error(`npm sbom fails: ${stderr}`);
  const { components, metadata } = JSON.parse(stdout.toString()) as MaterialsOfNpm;
  const parts = [...packages, { name: "bun", version: bun().version }];
  const included = parts.map(({ name, version }) => {
    const found = components.find((each) => each.name === name && each.version === version);
    if (found === undefined) throw new Error(`${name} ${version} is bundled and not in the lock file`);
    // Part of the executable, whatever it is to those who work on the repository.
    return { ...found, scope: "required", properties: undefined };
  });
  const ref = `${manifest.name}@${manifest.version}`;
  const refs = parts.map(({ name, version }) => `${name}@${version}`);
  const materials = {
    $schema: "http://cyclonedx.org/schema/bom-1.5.schema.json",
    bomFormat: "CycloneDX",
    specVersion: "1.5",
    version: 1,
    metadata: {
      lifecycles: [{ phase: "build" }],
      component: { ...metadata.component, type: "application", name: manifest.name, properties: undefined },
    },
    components: included,
    dependencies: [{ ref, dependsOn: refs }, ...refs.map((each) => ({ ref: each }))],
  };
  return `${JSON.stringify(materials, undefined, 2)}\n`;
}

/** Writes one of the files to dist/. @returns its text */
export function writeNotice(file: keyof typeof noticeFiles, packages: readonly BundledPackage[]): string {
  const text = (file === "licences" ? licencesText : materialsText)(packages);
  const folder = join(root, "dist");
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, noticeFiles[file]), text);
  return text;
}

if (import.meta.main) {
  const file = process.argv[2];
  if (file !== "licences" && file !== "materials")
    throw new RangeError("usage: notices.ts licences|materials");
  writeNotice(file, await bundledPackages());
}
