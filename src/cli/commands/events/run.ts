/** One run of `events`. */
import { readlinkSync } from "node:fs";
import type { EventKind, SocketEvent } from "../../../events/event.ts";
import type { FollowedPlace } from "../../../events/event-source.ts";
import { Follower } from "../../../events/follower.ts";
import { NamespaceSearch } from "../../../events/namespace-search.ts";
import { eventSources } from "../../../events/registry.ts";
import type { Host } from "../../../host/host.ts";
import type { Breathe } from "../../../live/owners.ts";
import { demandSet } from "../../../model/demand.ts";
import { IPPROTO_UDP } from "../../../model/family.ts";
import type { Json } from "../../../model/json.ts";
import { pollingTransport } from "../../../netlink/deferred.ts";
import { NetlinkError } from "../../../netlink/errors.ts";
import { eventObjects, sourcesObject } from "../../../output/event-objects.ts";
import { JsonWriter } from "../../../output/json.ts";
import { nameSource } from "../../../output/name-source.ts";
import type { Sources } from "../../../procfs/source.ts";
import { allParts } from "../../../query/all-parts.ts";
import type { FilteredPlace } from "../../../query/filters.ts";
import { type OpenQuery, openQuery } from "../../../query/open.ts";
import type { Problem } from "../../../query/query.ts";
import { filterStop } from "../../filter.ts";
import { streamOptionOf } from "../../fleet/stream-settings.ts";
import { isStop } from "../../getopt.ts";
import { halt } from "../../halt.ts";
import type { Draft } from "../../options.ts";
import { planOf } from "../../plan.ts";
import { problemText } from "../../report.ts";
import type { World } from "../../world.ts";
import type { Task } from "../command.ts";
import { takeTurns } from "../turns.ts";
import { choose, eventsStop, isEmpty, untilWords } from "./chosen.ts";
import { eventLines } from "./lines.ts";
import { Pending, writeWhenFree } from "./non-blocking-writer.ts";
import { type EventsSettings, EXIT_TIMEOUT } from "./settings.ts";
import { chooseSources, findSources, missingLine, sourcesHelp, sourcesJson } from "./sources.ts";
import { EventSummary } from "./summary.ts";
import { type EventTest, eventHolders, eventTest } from "./tests.ts";

const encoder = new TextEncoder();

/** Exit status of a process that SIGPIPE ended, as shells show it. */
const EXIT_PIPE = 141;
/** Time between two searches for network namespaces. */
const NAMESPACES_MS = 1000;
/** How long the last round may take after a signal: it has the events up to the signal. */
const GRACE_MS = 40;
/** Output is written in pieces of about this much. */
const PENDING_BYTES = 1 << 20;
const OWN_NETNS = "/proc/thread-self/ns/net";

