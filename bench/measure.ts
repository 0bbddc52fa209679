/** How long commands take, and how much memory. */
import { readFileSync } from "node:fs";

/** Where the output of a measured command goes. */
export type Sink = "/dev/null" | "pipe";

const throughPipe = ["sh", "-c", '"$@" | cat > /dev/null', "sh"];

/** Milliseconds that a command takes from its start to its end. */
function elapsedMs(command: readonly string[], sink: Sink): number {
  const argv = sink === "pipe" ? [...throughPipe, ...command] : [...command];
  const start = Bun.nanoseconds();
  const { exitCode } = Bun.spawnSync(argv, { stdin: "ignore", stdout: "ignore", stderr: "ignore" });
  const elapsed = (Bun.nanoseconds() - start) / 1e6;
  if (exitCode !== 0) throw new Error(`${command.join(" ")} exits with ${exitCode}`);
  return elapsed;
}

/** The middle one; of an even number the higher of the two. */
function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1]!;
}

/**
 * Median times of several commands, which run in turn, so that what else the machine does hits all alike.
 *
 * @param commands undefined for one that there is not
 * @returns milliseconds in the order of the commands
 */
export function compareMs(
  commands: readonly (readonly string[] | undefined)[],
  sink: Sink,
  runs: number,
): (number | undefined)[] {
  const times = commands.map((): number[] => []);
  // The first round warms up.
  for (let round = 0; round <= runs; round++)
    commands.forEach((command, index) => {
      if (command === undefined) return;
      const elapsed = elapsedMs(command, sink);
      if (round > 0) times[index]!.push(elapsed);
    });
  return times.map((each) => (each.length === 0 ? undefined : median(each)));
}

/**
 * The most memory that a command ever has resident, in bytes. Its own count is read again with each piece of its
 * output, as long as it waits for us to take more. (What wait4 tells is not less than the memory of who starts it.)
 */
export async function peakMemory(command: readonly string[]): Promise<number> {
  const { pid, stdout } = Bun.spawn([...command], { stderr: "ignore" });
  let peak = 0;
  for await (const _ of stdout) {
    const kilobytes = /^VmHWM:\s*(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "latin1"))?.[1];
    peak = Math.max(peak, Number(kilobytes ?? 0) * 1024);
  }
  return peak;
}
