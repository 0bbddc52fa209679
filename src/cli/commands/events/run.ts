/** One run of `events`. */
import { readlinkSync } from "node:fs";
import type { InetSocket } from "../../../diag/inet.ts";
import type { Json } from "../../../diag/message.ts";
import { type HostNames, hostNames } from "../../../enrich/names.ts";
import type { EventKind, SocketEvent } from "../../../events/event.ts";
import { Follower } from "../../../events/follower.ts";
import { eventSources } from "../../../events/registry.ts";
import { FilterError } from "../../../filter/errors.ts";
import type { FilterSource } from "../../../filter/words.ts";
import type { Host } from "../../../host/host.ts";
import { AF_INET, AF_INET6, IPPROTO_UDP } from "../../../model/family.ts";
import type { Selection } from "../../../model/selection.ts";
import { pollingTransport } from "../../../netlink/deferred.ts";
import { NetlinkError } from "../../../netlink/errors.ts";
import { sourcesOf } from "../../../procfs/source.ts";
import type { Problem } from "../../../query.ts";
import { JsonWriter } from "../../../render/json.ts";
import { complaint } from "../../complaint.ts";
import { applyFilter, filterComplaint } from "../../filter.ts";
import { EXIT_USAGE, type Stop } from "../../getopt.ts";
import { halt } from "../../halt.ts";
import { type FilteredPlace, filterPlaces, openPlaces, refuseWithAllNetns } from "../../namespaces.ts";
import type { Draft } from "../../options.ts";
import { select } from "../../select.ts";
import { nameSource } from "../../show.ts";
import type { World } from "../../world.ts";
import type { Task } from "../command.ts";
import { type EventsSettings, EXIT_TIMEOUT } from "../events.ts";
import { eventLines, eventObjects, sourcesObject } from "./lines.ts";
import { Pending, writeWhenFree } from "./non-blocking-writer.ts";
import { chooseSources, findSources, missingLine, sourcesHelp, sourcesJson } from "./sources.ts";
import { EventSummary } from "./summary.ts";
import { type EventHolders, type EventTest, eventHolders, eventTest } from "./tests.ts";

const encoder = new TextEncoder();

/** Exit status of a process that SIGPIPE ended, as shells show it. */
const EXIT_PIPE = 141;
/** Time between two rounds. */
const ROUND_MS = 20;
const OWN_NETNS = "/proc/thread-self/ns/net";

function stop(program: string, message: string): Stop {
  return { kind: "error", message: `${program}: events: ${message}`, usage: false, status: EXIT_USAGE };
}

/** The words of `--until`: like those of the command line, they may begin with states. */
function untilWords(until: string): FilterSource {
  return { args: until.split(/\s+/).filter((word) => word !== ""), file: undefined };
}

/** What a filter and the states before it select. */
interface Chosen {
  readonly selection: Selection;
  readonly words: FilterSource;
  /** The states that were named; undefined if none were. */
  readonly states: number | undefined;
}

/** The TCP and UDP part of what options and words select. */
function choose({ choice }: Draft, words: FilterSource, program: string): Chosen | Stop {
  const selected = select(choice, words.args, program);
  if ("kind" in selected) return selected;
  const { selection } = selected;
  const tables = new Set((["tcp", "udp"] as const).filter((table) => selection.tables.has(table)));
  const families = new Set([AF_INET, AF_INET6].filter((family) => selection.families.has(family)));
  if (tables.size === 0 || families.size === 0) return stop(program, "only TCP and UDP sockets are followed");
  const named = choice.stateFilter !== 0 || selected.words.length < words.args.length;
  return {
    selection: { ...selection, tables, families },
    words: { args: selected.words, file: words.file },
    states: named ? selection.states : undefined,
  };
}

/** Follows sockets as the options and the filter say. @returns the exit status */
export async function runEvents(task: Task<EventsSettings>): Promise<number> {
  const { world, draft, settings } = task;
  const { program } = world;
  const chosen = choose(draft, task.words, program);
  if ("kind" in chosen) return halt(world, chosen);
  const until = settings.until === undefined ? undefined : choose(draft, untilWords(settings.until), program);
  if (until !== undefined && "kind" in until) return halt(world, until);
  const sources = sourcesOf(world.env);
  const refused = refuseWithAllNetns(draft, sources, program);
  if (refused !== undefined) return halt(world, refused);
  const host: Host = { ...task.host, transport: pollingTransport() };
  const found = findSources(eventSources, host, chosen.selection);
  if (settings.listSources) {
    world.stdout.write(encoder.encode(sourcesHelp(found)));
    return 0;
  }
  const picked = chooseSources(found, settings.sources);
  if (typeof picked === "string") return halt(world, stop(program, picked));

  const { only } = settings;
  const shows = (kind: EventKind) => only === undefined || only.has(kind);
  const say = (text: string) => world.stderr.write(encoder.encode(text));
  const portRange = sources.path("portRange");
  const names = hostNames(host, { root: sources.root, portRange }, (line) => say(`${line}\n`));
  const holders = eventHolders(host, sources.root);
  using open = openPlaces(draft, host, (line) => say(`${line}\n`));
  names.usePlaces(open.list);
  const read = (which: Chosen) =>
    filterPlaces(open.list, (place) =>
      applyFilter(world, place.host, which.selection, which.words, portRange, holders.find),
    );
  let places: readonly FilteredPlace[];
  let untilPlaces: readonly FilteredPlace[] = [];
  let words = chosen.words;
  try {
    places = await read(chosen);
    if (until !== undefined) {
      words = until.words;
      untilPlaces = await read(until);
    }
  } catch (error) {
    if (!(error instanceof FilterError)) throw error;
    const message = filterComplaint(world, error, words).replace(/\n$/, "");
    return halt(world, { kind: "error", message, usage: false, status: error.status });
  }
  const shown = testOf(places, chosen, holders, false);
  const ending = until && testOf(untilPlaces, until, holders, true);
  const events: SocketEvent[] = [];
  const missing = settings.sources === undefined ? missingLine(found) : undefined;
  if (missing !== undefined) say(`${program}: events: ${missing}\n`);
  let follower: Follower;
  try {
    const options = {
      places: places.map((place) => ({
        host: place.host,
        netns: place.netns,
        inode: place.netns?.inode ?? ownNetns(),
        bytecode: place.filtered.predicate?.bytecode,
        mayPass: (socket: InetSocket) => place.filtered.predicate?.accepts(socket) ?? true,
      })),
      selection: places[0]!.filtered.selection,
      sources: picked,
      details: Object.assign(
        {},
        ...[...places, ...untilPlaces].map(({ filtered }) => filtered.predicate?.details),
      ),
      root: sources.root,
      intervalMs: settings.intervalMs,
      traceBufferKb: settings.traceBufferKb,
      existing: settings.existing || until !== undefined,
      report: reporter(say),
    };
    follower = new Follower(options, (event) => {
      if (event.kind === "lost" || (shows(event.kind) && shown(event))) events.push(event);
    });
  } catch (error) {
    if (error instanceof NetlinkError) return halt(world, stop(program, error.message));
    return halt(world, stop(program, (error as Error).message));
  }
  try {
    const head = shows("sources") ? sourcesObject(sourcesJson(found, picked)) : undefined;
    return await show({ world, draft, settings, names, follower, events, ending, head });
  } finally {
    follower[Symbol.dispose]();
  }
}