/** Follows sockets as the options and the filter say. @returns the exit status */
export async function runEvents(task: Task<EventsSettings>): Promise<number> {
  const { world, draft, settings } = task;
  const { program } = world;
  if (draft.fleet !== undefined) return (await import("../../fleet/stream-events.ts")).runFleetEvents(task);
  const ofFleet = streamOptionOf(settings.stream);
  if (ofFleet !== undefined) return halt(world, eventsStop(program, `${ofFleet} needs --fleet`));
  const chosen = choose(draft, task.words, program);
  if (isStop(chosen)) return halt(world, chosen);
  const until = settings.until === undefined ? undefined : choose(draft, untilWords(settings.until), program);
  if (until !== undefined && isStop(until)) return halt(world, until);
  const plan = planOf(world, draft, chosen.selection, chosen.words);
  const host: Host = { ...task.host, transport: pollingTransport() };
  const found = findSources(eventSources, settings.sources, host, chosen.selection);
  if (settings.listSources) {
    world.stdout.write(encoder.encode(sourcesHelp(found)));
    return 0;
  }
  const picked = chooseSources(found, settings.sources);
  if (typeof picked === "string") return halt(world, eventsStop(program, picked));

  const holders = eventHolders(host, plan.sources.root);
  let opened: OpenQuery;
  try {
    const report = onceEach(world, host, plan.sources);
    opened = await openQuery({ host, parts: allParts, keep: false, findOwners: holders.find, report }, plan);
  } catch (error) {
    return halt(world, filterStop(world, error, plan.filter));
  }
  using query = opened;
  const { places } = query;
  let untilPlaces: readonly FilteredPlace[] = [];
  if (until !== undefined) {
    try {
      untilPlaces = isEmpty(until.words)
        ? places.map((place) => ({ ...place, predicate: undefined }))
        : await query.filter(until.words, until.selection);
    } catch (error) {
      return halt(world, filterStop(world, error, until.words));
    }
  }
  const predicates = predicatesOf(places);
  const untilPredicates = predicatesOf(untilPlaces);
  const shown = eventTest(predicates, chosen.states, holders, false);
  const ending = until && eventTest(untilPredicates, until.states, holders, true);
  const events: SocketEvent[] = [];
  const { only } = settings;
  const shows = (kind: EventKind) => only === undefined || only.has(kind);
  const missing = settings.sources === undefined ? missingLine(found) : undefined;
  if (missing !== undefined) world.stderr.write(encoder.encode(`${program}: events: ${missing}\n`));
  const interrupted = world.interrupted();
  const breathe = takeTurns(() => performance.now(), delayed(interrupted, GRACE_MS));
  const followedPlace = (place: FilteredPlace): FollowedPlace => ({
    host: place.host,
    netns: place.netns,
    inode: place.netns?.inode ?? ownNetns(),
    bytecode: place.predicate?.bytecode,
    mayPass: (socket) => place.predicate?.accepts(socket) ?? true,
  });
  const namespaces = plan.allNetns
    ? new NamespaceSearch({
        query,
        intervalMs: NAMESPACES_MS,
        followed: followedPlace,
        async changed(added) {
          for (const [inode, predicate] of predicatesOf(added)) predicates.set(inode, predicate);
          if (until === undefined || added.length === 0) return;
          const filtered = isEmpty(until.words)
            ? added.map((place) => ({ ...place, predicate: undefined }))
            : await query.filter(until.words, until.selection);
          for (const [inode, predicate] of predicatesOf(filtered)) untilPredicates.set(inode, predicate);
        },
      })
    : undefined;
  let follower: Follower;
  try {
    const options = {
      places: namespaces?.first ?? places.map(followedPlace),
      ...(namespaces === undefined ? {} : { sawElsewhere: namespaces.hasten }),
      selection: query.selection,
      sources: picked,
      demands: demandSet(...[...places, ...untilPlaces].map(({ predicate }) => predicate?.demands)),
      root: plan.sources.root,
      intervalMs: settings.intervalMs,
      traceBufferKb: settings.traceBufferKb,
      existing: settings.existing || until !== undefined,
      report: query.request.report,
      breathe,
    };
    follower = new Follower(options, (event) => {
      if (event.kind === "lost" || (shows(event.kind) && shown(event))) events.push(event);
    });
  } catch (error) {
    if (error instanceof NetlinkError) return halt(world, eventsStop(program, error.message));
    return halt(world, eventsStop(program, (error as Error).message));
  }
  try {
    const head = shows("sources") ? sourcesObject(sourcesJson(found, picked)) : undefined;
    return await show({ world, draft, settings, query, follower, namespaces, breathe, events, ending, head });
  } finally {
    follower.close(interrupted.aborted);
  }
}

/** A signal that is aborted some time after another one, with its reason. */
function delayed(signal: AbortSignal, ms: number): AbortSignal {
  const controller = new AbortController();
  signal.addEventListener("abort", () => setTimeout(() => controller.abort(signal.reason), ms));
  return controller.signal;
}

/** The filter in each network namespace, by inode. */
function predicatesOf(places: readonly FilteredPlace[]): Map<number | undefined, FilteredPlace["predicate"]> {
  return new Map(places.map(({ netns, predicate }) => [netns?.inode, predicate]));
}

function ownNetns(): number | undefined {
  try {
    return Number(/\d+/.exec(readlinkSync(OWN_NETNS))?.[0]);
  } catch {
    return undefined;
  }
}

/** Reports each problem once, although every listing finds it again. Ignores interruptions: the next listing is complete. */
function onceEach(world: World, host: Host, sources: Sources): (problem: Problem) => void {
  const written = new Set<string>();
  return (problem) => {
    const text = problemText(world, host, sources, problem);
    if (problem.kind === "interrupted" || text === "" || written.has(text)) return;
    written.add(text);
    world.stderr.write(encoder.encode(text));
  };
}

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
interface Show {
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
async function show({
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
  const status = await (async () => {
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
  })();
  const { stderr } = world;
  if (form === "lines" && stdout.terminalColumns !== undefined && stderr.terminalColumns !== undefined)
    stderr.write(encoder.encode(`${summary.text(performance.now())}\n`));
  return status;
}
