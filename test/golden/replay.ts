/** Runs a golden case in this process, with the world as a parameter. */
import { createHash } from "node:crypto";
import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { help, usage } from "../../src/cli/help.ts";
import { run } from "../../src/cli/run.ts";
import type { World } from "../../src/cli/world.ts";
import { liveHost } from "../../src/host/live.ts";
import { etcFile, fixtures, type GoldenCase } from "./cases.ts";

/** The outcome of a command line. */
export interface Outcome {
  readonly stdout: string;
  readonly stderr: string;
  readonly exit: number;
  /** The files that it wrote, in base64. */
  readonly writes: Readonly<Record<string, string>>;
}

const encoder = new TextEncoder();

/** Bytes as text with one character per byte, so that comparison loses nothing. */
function latin1(chunks: readonly Uint8Array[]): string {
  return Buffer.concat(chunks).toString("latin1");
}

/** Our texts where ss prints its help: the whole help, or two lines after a message. */
const usageTexts = [help({ program: "ss" }), usage({ program: "ss" })].map((text) =>
  latin1([encoder.encode(text)]),
);

/** Replaces the help text with `<usage>`, as in the corpus. */
export function withoutUsage(text: string): string {
  return usageTexts.reduce((rest, usageText) => rest.replace(usageText, "<usage>\n"), text);
}

/** Runs a case. @param observeRows see {@link World.observeRows} */
export async function replay(
  fixture: string,
  golden: GoldenCase,
  observeRows?: World["observeRows"],
): Promise<Outcome> {
  const stdout: Uint8Array[] = [];
  const stderr: Uint8Array[] = [];
  const live = liveHost();
  const back = process.cwd();
  process.chdir(join(fixtures, fixture));
  try {
    const exit = await run({
      program: "ss",
      args: ["--replay", ".", ...golden.args],
      env: golden.env,
      stdout: {
        write: (bytes) => stdout.push(bytes.slice()),
        terminalColumns: golden.tty_columns ?? undefined,
      },
      stderr: { write: (bytes) => stderr.push(bytes.slice()), terminalColumns: undefined },
      readStdin: () => encoder.encode(golden.stdin ?? ""),
      terminal: () => undefined,
      interrupted: () => new AbortController().signal,
      ...(observeRows === undefined ? {} : { observeRows }),
      host: {
        ...live,
        files: {
          ...live.files,
          read: (path) => {
            const text = etcFile(golden, path);
            return text === undefined ? live.files.read(path) : encoder.encode(text);
          },
        },
      },
    });
    const writes = Object.fromEntries(Object.keys(golden.writes ?? {}).map((name) => [name, taken(name)]));
    return { stdout: withoutUsage(latin1(stdout)), stderr: withoutUsage(latin1(stderr)), exit, writes };
  } finally {
    process.chdir(back);
  }
}

/** Reads a file as base64, and removes it. */
function taken(name: string): string {
  const text = readFileSync(name, "base64");
  rmSync(name);
  return text;
}

/** The outcome of a case in the corpus. A text that is too large is stored as its hash. */
export function expected(golden: GoldenCase): Outcome {
  const { stderr, exit, writes = {} } = golden;
  if (golden.stdout_sha256 !== undefined)
    return { stdout: `sha256 ${golden.stdout_sha256}`, stderr: bytesOf(stderr), exit, writes };
  const stdout =
    golden.stdout_base64 === undefined
      ? bytesOf(golden.stdout ?? "")
      : Buffer.from(golden.stdout_base64, "base64").toString("latin1");
  return { stdout, stderr: bytesOf(stderr), exit, writes };
}

/** An outcome in the form that {@link expected} has. */
export function comparable(golden: GoldenCase, outcome: Outcome): Outcome {
  if (golden.stdout_sha256 === undefined) return outcome;
  const hash = createHash("sha256").update(Buffer.from(outcome.stdout, "latin1")).digest("hex");
  return { ...outcome, stdout: `sha256 ${hash}` };
}

function bytesOf(text: string): string {
  return latin1([encoder.encode(text)]);
}