function testOf(
  places: readonly FilteredPlace[],
  { states }: Chosen,
  holders: EventHolders,
  newOnly: boolean,
): EventTest {
  const predicates = new Map(places.map(({ netns, filtered }) => [netns?.inode, filtered.predicate]));
  return eventTest(predicates, states, holders, newOnly);
}

function ownNetns(): number | undefined {
  try {
    return Number(/\d+/.exec(readlinkSync(OWN_NETNS))?.[0]);
  } catch {
    return undefined;
  }
}

/** Reports each problem once: the next listing has it again. */
function reporter(say: (text: string) => void): (problem: Problem) => void {
  const said = new Set<string>();
  return (problem) => {
    const text = complaint(problem);
    // The next listing has what an interrupted one missed.
    if (problem.kind === "interrupted" || text === "" || said.has(text)) return;
    said.add(text);
    say(text);
  };
}

/** Most events whose numbers fit into 53 bits beside their times. */
const NUMBERS = 2 ** 21;
/** The latest time that does, in microseconds since the first. */
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

/** What a run shows, and what ends it. */
interface Show {
  readonly world: World;
  readonly draft: Draft;
  readonly settings: EventsSettings;
  readonly names: HostNames;
  readonly follower: Follower;
  /** The follower adds the events to show here. */
  readonly events: SocketEvent[];
  /** `--until`. */
  readonly ending: EventTest | undefined;
  /** The first line of JSON. */
  readonly head: { readonly [key: string]: Json } | undefined;
}

/** Shows events until something ends the run. @returns the exit status */
async function show({
  world,
  draft,
  settings,
  names,
  follower,
  events,
  ending,
  head,
}: Show): Promise<number> {
  const { form, count: most = Number.POSITIVE_INFINITY, timeoutMs, existing } = settings;
  const { stdout } = world;
  const interrupted = world.interrupted();
  const source = nameSource(draft, names);
  const end = timeoutMs === undefined ? Number.POSITIVE_INFINITY : performance.now() + timeoutMs;
  const waits = ending !== undefined || most !== Number.POSITIVE_INFINITY;
  const pending = new Pending();
  const json = new JsonWriter("ndjson", (bytes) => pending.bytes(bytes));
  const { heading, line } = eventLines(source, draft.allNetns);
  const object = eventObjects(source);
  const summary = new EventSummary(performance.now());
  if (form === "lines" && draft.header) pending.line(heading);
  if (form === "ndjson" && head !== undefined) json.write(head);
  let count = 0;
  const status = await (async () => {
    for (;;) {
      const more = await follower.round();
      let met = false;
      for (const event of inOrder(events)) {
        met = ending?.(event) === true;
        // Without --existing, --until still looks at the sockets that are there, and shows the one that ends the run.
        if (event.kind === "existing" && !existing && !met) continue;
        if (event.socket !== undefined)
          names.useTable(event.socket.origin.protocol === IPPROTO_UDP ? "udp" : "tcp");
        if (form === "ndjson") json.write(object(event));
        else pending.line(line(event));
        summary.add(event);
        met ||= ++count >= most;
        if (met) break;
      }
      events.length = 0;
      json.flush();
      const written = await writeWhenFree(stdout, pending.take(), interrupted);
      if (written === "broken" || stdout.room?.() === "broken") return EXIT_PIPE;
      if (met) return 0;
      if (interrupted.aborted) return interrupted.reason as number;
      const left = end - performance.now();
      if (left <= 0) return waits ? EXIT_TIMEOUT : 0;
      await new Promise((resolve) =>
        more ? setImmediate(resolve) : setTimeout(resolve, Math.min(ROUND_MS, left)),
      );
    }
  })();
  const { stderr } = world;
  if (form === "lines" && stdout.terminalColumns !== undefined && stderr.terminalColumns !== undefined)
    stderr.write(encoder.encode(`${summary.text(performance.now())}\n`));
  return status;
}
