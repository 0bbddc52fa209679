/** Runs the commands that stand in for other programs without loading the table of all commands. */
import type { World } from "../world.ts";
import type { Habit } from "./command-names.ts";

const runners: { readonly [Name in Habit]: () => Promise<(world: World) => Promise<number>> } = {
  netstat: async () => (await import("./netstat/run.ts")).runNetstat,
  lsof: async () => (await import("./lsof/run.ts")).runLsof,
};

/** Runs such a command, with the arguments after its name. @returns the exit status */
export async function runHabit(world: World, name: Habit): Promise<number> {
  const run = await runners[name]();
  return run({ ...world, args: world.args.slice(1) });
}
