/** One run of `record`. */
import { existsSync, readlinkSync } from "node:fs";
import { hostname } from "node:os";
import manifest from "../../../../package.json" with { type: "json" };
import type { ChosenRule } from "../../../doctor/examine.ts";
import { rules } from "../../../doctor/rules/index.ts";
import type { EventSource, FollowedPlace } from "../../../events/event-source.ts";
import { Follower } from "../../../events/follower.ts";
import { NamespaceSearch } from "../../../events/namespace-search.ts";
import { eventSources } from "../../../events/registry.ts";
import { pollingSource } from "../../../events/sources/polling.ts";
import type { InetSocket } from "../../../families/inet/socket.ts";
import type { Host } from "../../../host/host.ts";
import { hostWithin, type Netns } from "../../../host/namespaces.ts";
import { processorMs } from "../../../host/processor-time.ts";
import { demandSet } from "../../../model/demand.ts";
import { AF_INET, AF_INET6 } from "../../../model/family.ts";
import { allTables, type Selection } from "../../../model/selection.ts";
import { stateGroups } from "../../../model/state.ts";
import { pollingTransport } from "../../../netlink/deferred.ts";
import { allParts } from "../../../query/all-parts.ts";
import type { FilteredPlace } from "../../../query/filters.ts";
import { type OpenQuery, openQuery } from "../../../query/open.ts";
import type { Problem } from "../../../query/query.ts";
import { ConnectionIntake } from "../../../store/bundles.ts";
import { readClocks, systemClock } from "../../../store/clock.ts";
import { StoreError } from "../../../store/error.ts";
import { defaultFolder } from "../../../store/folder.ts";
import { OwnerTracker } from "../../../store/owner-tracker.ts";
import { StoreReader } from "../../../store/reader.ts";
import { Store } from "../../../store/store.ts";
import { filterStop } from "../../filter.ts";
import { EXIT_USAGE, isStop, type Stop } from "../../getopt.ts";
import { halt } from "../../halt.ts";
import { planOf } from "../../plan.ts";
import { problemText } from "../../report.ts";
import { chooseStates, chooseTable, select } from "../../select.ts";
import type { Task } from "../command.ts";
import { ChoiceError, chooseRules } from "../doctor/thresholds.ts";
import { chooseSources, findSources, missingLine } from "../events/sources.ts";
import { takeTurns } from "../turns.ts";
import { notePlace, readText } from "./context.ts";
import { Endings } from "./endings.ts";
import { Hooks } from "./hooks.ts";
import { Monitor } from "./monitor.ts";
import { Pauses } from "./pause.ts";
import { Recorder } from "./recorder.ts";
import { SampledSource } from "./sampled-source.ts";
import { Sampler } from "./sampler.ts";
import type { RecordSettings } from "./settings.ts";

const encoder = new TextEncoder();

/** The share of a processor's time that finding the processes of threads that have ended may take. */
const THREAD_SHARE = 0.005;
const UNFOLLOWED = "some network namespaces without events";
const OWN_NETNS = "/proc/thread-self/ns/net";
const ENOENT = 2;
const BOOT_ID = "/proc/sys/kernel/random/boot_id";

function stop(program: string, message: string, status = EXIT_USAGE): Stop {
  return { kind: "error", message: `${program}: record: ${message}`, usage: false, status };
}

/** Whether a problem is none for a recorder: the next sample is complete, or a namespace has ended since it was found. */
function isPassing(problem: Problem): boolean {
  if (problem.kind === "interrupted") return true;
  return problem.kind === "socket" && problem.error.operation === "setns" && problem.error.errno === ENOENT;
}

function ownNetns(): number {
  try {
    return Number(/\d+/.exec(readlinkSync(OWN_NETNS))?.[0] ?? 0);
  } catch {
    return 0;
  }
}

/** The TCP and UDP part of a selection, which events can follow; undefined if there is none. */
function followable(selection: Selection): Selection | undefined {
  const tables = new Set((["tcp", "udp"] as const).filter((table) => selection.tables.has(table)));
  const families = new Set([AF_INET, AF_INET6].filter((family) => selection.families.has(family)));
  return tables.size === 0 || families.size === 0 ? undefined : { ...selection, tables, families };
}

