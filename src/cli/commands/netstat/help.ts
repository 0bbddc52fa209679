/** `sockscope netstat --help`. */
import { netstatOptions } from "./options.ts";

const BRIEF_COLUMN = 26;

/** The options that are about sockets, one line each. */
export function netstatHelp(): string {
  const lines = netstatOptions
    .filter(({ brief }) => brief !== "")
    .map(({ shorts, longs, brief, value }) => {
      const names = [
        ...(shorts ? [`-${shorts[0]}`] : []),
        `--${longs[0]}${value === undefined ? "" : "=LIST"}`,
      ];
      return `  ${names.join(", ").padEnd(BRIEF_COLUMN)} ${brief}\n`;
    });
  return ["usage: netstat [OPTIONS]\n\nSockets as netstat lists them.\n\n", ...lines].join("");
}
