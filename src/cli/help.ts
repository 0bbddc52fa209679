/** The help and version texts. */
import manifest from "../../package.json" with { type: "json" };
import { stateGroups, states } from "../model/state.ts";
import { commandWords } from "./commands/words.ts";
import { categories, type Option, options } from "./options.ts";
import type { World } from "./world.ts";

/** The release of iproute2 whose ss this program behaves like. */
export const SS_RELEASE = "iproute2 7.1.0";

/** Columns that the help may take. */
export const HELP_COLUMNS = 80;

/** Where what an option does begins; an option with longer names has it on the next line. */
const BRIEF_COLUMN = 26;

/** The commands, a line each. */
const COMMANDS = `Commands (each has its own --help):\n${Object.entries(commandWords)
  .map(([word, brief]) => `  ${word.padEnd(BRIEF_COLUMN - 2)}${brief}\n`)
  .join("")}`;

/** The predicates of ss, a few lines. */
export const FILTER = `\
Filter (each operator and parenthesis is a word of its own):
  state STATE             First of all words, may be repeated: only this state
  exclude STATE           Likewise: not this state
  src HOST, dst HOST      Local, peer address: ADDRESS[/PREFIX][:PORT], *:PORT,
                          [IPV6]:PORT, FAMILY: and what fits it (unix:/run/*)
  sport OP PORT, dport OP PORT
                          Local, peer port; OP is = != < <= > >=
  dev, fwmark, cgroup     Followed by [= | !=] and interface, MARK[/MASK], path
  autobound               The kernel chose the local port
  and, or, not, ( )       "and" may be left out; read strictly left to right
`;

/** Words in lines that fit, the first of which begins with `start` and the others below where that ends. */
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

/** The words after `state`: the groups, and each state's usual word. */
export function stateNames(): string {
  const named: readonly (readonly string[])[] = states.map(({ words }) => words);
  const words = [...Object.keys(stateGroups), ...named.flatMap(([usual]) => usual ?? [])];
  return `States of the filter:\n${wrapped(" ", words)}`;
}

/** What help tells of an option. */
export type OptionHelp = Pick<Option, "shorts" | "longs" | "value" | "brief">;

/** An option's names and value as help shows them. */
function names({ shorts, longs, value }: OptionHelp): string {
  const all = [...(shorts ?? "")].map((letter) => `-${letter}`).concat(longs.map((long) => `--${long}`));
  const indent = shorts ? "" : "    ";
  return `${indent}${all.join(", ")}${value ? ` ${value.name}` : ""}`;
}

/** The line of an option, or its two lines. */
export function describeOption(option: OptionHelp): string {
  const left = `  ${names(option)}`;
  const gap =
    left.length + 2 > BRIEF_COLUMN ? `\n${" ".repeat(BRIEF_COLUMN)}` : " ".repeat(BRIEF_COLUMN - left.length);
  return `${left}${gap}${option.brief}\n`;
}

/** What `--help` shows on standard output, and a wrong command line on standard error. */
export function usage({ program }: Pick<World, "program">): string {
  const groups = Object.entries(categories).map(([category, title]) => {
    const own = options.filter((option) => option.category === category);
    return `${title}:\n${own.map(describeOption).join("")}`;
  });
  const head = `Usage: ${program} [OPTIONS] [FILTER]\n       ${program} COMMAND [OPTIONS] [FILTER]\n`;
  return [head, COMMANDS, ...groups, FILTER, stateNames()].join("\n");
}

/** The text of `--version`. Called `ss`, it is that of ss, as scripts cut the release out of it. */
export function version(program: string): string {
  if (program === "ss") return `ss utility, ${SS_RELEASE.replace(" ", "-")}\n`;
  return `${manifest.name} ${manifest.version} (ss of ${SS_RELEASE})\n`;
}
