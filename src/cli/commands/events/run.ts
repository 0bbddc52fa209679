/** One run of `events`. */
import { readlinkSync } from "node:fs";
import type { EventKind, SocketEvent } from "../../../events/event.ts";
import type { EventSource, FollowedPlace } from "../../../events/event-source.ts";
import { Follower } from "../../../events/follower.ts";
import { NamespaceSearch } from "../../../events/namespace-search.ts";
import { eventSources } from "../../../events/registry.ts";
import type { Host } from "../../../host/host.ts";
import { demandSet } from "../../../model/demand.ts";
import { pollingTransport } from "../../../netlink/deferred.ts";
import { sourcesObject } from "../../../output/event-objects.ts";
import type { Plan } from "../../../plan/plan.ts";
import type { Sources } from "../../../procfs/source.ts";
import { allParts } from "../../../query/all-parts.ts";
import type { FilteredPlace } from "../../../query/filters.ts";
import { type OpenQuery, openQuery } from "../../../query/open.ts";
import type { Problem } from "../../../query/query.ts";
import { filterStop } from "../../filter.ts";
import { streamOptionOf } from "../../fleet/stream-settings.ts";
import { isStop, type Stop } from "../../getopt.ts";
import { halt } from "../../halt.ts";
import { planOf } from "../../plan.ts";
import { problemText } from "../../report.ts";
import type { World } from "../../world.ts";
import type { Task } from "../command.ts";
import { takeTurns } from "../turns.ts";
import { type Chosen, choose, eventsStop, isEmpty, untilWords } from "./chosen.ts";
import type { EventsSettings } from "./settings.ts";
import { showEvents } from "./show.ts";
import {
  chooseSources,
  type FoundSource,
  findSources,
  missingLine,
  sourcesHelp,
  sourcesJson,
} from "./sources.ts";
import { type EventHolders, eventHolders, eventTest } from "./tests.ts";

const encoder = new TextEncoder();

/** Time between two searches for network namespaces. */
const NAMESPACES_MS = 1000;
/** How long the last round may take after a signal: it has the events up to the signal. */
const GRACE_MS = 40;
const OWN_NETNS = "/proc/thread-self/ns/net";

/** What the events are and where they come from, checked before any socket is read. */
interface Request {
  readonly chosen: Chosen;
  /** `--until`. */
  readonly until: Chosen | undefined;
  readonly plan: Plan;
  /** Its transport does not block. */
  readonly host: Host;
  readonly found: readonly FoundSource[];
}

/** Reads the options and the filters of a run. */
function requestOf({ world, draft, settings, words, host: blocking }: Task<EventsSettings>): Request | Stop {
  const { program } = world;
  const ofFleet = streamOptionOf(settings.stream);
  if (ofFleet !== undefined) return eventsStop(program, `${ofFleet} needs --fleet`);
  const chosen = choose(draft, words, program);
  if (isStop(chosen)) return chosen;
  const until = settings.until === undefined ? undefined : choose(draft, untilWords(settings.until), program);
  if (until !== undefined && isStop(until)) return until;
  const plan = planOf(world, draft, chosen.selection, chosen.words);
  const host: Host = { ...blocking, transport: pollingTransport() };
  return {
    chosen,
    until,
    plan,
    host,
    found: findSources(eventSources, settings.sources, host, chosen.selection),
  };
}

/** Follows sockets as the options and the filter say. @returns the exit status */
export async function runEvents(task: Task<EventsSettings>): Promise<number> {
  const { world, draft, settings } = task;
  const { program } = world;
  if (draft.fleet !== undefined) return (await import("../../fleet/stream-events.ts")).runFleetEvents(task);
  const request = requestOf(task);
  if ("kind" in request) return halt(world, request);
  const { until, plan, host, found } = request;
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
  let untilPlaces: readonly FilteredPlace[] = [];
  try {
    if (until !== undefined) untilPlaces = await filteredBy(query, until, query.places);
  } catch (error) {
    return halt(world, filterStop(world, error, until!.words));
  }
  return await follow({ task, request, query, holders, untilPlaces, picked });
}

/** What a run follows, all of it open. */
interface Following {
  readonly task: Task<EventsSettings>;
  readonly request: Request;
  readonly query: OpenQuery;
  readonly holders: EventHolders;
  /** The places of the query with the filter of `--until`; none without it. */
  readonly untilPlaces: readonly FilteredPlace[];
  /** The sources in use. */
  readonly picked: readonly EventSource[];
}

/** Follows the sockets until the run ends. @returns the exit status */
async function follow({ task, request, query, holders, untilPlaces, picked }: Following): Promise<number> {
  const { world, draft, settings } = task;
  const { chosen, until, plan, found } = request;
  const { program } = world;
  const { places } = query;
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
  const namespaces = plan.allNetns
    ? new NamespaceSearch({
        query,
        intervalMs: NAMESPACES_MS,
        followed: followedPlace,
        async changed(added) {
          for (const [inode, predicate] of predicatesOf(added)) predicates.set(inode, predicate);
          if (until === undefined || added.length === 0) return;
          for (const [inode, predicate] of predicatesOf(await filteredBy(query, until, added)))
            untilPredicates.set(inode, predicate);
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
    return halt(world, eventsStop(program, (error as Error).message));
  }
  try {
    const head = shows("sources") ? sourcesObject(sourcesJson(found, picked)) : undefined;
    return await showEvents({
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
    });
  } finally {
    follower.close(interrupted.aborted);
  }
}

/** The places of a query with another filter. @param places those without any, if the filter is empty */
async function filteredBy(
  query: OpenQuery,
  { words, selection }: Chosen,
  places: readonly FilteredPlace[],
): Promise<readonly FilteredPlace[]> {
  if (isEmpty(words)) return places.map((place) => ({ ...place, predicate: undefined }));
  return query.filter(words, selection);
}

/** A network namespace as the follower takes it: the kernel filters what it can. */
function followedPlace({ host, netns, predicate }: FilteredPlace): FollowedPlace {
  return {
    host,
    netns,
    inode: netns?.inode ?? ownNetns(),
    bytecode: predicate?.bytecode,
    mayPass: (socket) => predicate?.accepts(socket) ?? true,
  };
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
