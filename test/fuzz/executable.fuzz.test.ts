/**
 * The whole executable on damaged recordings: no crash, no hang, no invalid JSON, no control character on a terminal.
 *
 * FUZZ_RUNS is the number of runs, FUZZ_SECONDS a time to go on for instead (`npm run soak`), FUZZ_SEED the first seed.
 */
import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Random } from "../kernel/command-lines.ts";
import { damageRecording, readingCommand } from "./damaged-recordings.ts";

const executable = join(import.meta.dirname, "../../dist/sockscope");
const RUNS = Number(process.env["FUZZ_RUNS"] ?? 1600);
const SECONDS = process.env["FUZZ_SECONDS"];
const SEED = Number(process.env["FUZZ_SEED"] ?? 1);
const RUNS_PER_RECORDING = 8;
/** A run takes some milliseconds, on a loaded machine a hundred times that. */
const HANG_MS = 30_000;

const root = mkdtempSync(join(tmpdir(), "damaged-"));
afterAll(() => rmSync(root, { recursive: true }));

/** A run, and where its output went. */
interface Run {
  readonly stdout: Buffer;
  readonly stderr: string;
  readonly exit: number | null;
  readonly signal: string | number | null;
}

async function onPipes(args: readonly string[]): Promise<Run> {
  const child = Bun.spawn([executable, ...args], { stdout: "pipe", stderr: "pipe", timeout: HANG_MS });
  const [stdout, stderr] = await Promise.all([child.stdout.bytes(), child.stderr.text()]);
  await child.exited;
  return { stdout: Buffer.from(stdout), stderr, exit: child.exitCode, signal: child.signalCode };
}

async function onTerminal(args: readonly string[]): Promise<Run> {
  const seen: Uint8Array[] = [];
  let ended = () => {};
  const closed = new Promise<void>((resolve) => {
    ended = resolve;
  });
  const child = Bun.spawn([executable, ...args], {
    timeout: HANG_MS,
    terminal: { cols: 100, rows: 30, data: (_, bytes) => seen.push(bytes.slice()), exit: () => ended() },
  });
  await child.exited;
  child.terminal?.close();
  await closed;
  return { stdout: Buffer.concat(seen), stderr: "", exit: child.exitCode, signal: child.signalCode };
}

/** What a runtime says when the program is wrong, not the recording. */
const INTERNAL =
  /undefined|is not (?:a function|an object|iterable|defined)|null \(|out of (?:memory|range|bounds)|invalid array|must be|stack size|\n {4}at |panic|oh no: /i;
/** Control characters, C1 as UTF-8, and what turns the direction of text. A terminal turns \n to \r\n. */
const CONTROL =
  /[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\u0080-\u009f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]|\r(?!\r*\n)/;

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** What is wrong with a run; undefined if nothing is. */
function fault(args: readonly string[], terminal: boolean, run: Run): string | undefined {
  const { stdout, stderr, exit, signal } = run;
  if (signal !== null) return `ended by ${signal}`;
  if (exit !== 0 && exit !== 1 && exit !== 255 && !(args[0] === "doctor" && exit === 2))
    return `status ${exit}`;
  if (INTERNAL.test(stderr)) return `internal error: ${stderr}`;
  if (terminal) {
    const control = CONTROL.exec(new TextDecoder("utf-8", { ignoreBOM: true }).decode(stdout));
    if (control !== null) return `control character ${JSON.stringify(control[0])} at ${control.index}`;
  }
  // An error may come before anything is written, but never cuts a document.
  if (terminal || (exit !== 0 && stdout.length === 0)) return undefined;
  const text = stdout.toString("utf8");
  if (args.includes("--json") && !isJson(text)) return `invalid JSON: ${text.slice(0, 500)}`;
  if (args.includes("--ndjson")) {
    const wrong = text.split("\n").find((line) => line !== "" && !isJson(line));
    if (wrong !== undefined) return `invalid line of JSON: ${wrong.slice(0, 500)}`;
  }
  return undefined;
}

test(
  SECONDS === undefined ? `${RUNS} runs from seed ${SEED}` : `runs for ${SECONDS} s from seed ${SEED}`,
  async () => {
    const end = performance.now() + Number(SECONDS ?? 0) * 1000;
    const goesOn = (runs: number) => (SECONDS === undefined ? runs < RUNS : performance.now() < end);
    const faults: { seed: number; recording: string; command: string; fault: string }[] = [];
    let rows = 0;
    let runs = 0;
    for (let seed = SEED; goesOn(runs); seed++) {
      const random = new Random(seed);
      const folder = join(root, String(seed));
      const recording = damageRecording(random, folder);
      const commands = Array.from({ length: RUNS_PER_RECORDING }, () => readingCommand(random, folder));
      await Promise.all(
        commands.map(async (args, index) => {
          const terminal = index % 4 === 3;
          const run = await (terminal ? onTerminal(args) : onPipes(args));
          if (run.exit === 0 && run.stdout.length > 200) rows++;
          const found = fault(args, terminal, run);
          const command = `${args.join(" ").replace(folder, "DIR")}${terminal ? " (on a terminal)" : ""}`;
          if (found !== undefined) faults.push({ seed, recording, command, fault: found });
        }),
      );
      runs += commands.length;
      rmSync(folder, { recursive: true });
    }
    if (SECONDS !== undefined) console.log(`${runs} runs, ${rows} of them with output`);
    expect(faults).toEqual([]);
    // Most recordings still have something to show.
    expect(rows).toBeGreaterThan(runs / 20);
  },
  (Number(SECONDS ?? 0) + 3600) * 1000,
);
