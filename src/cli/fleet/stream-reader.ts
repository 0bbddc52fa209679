/** Shows what the hosts of a fleet have put into its stream: each line once, and what is missing. */
import { escapeText } from "../../bytes/terminal.ts";
import { encodeBytes } from "../../bytes/text.ts";
import { HostListError, readHosts, readHostsFile } from "../../fleet/host-list.ts";
import { type Delivered, type Feed, STREAM } from "../../fleet/nats/stream.ts";
import type { ReceivedNumbers } from "../../fleet/nats/stream-numbers.ts";
import { type Beginning, readStream, type StreamPosition } from "../../fleet/nats/stream-read.ts";
import { isShallow } from "../../fleet/protocol.ts";
import { systemMessage } from "../../native/errno.ts";
import { readTime, timeSpelling } from "../../store/time.ts";
import { writeWhenFree } from "../commands/events/non-blocking-writer.ts";
import { EXIT_TIMEOUT } from "../commands/events/settings.ts";
import type { Draft } from "../draft.ts";
import { EXIT_USAGE, type Stop } from "../getopt.ts";
import { halt } from "../halt.ts";
import type { World } from "../world.ts";
import { openBroker } from "./broker.ts";
import { type Cursor, CursorError, numbersOf, readCursor, writeCursor } from "./cursor-file.ts";
import type { JsonObject } from "./labelled-object.ts";
import type { StreamSettings } from "./stream-settings.ts";

/** Lines of a host that nobody will see. */
export interface Loss {
  readonly count: number;
  /** When the last of them was dropped, or when the loss was noticed; milliseconds since 1970. */
  readonly timeMs: number;
  /** `spool`: the agent dropped them while its spool was full. `stream`: the server no longer has them. */
  readonly source: "spool" | "stream";
}

/** What shows the lines. */
export interface StreamShow {
  /** Shows a line. @param id names the line for all time @returns the exit status if the run ends with it */
  line(host: string, id: string, object: JsonObject): number | undefined;
  /** Shows a loss. @returns the exit status if the run ends with it */
  lost(host: string, loss: Loss): number | undefined;
  /** Removes and returns the output that was made since the last call. */
  output(): Uint8Array;
}

/** What to read, and when to end. */
export interface StreamTask {
  readonly world: World;
  readonly draft: Draft;
  /** The command, for messages. */
  readonly command: string;
  readonly feed: Feed;
  readonly settings: StreamSettings;
  /** Milliseconds until the run ends; undefined for no limit. */
  readonly timeoutMs?: number | undefined;
  /** The exit status at that time. */
  readonly timeoutStatus?: number;
}

/** Exit status of a process that SIGPIPE ended, as shells show it. */
const EXIT_PIPE = 141;
const EXIT_FAILURE = 1;
/** Milliseconds between two versions of the cursor file. */
const SAVE_MS = 500;
/** Levels of nesting of a line: an event has five. */
const MOST_LEVELS = 12;

/** The object of a line that a host has sent; undefined if it is none. */
function objectOf(line: string): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(line);
    const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
    return isObject && isShallow(value, MOST_LEVELS) ? (value as JsonObject) : undefined;
  } catch {
    return undefined;
  }
}

/** The hosts that `--host` and `--hosts-file` choose; undefined for all. */
function chosenHosts({ program, host }: World, { hosts }: Draft): ReadonlySet<string> | undefined | Stop {
  if (hosts === undefined) return undefined;
  try {
    const decoder = new TextDecoder();
    const fromFiles = hosts.files.flatMap((path) => readHostsFile(decoder.decode(host.files.read(path))));
    return new Set([...readHosts(hosts.lists.join(",")), ...fromFiles]);
  } catch (error) {
    const message =
      error instanceof HostListError ? error.message : `cannot read the hosts: ${systemMessage(error)}`;
    return { kind: "error", message: `${program}: ${message}`, usage: false, status: EXIT_USAGE };
  }
}

