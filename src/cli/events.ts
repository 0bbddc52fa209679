/** `-E`: sockets as the kernel destroys them. */
import { libc } from "#libc";
import { destroyGroups } from "../families/inet/destroyed.ts";
import type { Host } from "../host/host.ts";
import type { HostNames } from "../lookup/names.ts";
import { NetlinkError } from "../netlink/errors.ts";
import { dropsOf } from "../procfs/drops.ts";
import { destroyed, type Query } from "../query/list.ts";
import { EXIT_USAGE } from "./getopt.ts";
import type { Draft } from "./options.ts";
import { show } from "./show.ts";
import type { View } from "./view.ts";
import type { World } from "./world.ts";

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
      if (problem.rest && (drops ?? reported) === reported) return;
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
