/** The packages for hosts: they are made, installed into a folder, run and removed. The host itself is not touched. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import manifest from "../../package.json" with { type: "json" };

const source = join(import.meta.dirname, "../..");
const folder = mkdtempSync(join(tmpdir(), "sockscope-packages-"));
const isRoot = process.getuid?.() === 0;
const has = (tool: string) => Bun.which(tool) !== null;

function run(command: readonly string[]) {
  const { stdout, stderr, exitCode } = Bun.spawnSync([...command], { stderr: "pipe" });
  return { stdout: stdout.toString(), stderr: stderr.toString(), exitCode };
}

/** Regular files below a folder that are not dpkg's own. */
function filesIn(root: string): string[] {
  return readdirSync(root, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name).slice(root.length))
    .filter((path) => !path.startsWith("/var/"));
}

let deb = "";
let archive = "";
beforeAll(() => {
  const out = join(folder, "out");
  const made = run([process.execPath, join(source, "scripts/os-packages.ts"), "--out", out, "--level", "1"]);
  expect(made.stderr).toBe("");
  [deb = "", archive = ""] = made.stdout.trim().split("\n");
}, 120_000);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const wanted = [
  "/usr/bin/sockscope",
  "/usr/lib/systemd/system/sockscope-record.service",
  "/usr/share/bash-completion/completions/sockscope",
  "/usr/share/doc/sockscope/THIRD-PARTY-LICENSES",
  "/usr/share/doc/sockscope/copyright",
  "/usr/share/doc/sockscope/record.md",
  "/usr/share/fish/vendor_completions.d/sockscope.fish",
  "/usr/share/man/man8/sockscope.8.gz",
  "/usr/share/zsh/vendor-completions/_sockscope",
];

/** What every installation must be able to do. */
function expectInstalled(root: string): void {
  expect(filesIn(root).sort()).toEqual(wanted);
  const program = join(root, "usr/bin/sockscope");
  expect(run([program, "--version"]).stdout).toContain(manifest.version);
  const page = Bun.gunzipSync(readFileSync(join(root, "usr/share/man/man8/sockscope.8.gz")));
  expect(new TextDecoder().decode(page)).toBe(run([program, "--man"]).stdout);
  const completions = readFileSync(join(root, "usr/share/bash-completion/completions/sockscope"), "utf8");
  expect(completions).toContain("history");
}

describe.skipIf(!has("dpkg-deb"))("packages", () => {
  test.skipIf(!isRoot)("the Debian package is installed into a folder, runs, and is removed", () => {
    const root = join(folder, "root");
    for (const path of ["info", "updates", "triggers"])
      mkdirSync(join(root, "var/lib/dpkg", path), { recursive: true });
    writeFileSync(join(root, "var/lib/dpkg/status"), "");
    const dpkg = ["dpkg", `--root=${root}`, "--force-depends", "--log=/dev/null"];
    expect(run([...dpkg, "--install", deb]).exitCode).toBe(0);
    expectInstalled(root);
    // No script of the package runs: nothing can enable or start the unit.
    const info = readdirSync(join(root, "var/lib/dpkg/info")).filter((name) => name.startsWith("sockscope"));
    expect(info.filter((name) => /inst$|rm$/.test(name))).toEqual([]);
    expect(existsSync(join(root, "etc"))).toBe(false);
    expect(run([...dpkg, "--purge", "sockscope"]).exitCode).toBe(0);
    expect(filesIn(root)).toEqual([]);
  });

  test("the archive has the same files", () => {
    const root = join(folder, "archive");
    mkdirSync(root);
    expect(run(["tar", "-C", root, "--strip-components=1", "-xzf", archive]).exitCode).toBe(0);
    expectInstalled(root);
  });

  test.skipIf(!has("systemd-analyze"))("systemd takes the unit, and finds it well protected", () => {
    const root = join(folder, "unit");
    mkdirSync(root);
    const program = join(root, "sockscope");
    writeFileSync(program, "#!/bin/sh\n");
    chmodSync(program, 0o755);
    const text = readFileSync(join(source, "contrib/systemd/sockscope-record.service"), "utf8");
    expect(text).not.toMatch(/^MemoryDenyWriteExecute/m);
    const unit = join(root, "sockscope-record.service");
    writeFileSync(unit, text.replace("/usr/bin/sockscope", program));
    const verified = run(["systemd-analyze", "verify", "--man=no", unit]);
    expect(verified).toEqual({ stdout: "", stderr: "", exitCode: 0 });
    const rated = run(["systemd-analyze", "security", "--offline=true", "--threshold=50", unit]);
    expect(rated.exitCode).toBe(0);
  });
});
