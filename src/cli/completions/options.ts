/** The options that a shell completes: those of ss, and after a command its own with those of ss that it takes. */
import { columnNames } from "../columns.ts";
import type { Command } from "../commands/command.ts";
import { commandTable } from "../commands/table.ts";
import type { CommandWord } from "../commands/words.ts";
import type { OptionHelp } from "../help.ts";
import { isTaken, type OptionValue, options } from "../options.ts";

/** The options after a command, or without one. */
export interface CommandOptions {
  /** The word of the command; {@link SS} without one. */
  readonly command: string;
  readonly own: readonly OptionHelp[];
  /** The options of ss that go with the command, by names that none of its own has. */
  readonly taken: readonly OptionHelp[];
}

/** What the scripts call a command line without a command. */
export const SS = "ss";

/** The names of an option as they are typed. */
export function optionNames({ shorts = "", longs }: Pick<OptionHelp, "shorts" | "longs">): string[] {
  return [...[...shorts].map((letter) => `-${letter}`), ...longs.map((long) => `--${long}`)];
}

/** Whether an option takes a value. */
export function hasValue(option: OptionHelp): option is OptionHelp & { readonly value: OptionValue } {
  return option.value !== undefined;
}

/** The words that a value of kind `list` can be made of. */
export function listWords({ choices = [], columns }: OptionValue): readonly string[] {
  return columns ? [...columnNames(), ...choices] : choices;
}

/** The words that a value of kind `word` can be, as they are typed; none if it can be any. */
export function valueWords({ choices = [], reversible = false }: OptionValue): readonly string[] {
  return reversible ? choices.flatMap((word) => [word, `-${word}`]) : choices;
}

/** The options of ss that go with a command, each by the names that no option of the command's own has. */
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

/** The options without a command, then those after each. */
export const commandOptions: readonly [CommandOptions, ...CommandOptions[]] = [
  { command: SS, own: options, taken: [] },
  ...commandTable.map(([word, command]) => ({
    command: word,
    own: command.options,
    taken: takenOptions(word, command),
  })),
];
