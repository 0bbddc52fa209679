/** The examples of README.md, run with the executable by a shell as a reader would. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const root = join(import.meta.dirname, "../..");

let bin: string;
beforeAll(() => {
  bin = mkdtempSync(join(tmpdir(), "sockscope-readme-"));
  symlinkSync(join(root, "dist/sockscope"), join(bin, "sockscope"));
});
afterAll(() => rmSync(bin, { recursive: true }));

const blocks = readFileSync(join(root, "README.md"), "utf8").matchAll(
  /^```console\n\$ (sockscope .*)\n([\s\S]*?)^```$/gm,
);
const examples = Array.from(blocks, ([, command, output]) => [command!, output!] as const);

test("there are examples", () => expect(examples.length).toBeGreaterThan(3));

const hasJq = Bun.which("jq") !== null;
const runnable = examples.filter(([command]) => hasJq || !command.includes("| jq"));

test.each(runnable)("%s", async (command, output) => {
  const child = Bun.spawn(["sh", "-c", command], {
    cwd: root,
    env: { ...process.env, PATH: `${bin}:${process.env["PATH"]}`, LC_ALL: "C", TZ: "UTC" },
    stdout: "pipe",
    stderr: "pipe",
  });
  const [stdout, stderr] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
  ]);
  expect({ stdout, stderr }).toEqual({ stdout: output, stderr: "" });
});
