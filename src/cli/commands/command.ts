/** The interface of a command (`top`, `events`, `doctor`): its own options, and the function that runs it. */
import type { FilterSource } from "../../filter/source.ts";
import type { Host } from "../../host/host.ts";
import type { Draft } from "../draft.ts";
import type { OptionNames, Stop } from "../getopt.ts";
import type { OptionValue } from "../option.ts";
import type { World } from "../world.ts";

/** An option that belongs to one command. Its names hide the same names of ss's options. */
export interface CommandOption<Settings> extends OptionNames {
  readonly value?: OptionValue;
  /** Description for one line of `--help`. At most 54 characters. */
  readonly brief: string;
  /** Description in sentences, for the man page. */
  readonly doc: string;
  /**
   * Returns the changed settings, or the end of the run.
   *
   * @param value empty for an option without a value
   * @param program the program's name in messages
   */
  apply(settings: Settings, value: string, program: string): Settings | Stop;
}

/** The parsed command line of a command. */
export interface Task<Settings> {
  readonly world: World;
  /** The machine whose sockets are listed. */
  readonly host: Host;
  /** The effect of ss's options. */
  readonly draft: Draft;
  /** The effect of the command's own options. */
  readonly settings: Settings;
  /** State words, then the filter. */
  readonly words: FilterSource;
}

/** A command: listed in table.ts. */
export interface Command<Settings> {
  /** Description in sentences, for its `--help` and the man page. */
  readonly doc: string;
  /** The words that it takes, for the usage line. Default: a filter. */
  readonly operands?: string;
  readonly options: readonly CommandOption<Settings>[];
  /** Arguments that are words although they begin with a dash. */
  readonly dashedWords?: RegExp;
  /** Whether most runs end before code that is compiled for a long run pays off. */
  readonly isShort?: true;
  /** The default settings. */
  readonly settings: Settings;
  /** Runs the command. @returns the exit status */
  run(task: Task<Settings>): Promise<number>;
}
