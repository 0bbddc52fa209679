/**
 * One run of the program: parse the options, list the sockets, show them.
 *
 * Code that most runs do not need is loaded on demand, because loading takes half of a short run.
 */
import { performActions } from "./actions.ts";
import { isCommand, isHabit } from "./commands/command-names.ts";
import { isStop, usageError } from "./getopt.ts";
import { halt, type TextStop } from "./halt.ts";
import { onMachine } from "./machine.ts";
import { missingOf } from "./options.ts";
import { parse } from "./parse.ts";
import { refusalOf, viewFor } from "./view.ts";
import type { World } from "./world.ts";

const encoder = new TextEncoder();

/** Runs the program with the arguments of `world`. @returns the exit status */
export async function run(world: World): Promise<number> {
  const [first] = world.args;
  if (first !== undefined && isHabit(first)) {
    const { runHabit } = await import("./commands/habits.ts");
    return runHabit(world, first);
  }
  if (first !== undefined && isCommand(first)) {
    const { runCommand } = await import("./commands/run.ts");
    return runCommand(world, first);
  }
  const { draft, steps, words, stop } = parse(world);
  const done = await performActions(world, draft);
  if (isStop(done)) return halt(world, done);
  if (stop?.kind === "help" && words.length === 1 && words[0] === "filter") {
    const { filterUsage } = await import("./filter-help.ts");
    world.stdout.write(encoder.encode(filterUsage(world)));
    return 0;
  }
  const text = async (wanted: TextStop) => (await import("./texts.ts")).textOf(world, wanted);
  if (stop !== undefined) return halt(world, stop, { text });
  const refused = refusalOf(draft, world.env) ?? missingOf(draft);
  if (refused !== undefined) return halt(world, usageError(`${world.program}: ${refused}`));
  const source = { args: words, file: world.remote?.filterFile ?? done.filterFile };
  if (draft.hosts !== undefined || draft.fleet !== undefined) {
    const { askHosts } = await import("./fleet/ask.ts");
    return askHosts(world, { draft, steps, source });
  }
  return onMachine(world, draft, async (host) => {
    const view = await viewFor(world, draft);
    if (isStop(view)) return halt(world, view);
    const listed = async (to: World) => {
      const { listSockets } = await import("./listing.ts");
      return listSockets(to, host, draft, view, source);
    };
    if (!draft.summary) return listed(world);
    const { withSummary } = await import("./summary.ts");
    return withSummary(world, host, draft, source.args, listed);
  });
}
