/** `sockscope netstat --help`. */
import { describeOption } from "../../help.ts";
import { netstatOptions } from "./options.ts";

/** The options that are about sockets, with one or two lines each. */
export function netstatHelp(): string {
  const lines = netstatOptions.filter(({ brief }) => brief !== "").map(describeOption);
  return [
    "Usage: sockscope netstat [OPTIONS]\n\nList sockets with the options and the output of netstat.\n\n",
    ...lines,
  ].join("");
}
