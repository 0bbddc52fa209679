/** `sockscope lsof -h`. */
import { helpLine } from "../../help.ts";
import { type LsofOption, lsofOptions, lsofWords } from "./options.ts";

function line(name: string, { valueName, brief }: Pick<LsofOption, "valueName" | "brief">): string {
  return helpLine(valueName === undefined ? name : `${name} ${valueName}`, brief);
}

/** The options, with one or two lines each. */
export function lsofHelp(): string {
  const known = lsofOptions.filter(({ brief }) => brief !== "");
  const own = known.map((option) => line(`${option.signs === "+" ? "+" : "-"}${option.letter}`, option));
  const words = Object.entries(lsofWords).map(([name, option]) => line(name, option));
  return [
    "Usage: sockscope lsof [OPTIONS]\n\nList sockets with the options and the output of lsof.\n\n",
    ...own,
    ...words,
  ].join("");
}
