/** `-E`: shows sockets as the kernel destroys them. */
import { libc } from "#libc";
import { destroyGroups } from "../families/inet/destroyed.ts";
import { NetlinkError } from "../netlink/errors.ts";
import type { OpenQuery } from "../query/open.ts";
import { EXIT_USAGE } from "./getopt.ts";
import type { Presentation } from "./plan.ts";
import { show } from "./show.ts";
import type { World } from "./world.ts";

/**
 * Shows destroyed sockets until the stream of events ends. Only the stream of a recording ends by itself.
 *
 * @returns the exit status
 */
export async function followEvents(
  world: World,
  query: OpenQuery,
  presentation: Presentation,
): Promise<number> {
  if (destroyGroups(query.selection) === 0) return EXIT_USAGE;
  try {
    await show(world, query, presentation, () => query.destroyed(), { following: true });
    return 0;
  } catch (error) {
    if (!(error instanceof NetlinkError)) throw error;
    const what = error.operation === "recv" ? "netlink receive error" : "Cannot open netlink socket:";
    const errno = error.operation === "recv" ? ` (${error.errno})` : "";
    world.stderr.write(new TextEncoder().encode(`${what} ${libc.strerror(error.errno)}${errno}\n`));
    return EXIT_USAGE;
  }
}
