/** `events --fleet`: the events that agents have put into the stream of their fleet. */
import { escapeText } from "../../bytes/terminal.ts";
import { encodeBytes } from "../../bytes/text.ts";
import type { EventKind, SocketEvent } from "../../events/event.ts";
import type { Json } from "../../model/json.ts";
import { JsonWriter } from "../../output/json.ts";
import { nameSource } from "../../output/name-source.ts";
import { readEvent } from "../../output/read-event.ts";
import { allParts } from "../../query/all-parts.ts";
import { openQuery } from "../../query/open.ts";
import type { Task } from "../commands/command.ts";
import { choose, eventsStop, untilWords } from "../commands/events/chosen.ts";
import { eventLines } from "../commands/events/lines.ts";
import { Pending } from "../commands/events/non-blocking-writer.ts";
import { type EventsSettings, EXIT_TIMEOUT } from "../commands/events/settings.ts";
import { EventSummary } from "../commands/events/summary.ts";
import type { EventTest } from "../commands/events/tests.ts";
import { filterStop } from "../filter.ts";
import { isStop, type Stop } from "../getopt.ts";
import { halt } from "../halt.ts";
import { planOf } from "../plan.ts";
import type { World } from "../world.ts";
import { EventFilterError, remoteEventTest } from "./event-filter.ts";
import { type JsonObject, labelled } from "./labelled-object.ts";
import { followStream, type Loss, type StreamShow } from "./stream-reader.ts";

/** Columns of the host's name, at least. */
const HOST_WIDTH = 8;
const HEADING = "Host";

/** Which option is an agent's own, and not of those who read its events. */
function agentsOwn({
  sources,
  listSources,
  existing,
  intervalMs,
  traceBufferKb,
}: EventsSettings): string | undefined {
  if (sources !== undefined || listSources) return "--sources";
  if (existing) return "--existing";
  if (intervalMs !== undefined) return "--delay";
  return traceBufferKb === undefined ? undefined : "--trace-buffer";
}

/** The tests of a run. @returns a Stop if a filter is wrong */
async function testsOf({
  world,
  host,
  draft,
  settings,
  words,
}: Task<EventsSettings>): Promise<
  { readonly shown: EventTest; readonly ending: EventTest | undefined } | Stop
> {
  const { program } = world;
  const { until } = settings;
  const chosen = choose(draft, words, program);
  if (isStop(chosen)) return chosen;
  const ending = until === undefined ? undefined : choose(draft, untilWords(until), program);
  if (ending !== undefined && isStop(ending)) return ending;
  let source = chosen.words;
  try {
    const shown = await remoteEventTest(host, chosen, false);
    if (ending === undefined) return { shown, ending };
    source = ending.words;
    return { shown, ending: await remoteEventTest(host, ending, true) };
  } catch (error) {
    if (error instanceof EventFilterError) return eventsStop(program, error.message);
    return filterStop(world, error, source);
  }
}

/** What a source of events that a host lacks does not show; undefined if it lacks none. */
function missingText(object: JsonObject): string | undefined {
  const sources = object["sources"];
  if (typeof sources !== "object" || sources === null || Array.isArray(sources)) return undefined;
  const parts = Object.entries(sources as { readonly [key: string]: Json }).flatMap(([name, facts]) => {
    const { obstacle, missing } = (facts ?? {}) as { readonly obstacle?: Json; readonly missing?: Json };
    return typeof obstacle === "string" && typeof missing === "string"
      ? [`without ${name} (${obstacle}): no ${missing}`]
      : [];
  });
  return parts.length === 0 ? undefined : parts.join("; ");
}

/** The object of a loss, as `events` prints it. */
function lossObject({ count, timeMs, source }: Loss): JsonObject {
  return { time: `${new Date(timeMs).toISOString().slice(0, -1)}000Z`, event: "lost", source, count };
}

