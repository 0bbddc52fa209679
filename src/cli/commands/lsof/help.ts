/** `sockscope lsof -h`. */
import { type LsofOption, lsofOptions, lsofWords } from "./options.ts";

const BRIEF_COLUMN = 36;

function line(name: string, { valueName, brief }: Pick<LsofOption, "valueName" | "brief">): string {
  const option = `  ${name}${valueName === undefined ? "" : ` ${valueName}`}`;
  return `${option.padEnd(BRIEF_COLUMN)} ${brief}\n`;
}

/** The options, one line each. */
export function lsofHelp(): string {
  const known = lsofOptions.filter(({ brief }) => brief !== "");
  const own = known.map((option) => line(`${option.signs === "+" ? "+" : "-"}${option.letter}`, option));
  const words = Object.entries(lsofWords).map(([name, option]) => line(name, option));
  return [
    "Usage: sockscope lsof [OPTIONS]\n\nSockets as lsof -i and lsof -U list them.\n\n",
    ...own,
    ...words,
  ].join("");
}
