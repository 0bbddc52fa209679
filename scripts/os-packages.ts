/**
 * Makes the packages that install the executable with its man page, completions, licences and systemd unit: a `.deb` and a
 * `.tar.gz`. Both have the same files. Nothing is enabled or started when they are installed.
 *
 * Usage: bun scripts/os-packages.ts [--program FILE] [--out FOLDER] [--arch x64|arm64] [--level 1-9], by default of
 * dist/sockscope in dist/packages, for this machine. Needs dpkg-deb, tar and gzip.
 */
import { chmodSync, copyFileSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { parseArgs } from "node:util";
import { Glob } from "bun";
import manifest from "../package.json" with { type: "json" };

const root = join(import.meta.dirname, "..");
const { values } = parseArgs({
  options: {
    program: { type: "string", default: join(root, "dist/sockscope") },
    out: { type: "string", default: join(root, "dist/packages") },
    arch: { type: "string", default: process.arch },
    level: { type: "string", default: "9" },
  },
});

/** Debian's names for architectures. */
const debianNames: Readonly<Record<string, string>> = { x64: "amd64", arm64: "arm64" };
const UNIT = "sockscope-record.service";
const KIB = 1024;

/** Runs a command. @returns what it printed @throws Error if it fails */
function run(command: readonly string[], env: Readonly<Record<string, string>> = {}): Uint8Array {
  const { success, stdout, stderr } = Bun.spawnSync([...command], { env: { ...process.env, ...env } });
  if (!success) throw new Error(`${command.join(" ")} fails: ${stderr}`);
  return stdout;
}

/** The files of the packages, by path from the root of the file system. */
function filesOf(program: string): ReadonlyMap<string, Uint8Array> {
  const texts = (option: string, ...args: string[]) => run([program, option, ...args]);
  const doc = "usr/share/doc/sockscope";
  return new Map([
    ["usr/share/man/man8/sockscope.8.gz", Bun.gzipSync(new Uint8Array(texts("--man")), { level: 9 })],
    ["usr/share/bash-completion/completions/sockscope", texts("--completions", "bash")],
    ["usr/share/zsh/vendor-completions/_sockscope", texts("--completions", "zsh")],
    ["usr/share/fish/vendor_completions.d/sockscope.fish", texts("--completions", "fish")],
    [`usr/lib/systemd/system/${UNIT}`, readFileSync(join(root, "contrib/systemd", UNIT))],
    [`${doc}/copyright`, readFileSync(join(root, "LICENSE"))],
    [`${doc}/THIRD-PARTY-LICENSES`, texts("--licenses")],
    [`${doc}/record.md`, readFileSync(join(root, "docs/record.md"))],
  ]);
}

/** Writes the files below a folder, with modes that do not depend on the umask. */
function writeTree(folder: string): void {
  const put = (path: string, write: (to: string) => void, mode: number) => {
    const to = join(folder, path);
    mkdirSync(dirname(to), { recursive: true });
    write(to);
    chmodSync(to, mode);
  };
  put("usr/bin/sockscope", (to) => copyFileSync(values.program, to), 0o755);
  for (const [path, bytes] of filesOf(values.program)) put(path, (to) => writeFileSync(to, bytes), 0o644);
  for (const path of new Glob("**/").scanSync({ cwd: folder, onlyFiles: false }))
    if (statSync(join(folder, path)).isDirectory()) chmodSync(join(folder, path), 0o755);
}

/** The control file of the Debian package. deb-control(5). */
function controlText(folder: string, architecture: string): string {
  const bytes = [...new Glob("**/*").scanSync({ cwd: folder })].reduce(
    (sum, path) => sum + statSync(join(folder, path)).size,
    0,
  );
  return `Package: sockscope
Version: ${manifest.version}
Section: net
Priority: optional
Architecture: ${architecture}
Installed-Size: ${Math.ceil(bytes / KIB)}
Depends: libc6
Maintainer: The Sockscope authors <sockscope@localhost>
Description: Every socket of a Linux host, and of its past
 A drop-in ss with JSON, a live view, events, a doctor, and a recorder of the
 sockets of the past. The unit ${UNIT} is not enabled.
`;
}

const architecture = debianNames[values.arch];
if (architecture === undefined) throw new RangeError(`Cannot make a package for ${values.arch}`);
mkdirSync(values.out, { recursive: true });
const tree = join(values.out, `sockscope-${manifest.version}-linux-${values.arch}`);
rmSync(tree, { recursive: true, force: true });
writeTree(tree);
// The same content gives the same packages.
const epoch = { SOURCE_DATE_EPOCH: process.env["SOURCE_DATE_EPOCH"] ?? "0" };
const reproducible = [
  "--sort=name",
  "--owner=0",
  "--group=0",
  "--numeric-owner",
  `--mtime=@${epoch.SOURCE_DATE_EPOCH}`,
];
run(["tar", ...reproducible, "-C", values.out, "-czf", `${tree}.tar.gz`, tree.slice(values.out.length + 1)], {
  GZIP: `-n -${values.level}`,
});
mkdirSync(join(tree, "DEBIAN"));
chmodSync(join(tree, "DEBIAN"), 0o755);
const control = controlText(tree, architecture);
writeFileSync(join(tree, "DEBIAN/control"), control);
const deb = join(values.out, `sockscope_${manifest.version}_${architecture}.deb`);
run(["dpkg-deb", "--root-owner-group", "-Zgzip", `-z${values.level}`, "--build", tree, deb], epoch);
rmSync(tree, { recursive: true });
console.log(`${deb}\n${tree}.tar.gz`);
