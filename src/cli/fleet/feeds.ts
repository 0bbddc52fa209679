/** What an agent puts into the stream of its fleet: events of sockets, and findings of the doctor, through a spool each. */

import { rules } from "../../doctor/rules/index.ts";
import type { Feed } from "../../fleet/nats/stream.ts";
import { type Delivery, deliver, packetSender } from "../../fleet/nats/stream-deliver.ts";
import { Spool } from "../../fleet/spool/spool.ts";
import { EXIT_USAGE } from "../getopt.ts";
import type { Follow, TakeLines } from "./follow-process.ts";
import { steadyFindings } from "./steady-findings.ts";

/** What an agent puts into the stream, and where it keeps it until then. */
export interface FeedSettings {
  /** The kinds of event, as `--only` takes them; `all`; undefined for no events. */
  readonly events: string | undefined;
  /** State words and the filter of events. */
  readonly words: readonly string[];
  readonly findings: boolean;
  /** Whether all network namespaces are followed. */
  readonly allNetns: boolean;
  /** The folder of the spools. */
  readonly folder: string;
  /** Bytes that each spool may take. */
  readonly limitBytes: number;
}

/** Where the feeds come from. */
export interface FeedSource {
  /** Runs the command lines that find what is delivered. */
  readonly follow: Follow;
  /** The name of this host in the fleet. */
  readonly host: string;
  /** /proc/sys/kernel/random/boot_id. */
  readonly boot: string;
  /** Takes messages for people. */
  readonly say: (text: string) => void;
}

/** A connection to a server, as far as the feeds use it. */
export type FeedConnection = Parameters<typeof packetSender>[0];

/** Feeds that run. */
export interface Feeds {
  /** Delivers what is in the spools, from now on. */
  connected(connection: FeedConnection): void;
  /** The server was away: what was sent before may be lost. */
  reconnected(): void;
  /** Resolves with an exit status if a feed cannot run at all, such as with a wrong filter. */
  readonly failed: Promise<number>;
  /** Ends the feeds: what is not delivered stays in the spools. */
  end(): Promise<void>;
}

/** Time between two samples of the doctor: it examines every socket. */
const EXAMINE = "15s";
/** Rules that read all processes, or what a recorder has kept, are for people. */
const costly: ReadonlySet<string> = new Set(["descriptors", "unseen"]);
const steadyRules = rules.filter(({ id, recorded }) => recorded !== true && !costly.has(id));
/** A run that fails sooner than this was wrong from the start. */
const START_MS = 2000;
/** Milliseconds until a run that has ended begins again. */
const AGAIN_MS = 10_000;
/** Seconds until an event is written: nobody waits for it. */
const LATENCY = "0.2";

/** The command line of each feed; undefined for one that is not wanted. */
const commandLines: Readonly<Record<Feed, (settings: FeedSettings) => readonly string[] | undefined>> = {
  events({ events, words, allNetns }) {
    if (events === undefined) return undefined;
    // Readers must learn which sources a host lacks.
    const kinds = events === "all" ? [] : [`--only=${events},sources`];
    const places = allNetns ? ["--all-netns"] : [];
    return ["events", "--json", "--numeric", `--latency=${LATENCY}`, ...kinds, ...places, "--", ...words];
  },
  findings({ findings, allNetns }) {
    if (!findings) return undefined;
    const chosen = steadyRules.map(({ id }) => `--rule=${id}`);
    const places = allNetns ? ["--all-netns"] : [];
    return ["doctor", "--watch", "--json", "--numeric", `--for=${EXAMINE}`, ...chosen, ...places];
  },
};

/** Runs a command line again and again, until the signal is aborted. @returns the exit status if it can never run */
async function runForEver(
  follow: Follow,
  args: readonly string[],
  take: TakeLines,
  signal: AbortSignal,
  say: (text: string) => void,
): Promise<number | undefined> {
  for (;;) {
    const begunMs = performance.now();
    const status = await follow(args, take, say, signal);
    if (signal.aborted) return undefined;
    if (status === EXIT_USAGE && performance.now() - begunMs < START_MS) return status;
    say(`${args[0]} has ended with status ${status}, and begins again in ${AGAIN_MS / 1000} s`);
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, AGAIN_MS);
      signal.addEventListener("abort", () => {
        clearTimeout(timer);
        resolve();
      });
    });
    if (signal.aborted) return undefined;
  }
}

/** One feed: what it finds goes to its spool, and from there to the server. */
function openFeed(
  feed: Feed,
  args: readonly string[],
  { follow, host, boot, say }: FeedSource,
  { folder, limitBytes }: FeedSettings,
  signal: AbortSignal,
) {
  const spool = new Spool({ folder, name: feed, limitBytes, boot });
  if (spool.replaced) {
    say(`the spool of ${feed} was damaged: it is kept as ${feed}.db.damaged, and what it had is lost`);
    const time = new Date().toISOString();
    spool.append([JSON.stringify({ time, event: "lost", source: "spool" })]);
  }
  let delivery: Delivery | undefined;
  let isFull = false;
  const keep = (lines: readonly string[]) => {
    const isKept = spool.append(lines);
    if (!isKept && !isFull) say(`the spool of ${feed} cannot be written: ${feed} are lost, and counted`);
    isFull = !isKept;
    delivery?.wake();
  };
  const steady = feed === "findings" ? steadyFindings(keep) : undefined;
  const running = runForEver(follow, args, steady?.take ?? keep, signal, say);
  return {
    running,
    connected(connection: FeedConnection) {
      delivery = deliver({
        spool,
        send: packetSender(connection, feed, host),
        signal,
        report: (error) => say(`${feed} stay in the spool: ${(error as Error).message}`),
      });
    },
    reconnected: () => delivery?.resend(),
    async end() {
      await running;
      steady?.end();
      await delivery?.ended;
      spool[Symbol.dispose]();
    },
  };
}

/** Begins to follow, and to spool. @throws StoreError if a spool cannot be opened */
export function openFeeds(source: FeedSource, settings: FeedSettings): Feeds {
  const stop = new AbortController();
  const open: ReturnType<typeof openFeed>[] = [];
  for (const feed of ["events", "findings"] as const) {
    const args = commandLines[feed](settings);
    if (args !== undefined) open.push(openFeed(feed, args, source, settings, stop.signal));
  }
  return {
    connected(connection) {
      for (const each of open) each.connected(connection);
    },
    reconnected() {
      for (const each of open) each.reconnected();
    },
    failed: new Promise((resolve) => {
      for (const { running } of open)
        void running.then((status) => {
          if (status !== undefined) resolve(status);
        });
    }),
    async end() {
      stop.abort(0);
      await Promise.all(open.map((each) => each.end()));
    },
  };
}
