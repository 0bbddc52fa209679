/** The ratios to ss that were measured last, kept in recorded.json, and what got worse since. */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Cost } from "./measure.ts";

/** Our time divided by that of ss. */
interface Ratios {
  readonly wall: number;
  readonly cpu: number;
}

const path = join(import.meta.dirname, "recorded.json");
/** Ratios vary from run to run; only what is worse by more than this is printed. */
const TOLERANCE = { wall: 1.25, cpu: 1.15 } as const;

const measured: Record<string, Ratios> = {};

function rounded(value: number): number {
  return Math.round(value * 100) / 100;
}

/** Notes the ratios of a case of this run. */
export function noteRatios(name: string, ours: Cost, ss: Cost): void {
  measured[name] = { wall: rounded(ours.wall / ss.wall), cpu: rounded(ours.cpu / ss.cpu) };
}

function readRecorded(): Record<string, Ratios> {
  return existsSync(path) ? JSON.parse(readFileSync(path, "utf8")) : {};
}

/** Keeps the ratios of this run for {@link checkRatios}, beside those of other cases. */
export function recordRatios(): void {
  writeFileSync(path, `${JSON.stringify({ ...readRecorded(), ...measured }, undefined, 2)}\n`);
}

/** Prints the cases that are slower, compared with ss, than when they were recorded. */
export function checkRatios(): void {
  const recorded = readRecorded();
  const worse: string[] = [];
  let compared = 0;
  for (const [name, now] of Object.entries(measured)) {
    const before = recorded[name];
    if (before === undefined) continue;
    compared++;
    for (const kind of ["wall", "cpu"] as const)
      if (now[kind] > before[kind] * TOLERANCE[kind])
        worse.push(`${name}: ${kind} ${now[kind]} of ss, recorded ${before[kind]}`);
  }
  console.log(
    `\n${compared} of ${Object.keys(measured).length} cases have recorded ratios; ${worse.length} got worse`,
  );
  for (const line of worse) console.log(`- ${line}`);
}