/** A loss in words: `120 events were dropped while the spool of web1 was full`. */
function lossText(host: string, { count, source }: Loss, feed: Feed): string {
  const noun = count === 1 ? feed.slice(0, -1) : feed;
  const amount = `${count.toLocaleString("en")} ${noun} ${count === 1 ? "was" : "were"}`;
  return source === "spool"
    ? `${escapeText(host)}: ${amount} dropped while its spool was full`
    : `${escapeText(host)}: ${amount} lost: the server no longer has them`;
}

/** The state of a run. */
interface Progress {
  readonly numbers: ReceivedNumbers;
  /** The last message whose lines were all shown. */
  position: StreamPosition | undefined;
  status: number | undefined;
}

/** Makes what takes the messages, line by line. */
function taker(
  { feed }: StreamTask,
  show: StreamShow,
  hosts: ReadonlySet<string> | undefined,
  progress: Progress,
  say: (text: string) => void,
) {
  const refused = new Set<string>();
  const refuse = (host: string, why: string) => {
    const text = `${escapeText(host)}: ${why}`;
    if (!refused.has(text)) say(text);
    if (refused.size < 1000) refused.add(text);
  };
  const lose = (host: string, loss: Loss): number | undefined => {
    say(lossText(host, loss, feed));
    return show.lost(host, loss);
  };
  /** Shows what is new of a packet. @returns the exit status if the run ends */
  function take(host: string, delivered: Delivered): number | undefined {
    const { numbers } = progress;
    const { boot, spool, first, end, lines, lostMs } = delivered;
    const next = numbers.next(host, delivered) ?? first;
    const from = Math.max(first, next);
    let status: number | undefined;
    if (first > next) status = lose(host, { count: first - next, timeMs: Date.now(), source: "stream" });
    numbers.receivedUntil(host, delivered, from);
    if (status !== undefined || from >= end) return status;
    if (lines === undefined) {
      numbers.receivedUntil(host, delivered, end);
      return lose(host, { count: end - from, timeMs: lostMs!, source: "spool" });
    }
    for (let number = from; number < end && status === undefined; number++) {
      const object = objectOf(lines[number - first]!);
      numbers.receivedUntil(host, delivered, number + 1);
      if (object === undefined) refuse(host, `sends lines that are not ${feed}`);
      else status = show.line(host, `${boot}:${spool}:${number}`, object);
    }
    return status;
  }
  return {
    refuse,
    take(host: string, delivered: Delivered, position: StreamPosition): void {
      if (hosts === undefined || hosts.has(host)) progress.status = take(host, delivered);
      // A message that was shown in part comes again.
      const isWhole =
        progress.status === undefined || (progress.numbers.next(host, delivered) ?? 0) >= delivered.end;
      progress.position = isWhole ? position : { ...position, sequence: position.sequence - 1 };
    },
  };
}

/** Where to begin, by the options and the cursor file. */
function beginningOf({ world, command, settings }: StreamTask, cursor: Cursor | undefined): Beginning | Stop {
  if (cursor?.position !== undefined) return { after: cursor.position };
  if (settings.since === undefined) return "now";
  const sinceMs = readTime(settings.since, Date.now());
  if (sinceMs !== undefined) return { sinceMs };
  const message = `${world.program}: ${command}: --since "${settings.since}" is not ${timeSpelling}`;
  return { kind: "error", message, usage: false, status: EXIT_USAGE };
}

