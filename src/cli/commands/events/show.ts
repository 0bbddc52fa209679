/** Writes the events of a run until it ends. */
import type { SocketEvent } from "../../../events/event.ts";
import type { Follower } from "../../../events/follower.ts";
import type { NamespaceSearch } from "../../../events/namespace-search.ts";
import type { Breathe } from "../../../live/owners.ts";
import { IPPROTO_UDP } from "../../../model/family.ts";
import type { Json } from "../../../model/json.ts";
import { eventObjects } from "../../../output/event-objects.ts";
import { JsonWriter } from "../../../output/json.ts";
import { nameSource } from "../../../output/name-source.ts";
import type { OpenQuery } from "../../../query/open.ts";
import type { Draft } from "../../draft.ts";
import type { World } from "../../world.ts";
import { eventLines } from "./lines.ts";
import { Pending, writeWhenFree } from "./non-blocking-writer.ts";
import { type EventsSettings, EXIT_TIMEOUT } from "./settings.ts";
import { EventSummary } from "./summary.ts";
import type { EventTest } from "./tests.ts";

const encoder = new TextEncoder();

/** Exit status of a process that SIGPIPE ended, as shells show it. */
const EXIT_PIPE = 141;
/** Output is written in pieces of about this much. */
const PENDING_BYTES = 1 << 20;

/** Most events whose numbers fit into 53 bits beside their times. */
const NUMBERS = 2 ** 21;
/** The latest time that fits, in microseconds since the first. */
const TIMES = 2 ** 31;
const US_PER_MS = 1000;

/** Sorts events by time, and events of the same time as they came: by numbers, as there may be many. */
function inOrder(events: readonly SocketEvent[]): readonly SocketEvent[] {
  const first = events.reduce((least, { timeMs }) => Math.min(least, timeMs), Number.POSITIVE_INFINITY);
  const keys = Float64Array.from(events, ({ timeMs }, number) => {
    return Math.floor(Math.min((timeMs - first) * US_PER_MS, TIMES)) * NUMBERS + number;
  });
  if (events.length > NUMBERS) return [...events].sort((a, b) => a.timeMs - b.timeMs);
  return Array.from(keys.sort(), (key) => events[key % NUMBERS]!);
}

/** The output of a run, and the conditions that end it. */
export interface Show {
  readonly world: World;
  readonly draft: Draft;
  readonly settings: EventsSettings;
  readonly query: OpenQuery;
  readonly follower: Follower;
  /** Undefined if only one namespace is followed. */
  readonly namespaces: NamespaceSearch | undefined;
  /** Lets signals in, and throws if one has ended the run. */
  readonly breathe: Breathe;
  /** The follower adds the events to show here. */
  readonly events: SocketEvent[];
  /** `--until`. */
  readonly ending: EventTest | undefined;
  /** The first line of JSON. */
  readonly head: { readonly [key: string]: Json } | undefined;
}

/** Shows events until the run ends. @returns the exit status */
export async function showEvents({
  world,
  draft,
  settings,
  query,
  follower,
  namespaces,
  breathe,
  events,
  ending,
  head,
}: Show): Promise<number> {
  const { form, count: most = Number.POSITIVE_INFINITY, timeoutMs, existing, latencyMs } = settings;
  const { plan, names } = query;
  const { stdout } = world;
  const interrupted = world.interrupted();
  const source = nameSource(plan, names);
  const end = timeoutMs === undefined ? Number.POSITIVE_INFINITY : performance.now() + timeoutMs;
  const waits = ending !== undefined || most !== Number.POSITIVE_INFINITY;
  const pending = new Pending();
  const json = new JsonWriter("ndjson", (bytes) => pending.bytes(bytes));
  const { heading, line } = eventLines(source, plan.allNetns);
  const object = eventObjects(source);
  const summary = new EventSummary(performance.now());
  if (form === "lines" && draft.header) pending.line(heading);
  if (form === "ndjson" && head !== undefined) json.write(head);
  /** Writes the pending output. @returns false if the reader has closed the pipe */
  const flush = async (): Promise<boolean> => {
    json.flush();
    const written = await writeWhenFree(stdout, pending.take(), interrupted);
    return written !== "broken" && stdout.room?.() !== "broken";
  };
  let count = 0;
  /** Shows the events of a round. @throws the exit status after a signal */
  const showRound = async (): Promise<{ more: boolean; met: boolean }> => {
    await namespaces?.searchIfDue(follower);
    const more = await follower.round();
    let met = false;
    for (const event of inOrder(events)) {
      await breathe();
      met = ending?.(event) === true;
      // Without --existing, --until still tests the sockets of the start, and shows the one that ends the run.
      if (event.kind === "existing" && !existing && !met) continue;
      if (event.socket !== undefined)
        names.useTable(event.socket.origin.protocol === IPPROTO_UDP ? "udp" : "tcp");
      if (form === "ndjson") json.write(object(event));
      else pending.line(line(event));
      summary.add(event);
      met ||= ++count >= most;
      if (met || (pending.length > PENDING_BYTES && !(await flush()))) break;
    }
    events.length = 0;
    return { more, met };
  };
  const untilSignal = async () => {
    try {
      return await showRound();
    } catch (error) {
      if (!interrupted.aborted || error !== interrupted.reason) throw error;
      return { more: false, met: false };
    }
  };
  /** Shows round after round. @returns the exit status */
  const showRounds = async (): Promise<number> => {
    for (;;) {
      const { more, met } = await untilSignal();
      if (!(await flush())) return EXIT_PIPE;
      if (met) return 0;
      if (interrupted.aborted) return interrupted.reason as number;
      const left = end - performance.now();
      if (left <= 0) return waits ? EXIT_TIMEOUT : 0;
      await new Promise((resolve) =>
        more ? setImmediate(resolve) : setTimeout(resolve, Math.min(latencyMs, left)),
      );
    }
  };
  const status = await showRounds();
  const { stderr } = world;
  if (form === "lines" && stdout.terminalColumns !== undefined && stderr.terminalColumns !== undefined)
    stderr.write(encoder.encode(`${summary.text(performance.now())}\n`));
  return status;
}
