/** The options that a shell completes, with and without a command. */
import { columnNames } from "../../output/columns.ts";
import { commandTable } from "../commands/all.ts";
import type { Command } from "../commands/command.ts";
import type { CommandWord } from "../commands/command-names.ts";
import type { OptionHelp } from "../help.ts";
import type { OptionValue } from "../option.ts";
import { isTaken, options } from "../options.ts";

/** The options after a command, or of a command line without one. */
export interface CommandOptions {
  /** The name of the command; {@link SS} without one. */
  readonly command: string;
  readonly own: readonly OptionHelp[];
  /** The options of ss that the command accepts, without names that its own options use. */
  readonly taken: readonly OptionHelp[];
}

/** The scripts' name for a command line without a command. */
export const SS = "ss";

/** An option's names with their dashes. */
export function optionNames({ shorts = "", longs }: Pick<OptionHelp, "shorts" | "longs">): string[] {
  return [...[...shorts].map((letter) => `-${letter}`), ...longs.map((long) => `--${long}`)];
}

/** Whether an option takes a value. */
export function hasValue(option: OptionHelp): option is OptionHelp & { readonly value: OptionValue } {
  return option.value !== undefined;
}

/** The words that a value of kind `list` may contain. */
export function listWords({ choices = [], columns }: OptionValue): readonly string[] {
  return columns ? [...columnNames(), ...choices] : choices;
}

/** The possible values of kind `word`; empty if any word is possible. */
export function valueWords({ choices = [], reversible = false }: OptionValue): readonly string[] {
  return reversible ? choices.flatMap((word) => [word, `-${word}`]) : choices;
}

/** The options of ss that a command accepts, without names that the command's own options use. */
export function takenOptions(
  word: CommandWord,
  command: Pick<Command<unknown>, "options">,
): readonly OptionHelp[] {
  const hidden = new Set(command.options.flatMap(optionNames));
  return options
    .filter((option) => isTaken(option, word))
    .map((option) => ({
      ...option,
      shorts: [...(option.shorts ?? "")].filter((letter) => !hidden.has(`-${letter}`)).join(""),
      longs: option.longs.filter((long) => !hidden.has(`--${long}`)),
    }))
    .filter((option) => optionNames(option).length > 0);
}

/** The options without a command, then the options of each command. */
export const commandOptions: readonly [CommandOptions, ...CommandOptions[]] = [
  { command: SS, own: options, taken: [] },
  ...commandTable.map(([word, command]) => ({
    command: word,
    own: command.options,
    taken: takenOptions(word, command),
  })),
];
