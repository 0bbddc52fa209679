/** `-E`: sockets as the kernel destroys them. */
import { libc } from "#libc";
import { destroyGroups } from "../diag/destroyed.ts";
import type { HostNames } from "../enrich/names.ts";
import type { Files, Host } from "../host/host.ts";
import { NetlinkError } from "../netlink/errors.ts";
import { destroyed, type Query } from "../query.ts";
import { EXIT_USAGE } from "./getopt.ts";
import type { Draft } from "./options.ts";
import { show } from "./show.ts";
import type { View } from "./view.ts";
import type { World } from "./world.ts";

const decoder = new TextDecoder();

/** Columns of /proc/net/netlink, counted from 0: Pid and Drops. */
const PORT_COLUMN = 2;
const DROPS_COLUMN = 8;

/** How many messages a netlink socket has lost so far, if the kernel tells. */
function dropsOf(files: Files, portId: number): number | undefined {
  const line = decoder
    .decode(files.read("/proc/net/netlink"))
    .split("\n")
    .map((text) => text.trim().split(/\s+/))
    .find((columns) => Number(columns[PORT_COLUMN]) === portId);
  return line && Number(line[DROPS_COLUMN]);
}

/**
 * Shows sockets as they are destroyed, until the stream of events ends (that of a recording does).
 *
 * @returns the exit status
 */
export function followEvents(
  world: World,
  host: Host,
  draft: Draft,
  view: View,
  query: Query,
  names: HostNames,
): number {
  const say = (text: string) => world.stderr.write(new TextEncoder().encode(text));
  if (destroyGroups(query.selection) === 0) return EXIT_USAGE;
  let reported = 0;
  const events = destroyed(host, {
    ...query,
    report(problem) {
      if (problem.kind !== "lost") return query.report(problem);
      const drops = dropsOf(host.files, problem.portId);
      say(
        `${drops === undefined ? "Some" : drops - reported} events were lost: they came faster than they were read.\n`,
      );
      reported = drops ?? reported;
    },
  });
  try {
    show(world, draft, query.selection, names, events, { view, following: true });
    return 0;
  } catch (error) {
    if (!(error instanceof NetlinkError)) throw error;
    say(`netlink receive error ${libc.strerror(error.errno)} (${error.errno})\n`);
    return EXIT_USAGE;
  }
}
