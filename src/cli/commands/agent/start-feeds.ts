/** Starts what an agent puts into the stream of its fleet. */
import { join } from "node:path";
import { StoreError } from "../../../store/error.ts";
import { defaultFolder } from "../../../store/folder.ts";
import type { FeedConnection, Feeds } from "../../fleet/feeds.ts";
import { type Stop, usageError } from "../../getopt.ts";
import type { World } from "../../world.ts";
import type { Task } from "../command.ts";
import type { FeedOptions } from "./feed-options.ts";

/** What an agent says of its host. */
interface Identity {
  /** The name of the host in the fleet. */
  readonly host: string;
  readonly bootId: string;
}

const EXIT_FAILURE = 1;

/** Where an agent of this user keeps its spools, if no option says so. */
function spoolFolder({ env }: World): string | undefined {
  const store = defaultFolder(env, process.geteuid?.() === 0);
  return store && join(store, "spool");
}

/** Feeds of an agent that has none. */
const none: Feeds = {
  connected: (_: FeedConnection) => undefined,
  reconnected: () => undefined,
  failed: new Promise(() => undefined),
  end: async () => undefined,
};

/**
 * Starts the feeds of `--events` and `--findings`. They spool until there is a connection.
 *
 * @param say takes messages for people
 * @returns a Stop if there is no folder for the spools
 */
export async function startFeeds(
  { world, draft, settings, words }: Task<{ readonly feeds: FeedOptions }>,
  { host, bootId }: Identity,
  say: (text: string) => void,
): Promise<Feeds | Stop> {
  const { events, findings, spool, spoolBytes } = settings.feeds;
  const refuse = (message: string) => usageError(`${world.program}: agent: ${message}`);
  if (words.args.length > 0 && events === undefined) return refuse("a filter needs --events");
  if (events === undefined && !findings) return none;
  const folder = spool ?? spoolFolder(world);
  if (folder === undefined) return refuse("--spool is needed: there is no home folder");
  const { openFeeds } = await import("../../fleet/feeds.ts");
  const { followInProcess } = await import("../../fleet/follow-process.ts");
  try {
    return openFeeds(
      { follow: followInProcess(world), host, boot: bootId, say },
      { events, words: words.args, findings, allNetns: draft.allNetns, folder, limitBytes: spoolBytes },
    );
  } catch (error) {
    if (!(error instanceof StoreError)) throw error;
    return {
      kind: "error",
      message: `${world.program}: agent: ${error.message}`,
      usage: false,
      status: EXIT_FAILURE,
    };
  }
}
