/** The texts of `--help` and `--version`. */
import manifest from "../../package.json" with { type: "json" };
import { stateGroups, states } from "../model/state.ts";
import { commandWords } from "./commands/command-names.ts";
import { categories, type Option } from "./option.ts";
import { options } from "./options.ts";
import type { World } from "./world.ts";

/** The iproute2 release whose ss this program follows. */
export const SS_RELEASE = "iproute2 7.1.0";

/** Width of the help text. */
export const HELP_COLUMNS = 80;

/** Column of the descriptions. If the names are longer, the description goes on the next line. */
const BRIEF_COLUMN = 26;

/** The commands, one line each. */
const COMMANDS = `Commands (each has its own --help):\n${Object.entries(commandWords)
  .map(([word, brief]) => `  ${word.padEnd(BRIEF_COLUMN - 2)}${brief}\n`)
  .join("")}`;

/** Overview of ss's filter language. */
export const FILTER = `\
Filter (write each operator and parenthesis as a separate word):
  state STATE             Only this state; before all others, may be repeated
  exclude STATE           Not this state; before all others, may be repeated
  src HOST, dst HOST      Local or peer address: ADDRESS[/PREFIX][:PORT],
                          *:PORT, [IPV6]:PORT or FAMILY:ADDRESS (unix:/run/*)
  sport OP PORT, dport OP PORT
                          Local or peer port; OP is = != < <= > >=
  dev, fwmark, cgroup     Then [= | !=] and an interface, MARK[/MASK], or path
  autobound               The kernel chose the local port
  and, or, not, ( )       "and" is optional; evaluated strictly left to right
`;

/** Wraps words to `columns`. The first line begins with `start`; the others are indented by its length. */
export function wrapped(start: string, words: readonly string[], columns: number = HELP_COLUMNS): string {
  const indent = " ".repeat(start.length);
  let text = start;
  let column = start.length;
  for (const word of words) {
    if (column > start.length && column + word.length + 1 > columns) {
      text += `\n${indent}`;
      column = indent.length;
    }
    text += ` ${word}`;
    column += word.length + 1;
  }
  return `${text}\n`;
}

/** The words that `state` accepts: the groups, and the preferred word for each state. */
export function stateNames(): string {
  const named: readonly (readonly string[])[] = states.map(({ words }) => words);
  const words = [...Object.keys(stateGroups), ...named.flatMap(([preferred]) => preferred ?? [])];
  return `States for the filter:\n${wrapped(" ", words)}`;
}

/** The parts of an option that help and completions show. */
export type OptionHelp = Pick<Option, "shorts" | "longs" | "value" | "brief">;

/** An option's names and value: `-f, --family FAMILY`. */
function names({ shorts, longs, value }: OptionHelp): string {
  const all = [...(shorts ?? "")].map((letter) => `-${letter}`).concat(longs.map((long) => `--${long}`));
  const indent = shorts ? "" : "    ";
  return `${indent}${all.join(", ")}${value ? ` ${value.name}` : ""}`;
}

/** A name and its description: on one line, or on two if the name is too long. */
export function helpLine(name: string, brief: string): string {
  const left = `  ${name}`;
  const gap =
    left.length + 2 > BRIEF_COLUMN ? `\n${" ".repeat(BRIEF_COLUMN)}` : " ".repeat(BRIEF_COLUMN - left.length);
  return `${left}${gap}${brief}\n`;
}

/** The one or two lines of an option. */
export function describeOption(option: OptionHelp): string {
  return helpLine(names(option), option.brief);
}

function synopsis(program: string): string {
  return `Usage: ${program} [OPTIONS] [FILTER]\n       ${program} COMMAND [OPTIONS] [FILTER]\n`;
}

/** What follows the message about a wrong command line. ss prints its whole help there; ours would hide the message. */
export function usage({ program }: Pick<World, "program">): string {
  return `${synopsis(program)}Try '${program} --help' or '${program} --help filter'.\n`;
}

/** The text of `--help`. */
export function help({ program }: Pick<World, "program">): string {
  const groups = Object.entries(categories).map(([category, title]) => {
    const own = options.filter((option) => option.category === category);
    return `${title}:\n${own.map(describeOption).join("")}`;
  });
  return [synopsis(program), COMMANDS, ...groups, FILTER, stateNames()].join("\n");
}

/** The text of `--version`. Under the name `ss` it is ss's own text, because scripts parse the release from it. */
export function version(program: string): string {
  if (program === "ss") return `ss utility, ${SS_RELEASE.replace(" ", "-")}\n`;
  return `${manifest.name} ${manifest.version} (ss of ${SS_RELEASE})\n`;
}
