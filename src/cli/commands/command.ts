/** What a command is: options of its own beside those of ss, and something else to do with the sockets. */
import type { FilterSource } from "../../filter/words.ts";
import type { Host } from "../../host/host.ts";
import type { OptionNames, Stop } from "../getopt.ts";
import type { Draft, OptionValue } from "../options.ts";
import type { World } from "../world.ts";

/** An option that only one command has. Its names hide those that an option of ss has. */
export interface CommandOption<Settings> extends OptionNames {
  readonly value?: OptionValue;
  /** What it does, for one line of `--help`. */
  readonly brief: string;
  /** What it does, in sentences, for the man page. */
  readonly doc: string;
  /**
   * What it makes of the settings: new ones, or the end of the run.
   *
   * @param value empty if the option takes none
   * @param program the name that messages begin with
   */
  apply(settings: Settings, value: string, program: string): Settings | Stop;
}

/** A command line as a command gets it. */
export interface Task<Settings> {
  readonly world: World;
  /** The machine to look at. */
  readonly host: Host;
  /** What the options of ss have come to. */
  readonly draft: Draft;
  /** What its own options have come to. */
  readonly settings: Settings;
  /** State words, then the filter. */
  readonly words: FilterSource;
}

/** A command. */
export interface Command<Settings> {
  /** What it does, in sentences, for its help and the man page. */
  readonly doc: string;
  readonly options: readonly CommandOption<Settings>[];
  /** The settings before any option. */
  readonly settings: Settings;
  /**
   * Does all of a run by itself, whose arguments follow other rules than those of ss; `world.args` is what stands
   * behind the command's word.
   *
   * @returns the exit status
   */
  readonly runAlone?: (world: World) => Promise<number>;
  /** Does it. @returns the exit status */
  run(task: Task<Settings>): Promise<number>;
}
