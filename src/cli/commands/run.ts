/** Runs a command: parses its own options together with those of ss. */
import { expectLongRun } from "#libc";
import { performActions } from "../actions.ts";
import { blankDraft, type Draft } from "../draft.ts";
import { readsStream } from "../fleet/stream-settings.ts";
import { getopt, isStop, type OptionNames, type Stop, usageError } from "../getopt.ts";
import { halt } from "../halt.ts";
import { onMachine } from "../machine.ts";
import type { Option } from "../option.ts";
import { isTaken, missingOf, options } from "../options.ts";
import { applyOption, refusedRemotely, spelled } from "../parse.ts";
import { refusalOf } from "../view.ts";
import type { World } from "../world.ts";
import type { Command } from "./command.ts";
import { type CommandWord, isRemote } from "./command-names.ts";
import { loadCommand } from "./table.ts";

/** The effect of the options parsed so far. */
interface Progress<Settings> {
  readonly draft: Draft;
  readonly settings: Settings;
}

/** An option of the command line: the command's own, or one of ss. */
interface Row<Settings> extends OptionNames {
  apply(progress: Progress<Settings>, value: string): Progress<Settings> | Stop;
}

/** All options. The command's own come first, so that their names take precedence. */
function rowsOf<Settings>(word: CommandWord, command: Command<Settings>, program: string): Row<Settings>[] {
  const own = command.options.map(
    (option): Row<Settings> => ({
      ...option,
      apply(progress, value) {
        const settings = option.apply(progress.settings, value, program);
        return isObjectStop(settings) ? settings : { ...progress, settings };
      },
    }),
  );
  const ofSs = options.map(
    (option): Row<Settings> => ({
      ...option,
      apply(progress, value) {
        if (!isTaken(option, word)) return refuse(program, word, option);
        const draft = applyOption(option, progress.draft, value, program);
        return isStop(draft) ? draft : { ...progress, draft };
      },
    }),
  );
  return [...own, ...ofSs];
}

function isObjectStop<Settings>(settings: Settings | Stop): settings is Stop {
  return typeof settings === "object" && settings !== null && isStop(settings);
}

function refuse(program: string, word: string, { longs }: Option): Stop {
  return usageError(`${program}: ${word} does not accept --${longs[0]}`);
}

/** Runs a command. @param word its name, the first argument @returns the exit status */
export async function runCommand(world: World, word: CommandWord): Promise<number> {
  return start(world, word, await loadCommand(word));
}

async function start<Settings>(world: World, word: CommandWord, command: Command<Settings>): Promise<number> {
  if (command.isShort !== true) expectLongRun();
  const { program, args, env } = world;
  const texts = {
    help: async () => (await import("./help.ts")).commandHelp(program, word, command),
    usage: async () => (await import("./help.ts")).commandUsage(program, word, command),
  };
  const end = (stop: Stop) => halt(world, stop, texts);
  const rows = rowsOf(word, command, program);
  const firstWordEnds = env["POSIXLY_CORRECT"] !== undefined;
  const { steps, words, error } = getopt(rows, args.slice(1), {
    program,
    firstWordEnds,
    dashedWords: command.dashedWords,
  });
  let progress: Progress<Settings> = { draft: blankDraft, settings: command.settings };
  for (const { row, value } of steps) {
    const next = refusedRemotely(world, row) ?? row.apply(progress, value);
    if (isStop(next)) return end(next);
    progress = next;
  }
  if (error !== undefined) return end(error);
  const { draft, settings } = progress;
  const refused = refusalOf(draft, env) ?? (isRemote(word) ? missingOf(draft) : undefined);
  if (refused !== undefined) return end(usageError(`${program}: ${refused}`));
  const done = await performActions(world, draft);
  if (isStop(done)) return end(done);
  const file = world.remote?.filterFile ?? done.filterFile;
  const source = { args: words, file };
  const asksHosts = (draft.hosts !== undefined || draft.fleet !== undefined) && isRemote(word);
  if (asksHosts && !readsStream(draft, word, settings)) {
    const { askHosts } = await import("../fleet/ask.ts");
    const given = steps.map(({ row, value }) => spelled(row, value));
    return askHosts(world, { command: word, draft, steps: given, source });
  }
  return onMachine(world, draft, (host) => command.run({ world, host, draft, settings, words: source }));
}
