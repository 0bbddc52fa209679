/**
 * Measures how long finding the sockets of all processes takes alone: with the BPF iterator, and with a readlink for
 * each descriptor on two threads and on one. Prints the medians in milliseconds as JSON; 0 for what cannot be done.
 *
 * Usage: bun bench/sweep.ts RUNS
 */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { expectLongRun } from "#libc";
import { iterateSockets } from "../src/host/socket-iterator.ts";
import { socketLinks } from "../src/host/socket-links.ts";
import { beginSweep } from "../src/host/socket-sweep.ts";

/** The milliseconds of each way. */
export interface SweepCosts {
  /** How many sockets there are. */
  readonly sockets: number;
  readonly iterator: number;
  readonly twoThreads: number;
  readonly oneThread: number;
}

const ROOT = "/proc";
const worker = join(import.meta.dirname, "../src/cli/sweep-worker.ts");

function pids(): string[] {
  return readdirSync(ROOT).filter((name) => /^\d+$/.test(name));
}

let sockets = 0;
const visit = () => {
  sockets++;
};

function onOneThread(): boolean {
  sockets = 0;
  for (const pid of pids()) socketLinks(`${ROOT}/${pid}/fd`, visit);
  return true;
}

function onTwoThreads(): boolean {
  const sweep = beginSweep(ROOT, () => new Worker(worker), { worthwhile: 0, iterate: () => undefined })!;
  for (const pid of pids()) sweep.take(`${ROOT}/${pid}/fd`, visit);
  return true;
}

/** The median milliseconds of runs; 0 if they do nothing. */
function measure(run: () => boolean, runs: number): number {
  const times: number[] = [];
  for (let each = 0; each <= runs; each++) {
    const start = Bun.nanoseconds();
    if (!run()) return 0;
    if (each > 0) times.push((Bun.nanoseconds() - start) / 1e6);
  }
  return times.sort((a, b) => a - b)[times.length >> 1]!;
}

if (import.meta.main) {
  const runs = Number(process.argv[2]);
  expectLongRun();
  const costs = {
    iterator: measure(() => iterateSockets(ROOT, 0) !== undefined, runs),
    twoThreads: measure(onTwoThreads, runs),
    oneThread: measure(onOneThread, runs),
  };
  console.log(JSON.stringify({ ...costs, sockets } satisfies SweepCosts));
  process.exit();
}

/** Runs this file. @returns what it printed */
export function measureSweep(runs: number): SweepCosts {
  const { stdout, exitCode } = Bun.spawnSync([process.execPath, import.meta.path, `${runs}`], {
    stderr: "inherit",
  });
  if (exitCode !== 0) throw new Error("The sweep cannot be measured");
  return JSON.parse(stdout.toString()) as SweepCosts;
}