/** What earlier runs of a store have seen, and when the last of them ended. */
function earlierSightings(folder: string, nowMs: number) {
  if (!existsSync(folder)) return { earlier: [], earlierMs: undefined };
  const reader = new StoreReader(folder);
  const { recorded } = reader.coverage({ fromMs: 0, untilMs: nowMs });
  return { earlier: reader.sightings(), earlierMs: recorded.at(-1)?.untilMs };
}

/** Records until interrupted. @returns the exit status */
export async function runRecord(task: Task<RecordSettings>): Promise<number> {
  const { world, draft, settings, words } = task;
  const { program } = world;
  const folder = settings.store ?? defaultFolder(world.env, process.geteuid?.() === 0);
  if (folder === undefined) return halt(world, stop(program, "--store is needed: there is no home folder"));
  let chosen: readonly ChosenRule[];
  try {
    chosen = chooseRules(rules, [], settings.thresholds);
  } catch (error) {
    if (!(error instanceof ChoiceError)) throw error;
    return halt(world, stop(program, error.message));
  }
  const isLimited = draft.choice.made;
  const choice = isLimited ? draft.choice : allTables.reduce(chooseTable, draft.choice);
  const named = choice.stateFilter === 0 ? chooseStates(choice, stateGroups.all) : choice;
  const selected = select(named, words.args, program);
  if (isStop(selected)) return halt(world, selected);
  const filter = { args: selected.words, file: words.file };
  const demands = [
    "info",
    "memory",
    "tos",
    "uid",
    "extended",
    ...(draft.allNetns ? (["netns"] as const) : []),
  ] as const;
  const plan = planOf(world, draft, selected.selection, filter, { demands });
  const host: Host = task.host;
  const said = new Set<string>();
  const report = (problem: Problem) => {
    const text = isPassing(problem) ? "" : problemText(world, host, plan.sources, problem);
    if (text === "" || said.has(text)) return;
    said.add(text);
    world.stderr.write(encoder.encode(text));
  };
  const say = (line: string) => world.stderr.write(encoder.encode(`${program}: record: ${line}\n`));
  let opened: OpenQuery;
  try {
    opened = await openQuery({ host, report, parts: allParts, keep: false }, plan);
  } catch (error) {
    return halt(world, filterStop(world, error, filter));
  }
  using query = opened;
  if (query.predicate?.withOwners !== undefined)
    return halt(
      world,
      stop(program, "the filter must not ask for owners: record all, and filter when you look"),
    );
  const clock = systemClock;
  const ownInode = ownNetns();
  const followed = settings.once ? undefined : followable(query.selection);
  const eventHost: Host = { ...host, transport: pollingTransport() };
  const found = followed === undefined ? [] : findSources(eventSources, undefined, eventHost, followed);
  const picked = followed === undefined ? [] : chooseSources(found, undefined);
  if (typeof picked === "string") return halt(world, stop(program, picked, 1));
  const missing = followed === undefined ? undefined : missingLine(found);
  if (missing !== undefined) say(missing);
  let store: Store;
  let known: ReturnType<typeof earlierSightings>;
  try {
    known = earlierSightings(folder, clock.wallMs());
    store = new Store({
      folder,
      limits: settings,
      run: {
        bootId: readText(host, BOOT_ID),
        version: manifest.version,
        host: hostname(),
        intervalMs: settings.delayMs,
        filter: words.args.length === 0 ? undefined : words.args.join(" "),
        tables: isLimited ? [...selected.selection.tables].join(",") : undefined,
        sources: picked.map(({ name }) => name).join(","),
      },
      now: readClocks(clock),
      append: settings.once,
      say,
    });
  } catch (error) {
    if (!(error instanceof StoreError)) throw error;
    return halt(world, stop(program, error.message, 1));
  }
  using held = store;
  const owners = new OwnerTracker({
    files: host.files,
    root: plan.sources.root,
    processes: held,
    arguments: settings.arguments,
    now: () => performance.now(),
    processorMs,
  });
  const netnsOf = (netns: Netns | undefined) => netns?.inode ?? ownInode;
  const placeOf = (netns: Netns | undefined) =>
    held.place(netns ?? { inode: ownInode, name: undefined, pid: undefined });
  // Events need the tables of TCP and UDP as the samples have them, unless these leave sockets out.
  const isWhole = !isLimited && words.args.length === 0 && words.file === undefined;
  const hasEnds = picked.some(({ covers }) => covers.includes("ends"));
  const shared = isWhole && hasEnds && picked.includes(pollingSource) ? new SampledSource() : undefined;
  const sources: readonly EventSource[] =
    shared === undefined ? picked : picked.map((each) => (each === pollingSource ? shared.source : each));
  const sampler = new Sampler({ store: held, owners, clock, placeOf, netnsOf, events: shared, report });
  const intake = new ConnectionIntake(held, settings.rows);
  using hooks = new Hooks({ hooks: settings.hooks, env: world.env, say, now: () => clock.awakeMs() });
  const monitor = new Monitor({
    query,
    store: held,
    sampled: sampler,
    files: host.files,
    root: plan.sources.root,
    rules: chosen,
    hooks,
    ...known,
    arguments: settings.arguments,
    place: placeOf,
  });
  sampler.watchWith(monitor);
  const endings = new Endings({ store: held, intake, sampler, owners, monitor, clock, placeOf });
  const followedPlace = ({ netns, within, predicate }: FilteredPlace): FollowedPlace => ({
    // Its transport does not wait.
    host: within === undefined ? eventHost : hostWithin(eventHost, within),
    netns,
    inode: netnsOf(netns),
    bytecode: predicate?.bytecode,
    mayPass: (socket: InetSocket) => predicate?.accepts(socket) ?? true,
  });
  const namespaces = plan.allNetns
    ? new NamespaceSearch({
        query,
        intervalMs: settings.delayMs,
        followed: followedPlace,
        changed: () => monitor.usePlaces(query.places),
        settled: (place) => notePlace(held, placeOf(place.netns), place.host),
        left: ({ netns }) => held.forgetPlace(netns!.inode),
        unfollowed: (some) => {
          const now = readClocks(clock);
          if (some) held.beginSpan("unfollowed", UNFOLLOWED, now);
          else held.endSpan("unfollowed", UNFOLLOWED, now);
        },
      })
    : undefined;
  const recorder = new Recorder({
    query,
    sampler,
    endings,
    intake,
    owners,
    store: held,
    clock,
    placeOf,
    namespaces,
    pauses: new Pauses(() => hooks.isRunning),
    settings,
  });
  if (settings.once) {
    recorder.takeOne(true);
    monitor.close();
    held.close(readClocks(clock));
    await hooks.idle();
    return 0;
  }
  let follower: Follower | undefined;
  try {
    if (followed !== undefined)
      follower = new Follower(
        {
          places: namespaces?.first ?? query.places.map(followedPlace),
          selection: followed,
          sources,
          ...(shared === undefined ? {} : { ownersOf: (inode: number) => owners.ownersOf(inode) }),
          ...(namespaces === undefined ? {} : { sawElsewhere: namespaces.hasten }),
          demands: demandSet(...query.places.map(({ predicate }) => predicate?.demands)),
          root: plan.sources.root,
          intervalMs: settings.delayMs,
          traceBufferKb: undefined,
          threadShare: THREAD_SHARE,
          existing: false,
          report,
          // A round is finished after a signal, too: what it has found is kept.
          breathe: takeTurns(() => performance.now(), new AbortController().signal),
        },
        (event) => {
          if (plan.filter !== undefined && event.socket !== undefined) {
            const inode = event.netns?.inode;
            const place = query.places.find(({ netns }) => netns?.inode === inode) ?? query.places[0];
            if (place.predicate?.accepts(event.socket) === false) return;
          }
          endings.take(event);
        },
      );
  } catch (error) {
    return halt(world, stop(program, (error as Error).message, 1));
  }
  try {
    say(`writes to ${folder}`);
    await recorder.run(world.interrupted(), follower);
  } finally {
    follower?.[Symbol.dispose]();
    monitor.close();
    recorder.close();
  }
  return 0;
}
