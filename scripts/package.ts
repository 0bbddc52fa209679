/**
 * Makes the packages of a release, with the library built: one for each platform that holds nothing but the
 * executable, and `sockscope`, which has the library and starts the executable of the platform that npm has chosen.
 *
 * Usage: bun scripts/package.ts [--out FOLDER] [--platform NAME]..., by default all of them in dist/packages
 *
 * (What `npm pack` alone makes is for machines like this one: its bin is the executable itself.)
 */
import { chmodSync, copyFileSync, cpSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { parseArgs } from "node:util";
import manifest from "../package.json" with { type: "json" };

const root = join(import.meta.dirname, "..");

/** A platform: what npm chooses it by, and what the dynamic loader of its executables is. */
interface Platform {
  readonly cpu: string;
  readonly libc: string;
  /** Where it must be, or the executable cannot be started. */
  readonly loader: string;
}

/** The platforms by the names of their packages, which Bun calls them by too. */
const platforms: Readonly<Record<string, Platform>> = {
  "linux-x64": { cpu: "x64", libc: "glibc", loader: "/lib64/ld-linux-x86-64.so.2" },
  "linux-arm64": { cpu: "arm64", libc: "glibc", loader: "/lib/ld-linux-aarch64.so.1" },
  "linux-x64-musl": { cpu: "x64", libc: "musl", loader: "/lib/ld-musl-x86_64.so.1" },
  "linux-arm64-musl": { cpu: "arm64", libc: "musl", loader: "/lib/ld-musl-aarch64.so.1" },
};

const { values } = parseArgs({
  options: {
    out: { type: "string", default: join(root, "dist/packages") },
    platform: { type: "string", multiple: true, default: Object.keys(platforms) },
  },
});

/** The name of a platform's package. */
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
function makePlatform(name: string, { cpu, libc }: Platform): void {
  const folder = emptyFolder(name);
  // The same flags and entry points as for this machine, so that all executables are alike.
  const words = manifest.scripts["build:cli"].split(" ");
  const given = words.filter((word) => /^--(?!outfile$)|\.ts$/.test(word));
  const output = ["--outfile", join(folder, "sockscope")];
  run([process.execPath, "build", ...given, `--target=bun-${name}`, ...output]);
  copyFileSync(join(root, "LICENSE"), join(folder, "LICENSE"));
  const { version, license } = manifest;
  writeManifest(folder, {
    name: packageName(name),
    version,
    description: `The executable of sockscope for ${name}`,
    type: "module",
    license,
    os: ["linux"],
    cpu: [cpu],
    libc: [libc],
    files: ["sockscope"],
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
    [ -x "$program" ] && SOCKSCOPE_CALLED="$0" exec "$program" "$@"
  done
done
echo "\${0##*/}: there is no executable for this machine: install ${packageName("linux-…")}, or leave --omit=optional out" >&2
exit 127
`;
}

/** Makes the package that users install. */
function makeMain(): void {
  const folder = emptyFolder("sockscope");
  mkdirSync(join(folder, "bin"));
  const { devDependencies: _, scripts: __, allowScripts: ___, ...published } = manifest;
  for (const path of ["dist/lib", "src", "docs/schema.json", "LICENSE", "README.md", "CHANGELOG.md"]) {
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
    files: manifest.files.map((path) => (path === manifest.bin.sockscope ? "bin/sockscope" : path)),
    optionalDependencies: {
      ...manifest.optionalDependencies,
      ...Object.fromEntries(Object.keys(platforms).map((name) => [packageName(name), version])),
    },
  });
  run(["npm", "pack", "--silent", "--pack-destination", values.out], folder);
}

for (const name of values.platform) {
  const platform = platforms[name];
  if (platform === undefined) throw new RangeError(`Cannot make a package for ${name}`);
  makePlatform(name, platform);
}
makeMain();
