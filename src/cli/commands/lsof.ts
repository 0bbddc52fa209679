/** `sockscope lsof`: sockets as lsof lists them. */

import { longOptions } from "./lsof/long-options.ts";
import { standIn } from "./stand-in.ts";

/** The command. */
export const lsof = standIn(
  "List the sockets that processes have open, with the options and the output of lsof 4.95: -i and -U choose " +
    "sockets, -p, -c, -u, -g and -s narrow the choice down, -t, -F and -J are for programs. -h lists the options. " +
    "--json, --all-netns and --container are ours. Called lsof, the program is this command.",
  Object.entries(longOptions).map(([name, { brief }]) => ({ longs: [name], brief })),
  async (world) => (await import("./lsof/run.ts")).runLsof(world),
);
