/** Runs a sample of the corpus through the executable, on pipes and on real terminals. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { existsSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fixtureNames, fixtures, type GoldenCase, readCases, readList } from "./cases.ts";
import { comparable, expected, type Outcome, withoutUsage } from "./replay.ts";

const executable = join(import.meta.dirname, "../../dist/sockscope");
/** Sampling interval of the cases on pipes. */
const SAMPLE = 12;

const pending = readList("pending.txt");

/** Cases that are independent of this machine: no names, no files written. */
const cases = fixtureNames().flatMap((fixture) =>
  readCases(fixture)
    .filter(({ id, lookups, writes }) => !pending.has(id) && lookups === undefined && writes === undefined)
    .map((golden) => ({ fixture, golden })),
);
const piped = cases.filter(({ golden }, index) => golden.tty_columns === null && index % SAMPLE === 0);
const onTerminals = cases.filter(({ golden }) => golden.tty_columns !== null);

let folder: string;
let ss: string;
beforeAll(() => {
  if (!existsSync(executable)) throw new Error("dist/sockscope is not built: npm run build");
  folder = mkdtempSync(join(tmpdir(), "sockscope-"));
  ss = join(folder, "ss");
  symlinkSync(executable, ss);
});
afterAll(() => rmSync(folder, { recursive: true }));

function options(fixture: string, { env }: GoldenCase) {
  return { cwd: join(fixtures, fixture), env: { ...env, LC_ALL: "C", TZ: "UTC" } };
}

test.each(piped)("the executable on a pipe: $golden.id", async ({ fixture, golden }) => {
  const child = Bun.spawn([ss, "--replay", ".", ...golden.args], {
    ...options(fixture, golden),
    stdin: new TextEncoder().encode(golden.stdin ?? ""),
    stdout: "pipe",
    stderr: "pipe",
  });
  const [stdout, stderr, exit] = await Promise.all([
    new Response(child.stdout).arrayBuffer(),
    new Response(child.stderr).arrayBuffer(),
    child.exited,
  ]);
  const outcome: Outcome = {
    stdout: withoutUsage(Buffer.from(stdout).toString("latin1")),
    stderr: withoutUsage(Buffer.from(stderr).toString("latin1")),
    exit,
    writes: {},
  };
  expect(comparable(golden, outcome)).toEqual(expected(golden));
});

test.each(onTerminals)("the executable on a terminal: $golden.id", async ({ fixture, golden }) => {
  const chunks: Uint8Array[] = [];
  const child = Bun.spawn([ss, "--replay", ".", ...golden.args], {
    ...options(fixture, golden),
    terminal: {
      cols: golden.tty_columns!,
      rows: 50,
      data: (_terminal, bytes) => {
        chunks.push(bytes.slice());
      },
    },
  });
  const exit = await child.exited;
  child.terminal?.close();
  const text = Buffer.concat(chunks).toString("latin1").replaceAll("\r\n", "\n");
  const { stderr, stdout } = expected(golden);
  // Both streams share the terminal, and ss prints its messages before its table.
  expect({ text, exit }).toEqual({ text: stderr + stdout, exit: golden.exit });
});

test("messages begin with the executable's name", () => {
  const { stderr, exitCode } = Bun.spawnSync([executable, "-f", "nothing"]);
  expect(stderr.toString()).toStartWith('sockscope: "nothing" is invalid family\n');
  expect(exitCode).toBe(255);
});
