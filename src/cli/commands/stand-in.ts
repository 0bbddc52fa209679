/** Commands that stand in for other programs: their arguments are those of these programs. */
import type { OptionValue } from "../option.ts";
import type { World } from "../world.ts";
import type { Command, CommandOption } from "./command.ts";

/** An option, as the help, the man page and the completions show it. */
export interface ShownOption {
  readonly shorts?: string;
  readonly longs: readonly string[];
  readonly value?: OptionValue;
  readonly brief: string;
}

function shownOption({ shorts = "", longs, value, brief }: ShownOption): CommandOption<undefined> {
  return {
    ...(shorts === "" ? {} : { shorts }),
    longs,
    ...(value === undefined ? {} : { value }),
    brief,
    doc: `${brief}.`,
    apply: (settings) => settings,
  };
}

/**
 * A command that parses its arguments as another program does.
 *
 * @param options the options that help, man page and completions show
 */
export function standIn(
  doc: string,
  options: readonly ShownOption[],
  runProgram: (world: World) => Promise<number>,
): Command<undefined> {
  return {
    doc,
    options: options.map(shownOption),
    settings: undefined,
    run: ({ world }) => runProgram(world),
  };
}
