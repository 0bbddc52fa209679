/**
 * Makes the packages of a release from the built library: one for each platform, with only the executable, its licences
 * and its bill of materials; and `sockscope`, with the library and a launcher for the executable that npm has chosen.
 *
 * Usage: bun scripts/package.ts [--out FOLDER] [--platform NAME]..., by default all of them in dist/packages
 *
 * (`npm pack` alone makes a package for machines like this one: its bin is the executable itself.)
 */
import { chmodSync, copyFileSync, cpSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { parseArgs } from "node:util";
import manifest from "../package.json" with { type: "json" };
import { buildExecutable } from "./build.ts";
import { bundledPackages, noticeFiles, writeNotice } from "./notices.ts";
import { type Platform, platforms } from "./platforms.ts";

const root = join(import.meta.dirname, "..");

const { values } = parseArgs({
  options: {
    out: { type: "string", default: join(root, "dist/packages") },
    platform: { type: "string", multiple: true, default: Object.keys(platforms) },
  },
});

/** The name of the package of a platform. */
function packageName(platform: string): string {
  return `@sockscope/${platform}`;
}

/** Runs a command to its end. @throws if it fails */
function run(command: readonly string[], cwd = root): void {
  const { success } = Bun.spawnSync([...command], { cwd, stdio: ["ignore", "ignore", "inherit"] });
  if (!success) throw new Error(`${command.join(" ")} fails`);
}

function writeManifest(folder: string, content: object): void {
  writeFileSync(join(folder, "package.json"), `${JSON.stringify(content, undefined, 2)}\n`);
}

/** The folder of a package, empty. */
function emptyFolder(name: string): string {
  const folder = join(values.out, name);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  return folder;
}

/** Makes the package of a platform. */
async function makePlatform(name: string, { cpu, libc }: Platform): Promise<void> {
  const folder = emptyFolder(name);
  const program = join(folder, "sockscope");
  await buildExecutable(program, `bun-${name}` as Bun.Build.CompileTarget);
  copyFileSync(join(root, "LICENSE"), join(folder, "LICENSE"));
  writeFileSync(join(folder, noticeFiles.licences), licences);
  writeFileSync(join(folder, noticeFiles.materials), materials);
  const { version, license } = manifest;
  writeManifest(folder, {
    name: packageName(name),
    version,
    description: `The executable of sockscope for ${name}${libc === "musl" ? "; needs libstdc++ (apk add libstdc++)" : ""}`,
    type: "module",
    license,
    os: ["linux"],
    cpu: [cpu],
    libc: [libc],
    files: ["sockscope", noticeFiles.licences, noticeFiles.materials],
  });
  run(["npm", "pack", "--silent", "--pack-destination", values.out], folder);
}

/**
 * The shell script that is the package's bin, because a shell starts faster than Node. It passes on the name that it
 * was called by, such as `ss`, which exec would lose.
 */
function launcher(): string {
  const choices = Object.entries(platforms).map(([name, { loader }]) => `${name}:${loader}`);
  return `#!/bin/sh
# Starts the executable of the platform's package, which npm has put beside this one or within it.
here=$(dirname "$(readlink -f "$0")")
for choice in ${choices.join(" ")}; do
  [ -e "\${choice#*:}" ] || continue
  for modules in "$here/../node_modules" "$here/../.."; do
    program="$modules/@sockscope/\${choice%%:*}/sockscope"
    [ -x "$program" ] || continue
    case $choice in
      *musl*)
        # A bare Alpine does not have the C++ library.
        if ! "$program" --version >/dev/null 2>&1; then
          echo "\${0##*/}: the executable cannot start: install the C++ library (apk add libstdc++)" >&2
          exit 127
        fi ;;
    esac
    SOCKSCOPE_CALLED="$0" exec "$program" "$@"
  done
done
echo "\${0##*/}: there is no executable for this machine: install ${packageName("linux-…")}, or leave --omit=optional out" >&2
exit 127
`;
}

/** What the packages of platforms have. */
const ofExecutable: ReadonlySet<string> = new Set([
  manifest.bin.sockscope,
  ...Object.values(noticeFiles).map((name) => `dist/${name}`),
]);

/** Makes the package that users install. */
function makeMain(): void {
  const folder = emptyFolder("sockscope");
  mkdirSync(join(folder, "bin"));
  const { devDependencies: _, scripts: __, allowScripts: ___, ...published } = manifest;
  for (const path of [
    "dist/lib",
    "src",
    "docs/schema.json",
    "docs/doctor-schema.json",
    "docs/events-schema.json",
    "docs/top-schema.json",
    "LICENSE",
    "README.md",
    "CHANGELOG.md",
  ]) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    cpSync(join(root, path), join(folder, path), { recursive: true });
  }
  const program = join(folder, "bin/sockscope");
  writeFileSync(program, launcher());
  chmodSync(program, 0o755);
  const { version } = manifest;
  writeManifest(folder, {
    ...published,
    bin: { sockscope: "bin/sockscope" },
    files: [...manifest.files.filter((path) => !ofExecutable.has(path)), "bin/sockscope"],
    optionalDependencies: {
      ...manifest.optionalDependencies,
      ...Object.fromEntries(Object.keys(platforms).map((name) => [packageName(name), version])),
    },
  });
  run(["npm", "pack", "--silent", "--pack-destination", values.out], folder);
}

const bundled = await bundledPackages();
const licences = writeNotice("licences", bundled);
const materials = writeNotice("materials", bundled);
for (const name of values.platform) {
  const platform = platforms[name];
  if (platform === undefined) throw new RangeError(`Cannot make a package for ${name}`);
  await makePlatform(name, platform);
}
makeMain();