/** Reads the stream of a fleet, and shows it until the run ends. @returns the exit status */
export async function followStream(task: StreamTask, show: StreamShow): Promise<number> {
  const { world, draft, command, feed, settings, timeoutMs, timeoutStatus = EXIT_TIMEOUT } = task;
  const { program, stdout, stderr } = world;
  const say = (text: string) => stderr.write(encodeBytes(`${program}: ${text}\n`));
  const stop = (message: string, status: number) =>
    halt(world, { kind: "error", message: `${program}: ${command}: ${message}`, usage: false, status });
  const hosts = chosenHosts(world, draft);
  if (hosts !== undefined && "kind" in hosts) return halt(world, hosts);
  const { cursorFile } = settings;
  let cursor: Cursor | undefined;
  try {
    if (cursorFile !== undefined) cursor = readCursor(world.host.files, cursorFile, feed);
  } catch (error) {
    if (!(error instanceof CursorError)) throw error;
    return stop(error.message, EXIT_USAGE);
  }
  const beginning = beginningOf(task, cursor);
  if (typeof beginning === "object" && "kind" in beginning) return halt(world, beginning);
  const broker = await openBroker(world, draft, {
    url: draft.fleet!,
    name: `sockscope ${command}`,
    report: ({ type }) => {
      if (type === "disconnect") say("the connection to the NATS server is lost");
      if (type === "reconnect") say("the connection to the NATS server is back");
    },
  });
  if ("kind" in broker) return halt(world, broker);

  const progress: Progress = { numbers: numbersOf(cursor), position: cursor?.position, status: undefined };
  const ended = new AbortController();
  const end = (status: number) => {
    progress.status ??= status;
    ended.abort();
  };
  const interrupted = world.interrupted();
  const onSignal = () => end(interrupted.reason as number);
  if (interrupted.aborted) onSignal();
  interrupted.addEventListener("abort", onSignal);
  const timer = timeoutMs === undefined ? undefined : setTimeout(() => end(timeoutStatus), timeoutMs);
  /** A reader that is gone is noticed without a line for it. */
  const watch = setInterval(() => {
    if (stdout.room?.() === "broken") end(EXIT_PIPE);
    else if (!busy) trySave();
  }, SAVE_MS);

  let busy = false;
  let isSaved = false;
  /** What a write has thrown: it is not about the stream. */
  let failure: { readonly error: unknown } | undefined;
  const fail = (error: unknown) => {
    failure ??= { error };
    end(EXIT_FAILURE);
  };
  const save = () => {
    if (cursorFile !== undefined && !isSaved)
      writeCursor(cursorFile, { feed, position: progress.position, received: progress.numbers.toJSON() });
    isSaved = true;
  };
  const trySave = () => {
    try {
      save();
    } catch (error) {
      fail(error);
    }
  };
  /** @returns whether the output was written to its end */
  const flush = async () => {
    try {
      const written = await writeWhenFree(stdout, show.output(), interrupted);
      if (written === "broken") end(EXIT_PIPE);
      return written === "written";
    } catch (error) {
      fail(error);
      return false;
    }
  };
  const { take, refuse } = taker(task, show, hosts, progress, say);
  let isWhole = true;
  try {
    // A file that cannot be written is no surprise of later.
    save();
    isSaved = false;
    await flush();
    await readStream(
      broker.connection,
      feed,
      beginning,
      {
        async take(host, delivered, position) {
          if (ended.signal.aborted) return;
          busy = true;
          take(host, delivered, position);
          isWhole = (await flush()) && isWhole;
          isSaved = false;
          busy = !isWhole;
          if (progress.status !== undefined) ended.abort();
        },
        begun(position) {
          progress.position ??= position;
        },
        refuse: (host, error) => refuse(host, `sends ${error.message}`),
        restarted: () => say("the stream was made again: reading it from its beginning"),
      },
      ended.signal,
    );
    // Output that was cut short comes again.
    if (isWhole) save();
    if (failure === undefined) return progress.status ?? 0;
    throw failure.error;
  } catch (error) {
    if (error instanceof CursorError) return stop(error.message, EXIT_FAILURE);
    if (failure !== undefined) throw error;
    return stop(`cannot read the stream ${STREAM}: ${escapeText((error as Error).message)}`, EXIT_FAILURE);
  } finally {
    clearTimeout(timer);
    clearInterval(watch);
    interrupted.removeEventListener("abort", onSignal);
    await broker.connection.close();
  }
}
