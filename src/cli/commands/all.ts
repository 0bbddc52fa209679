/** All commands, for the man page, the completions and the tests of the help. */
import type { Command } from "./command.ts";
import { type CommandWord, commandNames } from "./command-names.ts";
import { loadCommand } from "./table.ts";

/** The commands with their names, in display order. */
export const commandTable: readonly (readonly [CommandWord, Command<unknown>])[] = await Promise.all(
  commandNames.map(async (word) => [word, await loadCommand(word)] as const),
);
