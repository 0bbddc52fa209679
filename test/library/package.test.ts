/** Builds and installs the packages as users do. */
import { afterAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import manifest from "../../package.json" with { type: "json" };

// Packing executables and fetching those of other machines takes time.
setDefaultTimeout(600_000);

const root = join(import.meta.dirname, "../..");
const work = mkdtempSync(join(tmpdir(), "sockscope-package-"));
afterAll(() => rmSync(work, { recursive: true }));

function run(command: readonly string[], cwd = root) {
  const { stdout, stderr, exitCode } = Bun.spawnSync([...command], { cwd, stderr: "pipe" });
  return { stdout: stdout.toString(), stderr: stderr.toString(), exit: exitCode };
}

/** Standard output of a command. @throws if it fails */
function output(command: readonly string[], cwd?: string): string {
  const { stdout, stderr, exit } = run(command, cwd);
  if (exit !== 0) throw new Error(`${command.join(" ")} exits with ${exit}: ${stderr}`);
  return stdout;
}

const replay = ["--replay", join(root, "test/fixtures/tcp-info-values"), "-tni"];
const expected = output([join(root, "dist/sockscope"), ...replay]);

/** Asserts that a program is sockscope, and that it behaves as ss under the name `ss`. */
function expectSockscope(program: string): void {
  expect(output([program, "--version"])).toStartWith(`sockscope ${manifest.version} `);
  expect(output([program, ...replay])).toBe(expected);
  expect(run([program, "--bogus"]).stderr).toStartWith("sockscope: unrecognized option");
  const link = join(mkdtempSync(join(work, "link-")), "ss");
  symlinkSync(program, link);
  expect(output([link, ...replay])).toBe(expected);
  expect(run([link, "--bogus"]).stderr).toStartWith("ss: unrecognized option");
}

describe("npm pack", () => {
  const packed = output(["npm", "pack", "--json", "--ignore-scripts", "--pack-destination", work]);
  const [{ filename, files }] = JSON.parse(packed) as [{ filename: string; files: { path: string }[] }];
  const paths = files.map(({ path }) => path);

  test("contains exactly the published files", () => {
    const outside = paths.filter((path) => !/^(src|dist\/lib)\//.test(path));
    expect(outside.sort()).toEqual([
      "CHANGELOG.md",
      "LICENSE",
      "README.md",
      "dist/THIRD-PARTY-LICENSES",
      "dist/sbom.cdx.json",
      "dist/sockscope",
      "docs/doctor-schema.json",
      "docs/events-schema.json",
      "docs/schema.json",
      "docs/top-schema.json",
      "package.json",
    ]);
    expect(paths.filter((path) => /\.test\.|^src\/cli|^dist\/lib\/cli|tsbuildinfo/.test(path))).toEqual([]);
    for (const path of [
      "dist/lib/index.js",
      "dist/lib/index.d.ts",
      "dist/lib/native/node.js",
      "src/native/bun.ts",
    ])
      expect(paths).toContain(path);
  });

  test("names the machine that its executable is for, and leaves the repository as it is", () => {
    const copy = join(work, "copy");
    mkdirSync(copy);
    for (const name of ["scripts", "LICENSE", "README.md"])
      cpSync(join(root, name), join(copy, name), { recursive: true });
    symlinkSync(join(root, "node_modules"), join(copy, "node_modules"));
    // Only what the script does is of interest, not the build before it.
    const scripts = { ...manifest.scripts, build: "true" };
    const before = `${JSON.stringify({ ...manifest, scripts }, undefined, 2)}\n`;
    writeFileSync(join(copy, "package.json"), before);
    output(["npm", "pack", "--pack-destination", copy], copy);
    const archive = join(copy, `sockscope-${manifest.version}.tgz`);
    const packed = JSON.parse(output(["tar", "xzOf", archive, "package/package.json"]));
    const libc =
      existsSync("/lib64/ld-linux-x86-64.so.2") || existsSync("/lib/ld-linux-aarch64.so.1")
        ? "glibc"
        : "musl";
    expect([packed.cpu, packed.libc]).toEqual([[process.arch], [libc]]);
    expect(readFileSync(join(copy, "package.json"), "utf8")).toBe(before);
  });

  test("has the licences of what is bundled, and the bill of materials", () => {
    const folder = mkdtempSync(join(work, "notices-"));
    output(["tar", "xzf", join(work, filename), "-C", folder]);
    const licences = readFileSync(join(folder, "package/dist/THIRD-PARTY-LICENSES"), "utf8");
    for (const name of ["ink", "react", "react-reconciler", "scheduler", "yoga-layout", "es-toolkit", "Bun"])
      expect(licences).toMatch(new RegExp(`^${name} \\d`, "m"));
    expect(licences.match(/Permission is hereby granted/g)!.length).toBeGreaterThan(30);
    for (const text of [
      "GNU LIBRARY GENERAL PUBLIC LICENSE",
      "GNU LESSER GENERAL PUBLIC LICENSE",
      "Apache License",
    ])
      expect(licences).toContain(text);
    const materials = JSON.parse(readFileSync(join(folder, "package/dist/sbom.cdx.json"), "utf8"));
    expect(materials.bomFormat).toBe("CycloneDX");
    const parts = materials.components as { name: string; hashes: unknown[] }[];
    expect(parts.map(({ name }) => name)).toEqual(
      expect.arrayContaining(["ink", "react", "scheduler", "bun"]),
    );
    expect(parts.every(({ hashes }) => hashes.length > 0)).toBe(true);
    expect(parts.map(({ name }) => name)).not.toContain("typescript");
    const own = readFileSync(join(root, "LICENSE"), "utf8");
    expect(output([join(folder, "package/dist/sockscope"), "--licenses"])).toBe(`${own}\n${licences}`);
  });

  test("installs a working sockscope, and linked to ss it is ss", () => {
    const prefix = join(work, "prefix");
    // Only the library on Node needs koffi; the executable does not.
    output(["npm", "install", "--global", "--prefix", prefix, "--omit=optional", join(work, filename)]);
    expect(readdirSync(join(prefix, "bin"))).toEqual(["sockscope"]);
    expectSockscope(join(prefix, "bin/sockscope"));
  });

  test("is a library that Node and Bun can import without the repository", () => {
    const folder = join(work, "user");
    const modules = join(folder, "node_modules");
    mkdirSync(modules, { recursive: true });
    output(["tar", "xzf", join(work, filename), "-C", modules]);
    renameSync(join(modules, "package"), join(modules, "sockscope"));
    symlinkSync(join(root, "node_modules/koffi"), join(modules, "koffi"));
    symlinkSync(join(root, "node_modules/@koromix"), join(modules, "@koromix"));
    const source = 'import { summary } from "sockscope"; console.log(typeof summary().used)';
    expect(output(["node", "--input-type=module", "-e", source], folder)).toBe("number\n");
    expect(output([process.execPath, "-e", source], folder)).toBe("number\n");
  });
});

/** Directory of arm64 shared libraries, for executables that run under qemu. */
const SYSROOT = "/usr/aarch64-linux-gnu";
const qemu = Bun.which("qemu-aarch64") ?? Bun.which("qemu-aarch64-static");
const noQemu = qemu === null || !existsSync(SYSROOT);

describe("the packages of a release", () => {
  const own = `linux-${process.arch}`;
  const made = [...new Set([own, ...(noQemu ? [] : ["linux-arm64"])])];
  const release = join(work, "release");
  const modules = join(work, "node_modules");
  const launcher = join(modules, "sockscope/bin/sockscope");

  function unpack(archive: string, target: string): void {
    const from = mkdtempSync(join(work, "archive-"));
    output(["tar", "xzf", join(release, `${archive}-${manifest.version}.tgz`), "-C", from]);
    mkdirSync(join(modules, "@sockscope"), { recursive: true });
    renameSync(join(from, "package"), join(modules, target));
  }

  test("are built by one script", () => {
    const platforms = made.flatMap((name) => ["--platform", name]);
    output([process.execPath, "scripts/package.ts", "--out", release, ...platforms]);
    for (const name of made) {
      unpack(`sockscope-${name}`, `@sockscope/${name}`);
      expect(readdirSync(join(modules, "@sockscope", name)).sort()).toEqual([
        "LICENSE",
        "THIRD-PARTY-LICENSES",
        "package.json",
        "sbom.cdx.json",
        "sockscope",
      ]);
    }
    unpack("sockscope", "sockscope");
    expect(existsSync(join(modules, "sockscope/dist/sockscope"))).toBe(false);
    expect(statSync(launcher).mode & 0o111).toBe(0o111);
  });

  test("work together, and behave as ss when linked as ss", () => {
    expectSockscope(launcher);
  });

  test("report a missing platform package", () => {
    const alone = join(work, "alone");
    mkdirSync(alone);
    output(["cp", "-r", join(modules, "sockscope"), alone]);
    const { stderr, exit } = run([join(alone, "sockscope/bin/sockscope")]);
    expect(exit).toBe(127);
    expect(stderr).toStartWith("sockscope: there is no executable for this machine");
  });

  test.skipIf(noQemu)("run on arm64 (needs qemu-user and libc6-arm64-cross)", () => {
    const program = join(modules, "@sockscope/linux-arm64/sockscope");
    const onArm = [qemu!, "-L", SYSROOT];
    expect(output([...onArm, program, ...replay])).toBe(expected);
    // Not the JavaScript interpreter that this variable makes of other executables with Bun.
    const { stdout, stderr, exit } = run([...onArm, "-E", "BUN_BE_BUN=1", program, "-e", "console.log(1)"]);
    expect([stdout, exit]).toEqual(["", 1]);
    expect(stderr).toContain('an inet prefix is expected rather than "console.log(1)"');
  });
});
