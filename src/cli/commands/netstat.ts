/** `sockscope netstat`: sockets as netstat lists them. */

import { netstatOptions } from "./netstat/options.ts";
import { standIn } from "./stand-in.ts";

/** The command. */
export const netstat = standIn(
  "List sockets with the options and the output of netstat (net-tools 2.10): -t, -u, -w, -x, -4, -6 and -A choose " +
    "sockets, -l and -a what is listed of them, -n, -p, -e, -o and -W what is shown. -h lists the options. --json, " +
    "--all-netns and --container are ours. Called netstat, the program is this command.",
  netstatOptions.filter(({ brief, longs }) => brief !== "" && !longs.includes("help")),
  async (world) => (await import("./netstat/run.ts")).runNetstat(world),
);
