/** What an option is: its names and value, its help texts, and its effect on the draft of a run. */
import type { Demand } from "../model/demand.ts";
import type { RowStyle } from "../table/style.ts";
import type { CommandWord } from "./commands/command-names.ts";
import type { Draft } from "./draft.ts";
import type { OptionNames, Stop } from "./getopt.ts";

/** Headings of the option groups in help and man page, in display order. */
export const categories = {
  tables: "Tables",
  families: "Address families",
  states: "States",
  filter: "Filter",
  details: "Details of each socket",
  output: "Output",
  modes: "Other modes",
  source: "Where to read sockets",
  hosts: "Other hosts",
  fleet: "Other hosts over NATS",
  general: "General",
} as const;

/** The kind of an option's value. Shell completions use it to offer candidates. */
export type ValueKind = "file" | "folder" | "netns" | "hosts" | "number" | "word" | "list";

/** The value that an option takes. */
export interface OptionValue {
  /** Placeholder in help, in capitals. */
  readonly name: string;
  readonly kind: ValueKind;
  /** The possible words (`word`), or the words that a list may contain (`list`). */
  readonly choices?: readonly string[];
  /** Also accepts column names, which only the catalogue knows. */
  readonly columns?: true;
  /** A `word` may have a leading `-`, which reverses the order. */
  readonly reversible?: boolean;
}

/** The value of an option that names a file. */
export const file = { name: "FILE", kind: "file" } as const satisfies OptionValue;

/** An option: one row of the table. */
export interface Option extends OptionNames {
  readonly value?: OptionValue;
  readonly category: keyof typeof categories;
  /** Description for one line of `--help`. At most 54 characters. */
  readonly brief: string;
  /** Description in sentences, for the man page. */
  readonly doc: string;
  /** What it needs of each socket. */
  readonly demands?: readonly Demand[];
  /** Its changes to the rows of ss's own table. */
  readonly style?: Partial<RowStyle>;
  /** The commands that accept it. A run without a command accepts every option. */
  readonly commands?: readonly CommandWord[];
  /** Long names of the options that it cannot be combined with, and the error message for such a run. */
  readonly excludes?: { readonly options: readonly string[]; reason(other: string): string };
  /** Long names of the options without which it has no effect: one of them must be given, too. */
  readonly needs?: readonly [string, ...string[]];
  readonly apply?: Apply;
}

/**
 * The effect of an option: the changed draft, or the end of the run.
 *
 * @param value empty for an option without a value
 * @param program the program's name in messages
 */
export type Apply = (draft: Draft, value: string, program: string) => Draft | Stop;
