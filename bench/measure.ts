/** How much time and memory commands take. */
import { readFileSync } from "node:fs";

/** Where the output of a measured command goes. */
export type Sink = "/dev/null" | "pipe";

const throughPipe = ["sh", "-c", '"$@" | cat > /dev/null', "sh"];

/** What a command takes, in milliseconds. */
export interface Cost {
  /** From its start to its end. */
  readonly wall: number;
  /** Processor time of all its threads, in user mode and in the kernel; other programs disturb it less. */
  readonly cpu: number;
}

/** Runs a command. */
function run(command: readonly string[], sink: Sink): Cost {
  const argv = sink === "pipe" ? [...throughPipe, ...command] : [...command];
  const start = Bun.nanoseconds();
  const { exitCode, resourceUsage } = Bun.spawnSync(argv, {
    stdin: "ignore",
    stdout: "ignore",
    stderr: "ignore",
  });
  const wall = (Bun.nanoseconds() - start) / 1e6;
  if (exitCode !== 0) throw new Error(`${command.join(" ")} exits with ${exitCode}`);
  const { user, system } = resourceUsage.cpuTime;
  return { wall, cpu: Number(user + system) / 1e3 };
}

/** The middle value; of an even number of values the higher one of the two. */
function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1]!;
}

/**
 * Median costs of several commands, which run in turn, so that other load on the machine hits all alike.
 *
 * @param commands undefined for one that is not installed
 * @returns costs in the order of the commands
 */
export function compare(
  commands: readonly (readonly string[] | undefined)[],
  sink: Sink,
  runs: number,
): (Cost | undefined)[] {
  const costs = commands.map((): Cost[] => []);
  // The first round warms up.
  for (let round = 0; round <= runs; round++)
    commands.forEach((command, index) => {
      if (command === undefined) return;
      const cost = run(command, sink);
      if (round > 0) costs[index]!.push(cost);
    });
  return costs.map((each) =>
    each.length === 0
      ? undefined
      : { wall: median(each.map(({ wall }) => wall)), cpu: median(each.map(({ cpu }) => cpu)) },
  );
}

/** Milliseconds between two readings of a command's memory. */
const MEMORY_MS = 2;

/** The peak memory of a process so far, in bytes; 0 once it has ended. */
function peakSoFar(pid: number): number {
  try {
    const kilobytes = /^VmHWM:\s*(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "latin1"))?.[1];
    return Number(kilobytes ?? 0) * 1024;
  } catch {
    return 0;
  }
}

/**
 * The peak resident memory of a command, in bytes. It is read every two milliseconds, and with each piece of the output,
 * while the command waits for us to take more. (What wait4 reports is never less than the memory of the process that
 * starts a command.)
 */
export async function peakMemory(command: readonly string[]): Promise<number> {
  const { pid, stdout } = Bun.spawn([...command], { stderr: "ignore" });
  let peak = 0;
  const look = () => {
    peak = Math.max(peak, peakSoFar(pid));
  };
  const timer = setInterval(look, MEMORY_MS);
  for await (const _ of stdout) look();
  clearInterval(timer);
  return peak;
}
