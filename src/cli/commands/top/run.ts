/** One run of `top`: on the screen, or printing frames until it is interrupted. */

import type { PastTime } from "../../../host/host.ts";
import { EXIT_USAGE, isStop, type Stop } from "../../getopt.ts";
import { halt } from "../../halt.ts";
import type { Task } from "../command.ts";
import { type Clock, takeTurns } from "../turns.ts";
import { frameText, pastFrameText } from "./batch.ts";
import { Rewind } from "./rewind.ts";
import { openSampler, type Sampler } from "./sampler.ts";
import type { TopSettings } from "./settings.ts";

const decoder = new TextDecoder();
const encoder = new TextEncoder();
const clock: Clock = () => performance.now();

/** Waits. Returns at once when the run is interrupted. */
function pause(ms: number, interrupted: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (interrupted.aborted) {
      resolve();
      return;
    }
    const end = () => {
      clearTimeout(timer);
      interrupted.removeEventListener("abort", end);
      resolve();
    };
    const timer = setTimeout(end, Math.max(0, ms));
    interrupted.addEventListener("abort", end);
  });
}

/** The name of a host. */
function hostName({ host }: Task<TopSettings>): string {
  try {
    return decoder.decode(host.files.read("/proc/sys/kernel/hostname")).trim();
  } catch {
    return "localhost";
  }
}

function refusal(program: string, why: string): Stop {
  const message = `${program}: top: ${why}: use --batch or --json`;
  return { kind: "error", message, usage: false, status: 1 };
}

/** Runs `top` with its arguments. @returns the exit status */
export async function runTop(task: Task<TopSettings>): Promise<number> {
  const { world, host, draft, settings, words } = task;
  if (settings.by === undefined && ["group", "sockets"].includes(settings.sort.column)) {
    const message = `${world.program}: top: only groups are sorted by ${settings.sort.column}: add --by`;
    return halt(world, { kind: "error", message, usage: false, status: EXIT_USAGE });
  }
  const terminal = settings.form === "screen" ? world.terminal() : undefined;
  if (settings.form === "screen") {
    if (terminal === undefined) return halt(world, refusal(world.program, "it needs a terminal"));
    const { TERM = "" } = world.env;
    if (TERM === "" || TERM === "dumb")
      return halt(world, refusal(world.program, `the terminal (TERM=${TERM}) cannot show a screen`));
  }
  const opened = await openSampler(world, host, draft, words, clock);
  if (isStop(opened)) return halt(world, opened);
  if (terminal !== undefined) {
    const { runScreen } = await import("./screen.ts");
    return runScreen(task, { terminal, sampler: opened, host: hostName(task), clock });
  }
  using sampler = opened;
  // The query stays open until the frames are printed.
  const { past } = host;
  return await (past === undefined ? printFrames(task, sampler) : printPast(task, past, sampler));
}

/** Prints the frames of the past, from the moment on. */
async function printPast(task: Task<TopSettings>, past: PastTime, sampler: Sampler): Promise<number> {
  const { world, draft, settings } = task;
  const interrupted = world.interrupted();
  const rows = draft.top ?? Number.POSITIVE_INFINITY;
  const options = { settings, sampler, host: hostName(task), rows, allNetns: draft.allNetns };
  const breathe = takeTurns(clock, interrupted);
  const rewind = new Rewind(past);
  try {
    for (let printed = 1; !interrupted.aborted; printed++) {
      const frame = await rewind.frame(sampler, interrupted);
      world.stdout.write(encoder.encode(await pastFrameText(options, frame, breathe)));
      if (printed === settings.count || rewind.move(1) !== undefined) return 0;
    }
  } catch (error) {
    if (!interrupted.aborted) throw error;
  }
  return Number(interrupted.reason);
}

/** Prints frames until there are enough, or the run is interrupted. */
async function printFrames(task: Task<TopSettings>, sampler: Sampler): Promise<number> {
  const { world, draft, settings } = task;
  const interrupted = world.interrupted();
  const rows = draft.top ?? Number.POSITIVE_INFINITY;
  const options = { settings, sampler, host: hostName(task), rows, allNetns: draft.allNetns };
  const breathe = takeTurns(clock, interrupted);
  let due = clock();
  let printed = 0;
  try {
    while (!interrupted.aborted) {
      const sample = await sampler.take(interrupted);
      // The first sample has no rates yet.
      if (sample.number > 1) {
        world.stdout.write(encoder.encode(await frameText(options, sample, new Date(), breathe)));
        printed++;
      }
      if (printed === settings.count) return 0;
      due = Math.max(due + settings.delayMs, clock());
      await pause(due - clock(), interrupted);
    }
  } catch (error) {
    if (!interrupted.aborted) throw error;
  }
  return Number(interrupted.reason);
}
