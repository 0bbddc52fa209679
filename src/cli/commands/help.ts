/** `sockscope COMMAND --help`. */
import { describeOption, HELP_COLUMNS, wrapped } from "../help.ts";
import { categories } from "../option.ts";
import { isTaken, options } from "../options.ts";
import type { Command } from "./command.ts";
import type { CommandWord } from "./command-names.ts";

function synopsis(program: string, word: CommandWord, operands = "[FILTER]"): string {
  return `Usage: ${program} ${word} [OPTIONS] ${operands}\n`;
}

/** What follows the message about a wrong option of a command. */
export function commandUsage<Settings>(
  program: string,
  word: CommandWord,
  { operands }: Command<Settings>,
): string {
  return `${synopsis(program, word, operands)}Try '${program} ${word} --help'.\n`;
}

/** The help text of a command: its own options, and the options of ss that it accepts. */
export function commandHelp<Settings>(
  program: string,
  word: CommandWord,
  command: Command<Settings>,
): string {
  const own = command.options.map(describeOption).join("");
  const hidden = new Set(command.options.flatMap(({ shorts = "" }) => [...shorts]));
  const groups = Object.entries(categories).flatMap(([category, title]) => {
    const taken = options.filter((option) => option.category === category && isTaken(option, word));
    const names = taken.map(({ shorts = "", longs }) => {
      const letter = [...shorts].find((each) => !hidden.has(each));
      return letter === undefined ? `--${longs[0]}` : `-${letter}/--${longs[0]}`;
    });
    return names.length === 0 ? [] : [wrapped(`  ${title}:`, names)];
  });
  return [
    synopsis(program, word, command.operands),
    filled(command.doc),
    ...(own === "" ? [] : [`Options of ${word}:\n${own}`]),
    `Also accepted (see '${program} --help'):\n${groups.join("")}`,
  ].join("\n");
}

/** Text wrapped to {@link HELP_COLUMNS}. */
function filled(text: string): string {
  let filled = "";
  let column = 0;
  for (const word of text.split(" ")) {
    if (column > 0 && column + 1 + word.length > HELP_COLUMNS) {
      filled += "\n";
      column = 0;
    }
    filled += column > 0 ? ` ${word}` : word;
    column += (column > 0 ? 1 : 0) + word.length;
  }
  return `${filled}\n`;
}
