import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Hooks } from "./hooks.ts";

const folder = mkdtempSync(join(tmpdir(), "sockscope-hooks-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test("a command reads the finding from its standard input, and gets its words as they are", async () => {
  const path = join(folder, "out");
  const said: string[] = [];
  const argv = ["sh", "-c", 'cat > "$1"; echo "$2" >> "$1"', "sh", path, "$HOME; $(id)"] as const;
  using hooks = new Hooks({
    hooks: [{ rules: ["syn-sent"], argv }],
    env: process.env,
    say: (line) => said.push(line),
    now: () => 0,
  });
  hooks.appeared("close-wait", "not for this rule\n");
  hooks.appeared("syn-sent", '{"title":"$(touch pwned)"}\n');
  await hooks.idle();
  expect(readFileSync(path, "utf8")).toBe('{"title":"$(touch pwned)"}\n$HOME; $(id)\n');
  expect(said).toEqual([]);
});

test("commands that cannot run or fail are reported, and too many findings wait or are dropped", async () => {
  const said: string[] = [];
  let now = 0;
  using hooks = new Hooks({
    hooks: [{ rules: [], argv: ["false"] }],
    env: process.env,
    say: (line) => said.push(line),
    now: () => now,
  });
  for (let each = 0; each < 140; each++) hooks.appeared("syn-sent", "{}\n");
  await hooks.idle();
  expect(said.filter((line) => line.includes("exited with status 1"))).toHaveLength(30);
  expect(said.some((line) => /\d+ findings were dropped/.test(line))).toBe(true);
  now = 61_000;
  hooks.startDue();
  await hooks.idle();
  expect(said.filter((line) => line.includes("exited with status 1"))).toHaveLength(60);
  using missing = new Hooks({
    hooks: [{ rules: [], argv: ["/nonexistent/program"] }],
    env: process.env,
    say: (line) => said.push(line),
    now: () => now,
  });
  missing.appeared("syn-sent", "{}\n");
  expect(said.at(-1)).toContain("cannot run /nonexistent/program");
});

test("a command that runs too long is killed, with what it has started", async () => {
  const path = join(folder, "child");
  const said: string[] = [];
  using hooks = new Hooks({
    hooks: [{ rules: [], argv: ["sh", "-c", 'sleep 60 & echo $! > "$1"; wait', "sh", path] }],
    env: process.env,
    say: (line) => said.push(line),
    now: () => 0,
    longestMs: 300,
  });
  hooks.appeared("syn-sent", "{}\n");
  await hooks.idle();
  expect(said).toEqual(["--on: sh is killed: it has run for 0.3 seconds"]);
  const child = Number(readFileSync(path, "utf8"));
  expect(child).toBeGreaterThan(1);
  const isAlive = () => {
    try {
      return !/^\d+ \(sleep\) Z/.test(readFileSync(`/proc/${child}/stat`, "utf8"));
    } catch {
      return false;
    }
  };
  for (let left = 100; left > 0 && isAlive(); left--) await Bun.sleep(20);
  expect(isAlive()).toBe(false);
});