/** Writes the name of a host before each line, as wide as the longest one so far. */
function hostPrefix(): (host: string) => string {
  let width = HOST_WIDTH;
  return (host) => {
    const name = escapeText(host);
    width = Math.max(width, name.length);
    return `${name.padEnd(width)} `;
  };
}

/** What shows events. */
function showOf(
  world: World,
  { draft, settings }: Task<EventsSettings>,
  { shown, ending }: { readonly shown: EventTest; readonly ending: EventTest | undefined },
  { heading, line }: ReturnType<typeof eventLines>,
  summary: EventSummary,
): StreamShow {
  const { form, only, count: most = Number.POSITIVE_INFINITY } = settings;
  const pending = new Pending();
  const json = new JsonWriter("ndjson", (bytes) => pending.bytes(bytes));
  const prefix = hostPrefix();
  if (form === "lines" && draft.header) pending.line(`${prefix(HEADING)}${heading}`);
  let count = 0;
  const write = (
    host: string,
    id: string | undefined,
    object: JsonObject,
    event: SocketEvent | undefined,
  ) => {
    if (form === "ndjson") json.write(labelled(id === undefined ? { host } : { host, id }, object));
    else if (event !== undefined) pending.line(prefix(host) + escapeText(line(event)));
    if (event !== undefined) summary.add(event);
  };
  return {
    line(host, id, object) {
      if (object["event"] === "sources") {
        const missing = missingText(object);
        if (form === "ndjson" && (only === undefined || only.has("sources")))
          write(host, id, object, undefined);
        else if (form === "lines" && missing !== undefined)
          world.stderr.write(encodeBytes(`${world.program}: events: ${escapeText(`${host}: ${missing}`)}\n`));
        return undefined;
      }
      const event = readEvent(object);
      if (event === undefined) return undefined;
      const isShown =
        event.kind === "lost" || ((only === undefined || only.has(event.kind as EventKind)) && shown(event));
      if (!isShown) return undefined;
      write(host, id, object, event);
      return ending?.(event) === true || ++count >= most ? 0 : undefined;
    },
    lost(host, loss) {
      const object = lossObject(loss);
      write(host, undefined, object, readEvent(object));
      return ++count >= most ? 0 : undefined;
    },
    output() {
      json.flush();
      return pending.take();
    },
  };
}

/** Shows events of a fleet. @returns the exit status */
export async function runFleetEvents(task: Task<EventsSettings>): Promise<number> {
  const { world, host, draft, settings } = task;
  const own = agentsOwn(settings);
  if (own !== undefined)
    return halt(
      world,
      eventsStop(world.program, `${own} cannot be combined with --fleet: each agent follows by itself`),
    );
  const tests = await testsOf(task);
  if ("kind" in tests) return halt(world, tests);
  const { until, count, timeoutMs } = settings;
  const chosen = choose(draft, { args: [], file: undefined }, world.program);
  if (isStop(chosen)) return halt(world, chosen);
  // Nothing is listed: the query has the names of services.
  const plan = { ...planOf(world, draft, chosen.selection, { args: [] }), allNetns: false };
  using query = await openQuery({ host, parts: allParts, keep: false, report: () => undefined }, plan);
  const { names } = query;
  const lines = eventLines(nameSource(plan, names), draft.allNetns);
  const summary = new EventSummary(performance.now());
  const waits = until !== undefined || count !== undefined;
  const status = await followStream(
    {
      world,
      draft,
      command: "events",
      feed: "events",
      settings: settings.stream,
      timeoutMs,
      timeoutStatus: waits ? EXIT_TIMEOUT : 0,
    },
    showOf(world, task, tests, lines, summary),
  );
  const { stdout, stderr } = world;
  if (
    settings.form === "lines" &&
    stdout.terminalColumns !== undefined &&
    stderr.terminalColumns !== undefined
  )
    stderr.write(encodeBytes(`${summary.text(performance.now())}\n`));
  return status;
}
