/** One run of `record`. */
import { existsSync, readlinkSync } from "node:fs";
import { hostname } from "node:os";
import manifest from "../../../../package.json" with { type: "json" };
import type { ChosenRule } from "../../../doctor/examine.ts";
import { rules } from "../../../doctor/rules/index.ts";
import type { SocketEvent } from "../../../events/event.ts";
import { Follower } from "../../../events/follower.ts";
import { eventSources } from "../../../events/registry.ts";
import { cookieOf } from "../../../families/inet/made-socket.ts";
import type { InetSocket } from "../../../families/inet/socket.ts";
import type { Socket } from "../../../families/socket.ts";
import type { Host } from "../../../host/host.ts";
import type { Netns } from "../../../host/namespaces.ts";
import { demandSet } from "../../../model/demand.ts";
import { AF_INET, AF_INET6, AF_TIPC } from "../../../model/family.ts";
import { allTables, dumpOrder, type Selection } from "../../../model/selection.ts";
import { stateGroups } from "../../../model/state.ts";
import { pollingTransport } from "../../../netlink/deferred.ts";
import { NetlinkError } from "../../../netlink/errors.ts";
import { listLinks } from "../../../netlink/links.ts";
import { allParts } from "../../../query/all-parts.ts";
import { type OpenQuery, openQuery } from "../../../query/open.ts";
import type { Problem } from "../../../query/query.ts";
import { formatCgroups } from "../../../replay/folder.ts";
import { encodePcap } from "../../../replay/pcap.ts";
import { recordTransport } from "../../../replay/record.ts";
import { type RecorderClock, readClocks, systemClock } from "../../../store/clock.ts";
import { StoreError } from "../../../store/error.ts";
import { defaultFolder } from "../../../store/folder.ts";
import { ImageBuilder } from "../../../store/image.ts";
import { OwnerTracker } from "../../../store/owner-tracker.ts";
import { contextFiles, contextNames } from "../../../store/past.ts";
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
import { Hooks } from "./hooks.ts";
import { Monitor } from "./monitor.ts";
import type { RecordSettings } from "./settings.ts";

const encoder = new TextEncoder();

/** Time between two rounds of events: while there are many, and while there are few. */
const BUSY_ROUND_MS = 20;
const ROUND_MS = 100;
/** Events in a round that are many: the kernel keeps a few thousand ends of sockets for us. */
const MANY_EVENTS = 50;
/** Time between two writes to disk. */
const FLUSH_MS = 10_000;
/** A sample that takes longer is noted, as its sockets are not of one moment. */
const SLOW_MS = 500;
/** The part of the time that samples may take. */
const SHARE = 0.05;
/** How often interfaces, control groups and counters of /proc are noted beside the samples, in samples. */
const CONTEXT_EVERY = 12;
/** Connections whose failure is remembered until they end. */
const REASONS_LIMIT = 10_000;
const OWN_NETNS = "/proc/thread-self/ns/net";
const BOOT_ID = "/proc/sys/kernel/random/boot_id";

const decoder = new TextDecoder();

function stop(program: string, message: string, status = EXIT_USAGE): Stop {
  return { kind: "error", message: `${program}: record: ${message}`, usage: false, status };
}

function ownNetns(): number {
  try {
    return Number(/\d+/.exec(readlinkSync(OWN_NETNS))?.[0] ?? 0);
  } catch {
    return 0;
  }
}

function readText(host: Host, path: string): string {
  try {
    return decoder.decode(host.files.read(path)).trim();
  } catch {
    return "";
  }
}

/** The TCP and UDP part of a selection, which events can follow; undefined if there is none. */
function followable(selection: Selection): Selection | undefined {
  const tables = new Set((["tcp", "udp"] as const).filter((table) => selection.tables.has(table)));
  const families = new Set([AF_INET, AF_INET6].filter((family) => selection.families.has(family)));
  return tables.size === 0 || families.size === 0 ? undefined : { ...selection, tables, families };
}

/** The cookie of a socket as a number; 0 if it is unknown. */
function keyOf(socket: Socket): number {
  return socket.kind === "inet" ? cookieOf(socket) : Number(socket.cookie ?? 0n);
}

/** Takes samples of a query into a store. */
class Sampler {
  readonly #query: OpenQuery;
  readonly #store: Store;
  readonly #owners: OwnerTracker;
  readonly #clock: RecorderClock;
  readonly #builder = new ImageBuilder();
  #monitor: Monitor | undefined;
  #count = 0;

  constructor(query: OpenQuery, store: Store, owners: OwnerTracker, clock: RecorderClock) {
    this.#query = query;
    this.#store = store;
    this.#owners = owners;
    this.#clock = clock;
  }

  /** The number of a network namespace. */
  place(netns: Netns | undefined): number {
    return this.#store.place(netns ?? { inode: ownNetns(), name: undefined, pid: undefined });
  }

  /** Lets a monitor see each sample. */
  watchWith(monitor: Monitor): void {
    this.#monitor = monitor;
  }

  /**
   * Takes a sample.
   *
   * @param single whether no other follows
   * @returns how long the sockets took, in milliseconds
   */
  take(single = false): number {
    const { places } = this.#query;
    const clocks = readClocks(this.#clock);
    const numbers = new Map(places.map(({ netns }) => [netns, this.place(netns)]));
    const builder = this.#builder;
    const inodes = new Set<number>();
    builder.begin();
    this.#monitor?.begin(clocks);
    for (const batch of this.#query.sockets()) {
      const { dump, sockets } = batch;
      const nowMs = Math.floor(this.#clock.bootMs());
      const index = dumpOrder.indexOf(dump);
      for (const socket of sockets) {
        const { data, offset, length, origin, inode } = socket;
        const family = socket.kind === "tipc" ? AF_TIPC : data.getUint8(offset);
        const key = { place: numbers.get(origin.netns) ?? this.place(origin.netns), dump: index, family };
        builder.add(key, keyOf(socket), data, offset, length, nowMs);
        if (inode) inodes.add(inode);
      }
      this.#monitor?.feed(batch);
    }
    const durationMs = this.#clock.awakeMs() - clocks.awakeMs;
    const owners = this.#owners.owners(inodes);
    this.#store.sample({ clocks, durationUs: durationMs * 1000, image: builder.image, owners });
    this.#monitor?.finish(owners, clocks, single);
    if (this.#count++ % CONTEXT_EVERY === 0) this.#noteContext();
    if (durationMs > SLOW_MS)
      this.#store.cover("slow", clocks.wallMs, clocks.wallMs + durationMs, Math.round(durationMs));
    return durationMs;
  }

  /** Notes what listings of the past read beside sockets. */
  #noteContext(): void {
    for (const { host, netns } of this.#query.places) {
      const place = this.place(netns);
      const { transport, packets } = recordTransport(host.transport);
      try {
        listLinks(transport);
        this.#store.context(place, contextNames.links, encodePcap(packets()));
      } catch (error) {
        if (!(error instanceof NetlinkError)) throw error;
      }
      for (const name of contextFiles) {
        try {
          this.#store.context(place, name, host.files.read(`/proc/${name}`));
        } catch {
          // A host without IPv6 lacks one of them.
        }
      }
    }
    const { host, netns } = this.#query.places[0];
    // The time of boot, from which the start times of processes count.
    const booted = /^btime \d+\n/m.exec(readText(host, "/proc/stat"))?.[0];
    if (booted !== undefined) this.#store.context(this.place(netns), "stat", encoder.encode(booted));
    const cgroups = host.cgroups();
    if (cgroups === undefined) return;
    this.#store.context(this.place(netns), contextNames.cgroups, encoder.encode(formatCgroups(cgroups)));
  }
}

/** The tuple of a connection, to find why it ended. */
function tupleOf({ origin, src, dst, sport, dport }: InetSocket): string {
  return `${origin.netns?.inode ?? 0} ${origin.protocol} ${src} ${sport} ${dst} ${dport}`;
}

function addressBytes(socket: InetSocket, offset: number): Uint8Array {
  return new Uint8Array(socket.data.buffer, socket.data.byteOffset + offset, socket.addressLength);
}

/** Turns events into rows of connections that ended. */
class Endings {
  readonly #store: Store;
  readonly #sampler: Sampler;
  readonly #owners: OwnerTracker;
  readonly #clock: RecorderClock;
  readonly #monitor: Monitor;
  readonly #reasons = new Map<string, string>();

  constructor(store: Store, sampler: Sampler, owners: OwnerTracker, clock: RecorderClock, monitor: Monitor) {
    this.#monitor = monitor;
    this.#store = store;
    this.#sampler = sampler;
    this.#owners = owners;
    this.#clock = clock;
  }

  /** How many events were taken. */
  count = 0;

  take(event: SocketEvent): void {
    this.count++;
    const { kind, socket } = event;
    if (kind === "lost") {
      const now = this.#clock.wallMs();
      this.#store.cover("lost", event.timeMs, now, event.count, `events of ${event.source}`);
    }
    if (socket === undefined) return;
    // Read now what a process says of itself: it may be gone when its connection ends.
    const owner = event.owners?.[0];
    if (owner !== undefined) this.#owners.process(owner);
    if (kind === "failed") this.#remember(socket, event.failure?.reason ?? "failed");
    else if (kind === "reset") this.#remember(socket, "reset");
    else if (kind === "close") this.#end(event, socket);
  }

  #remember(socket: InetSocket, reason: string): void {
    const reasons = this.#reasons;
    const oldest = reasons.size < REASONS_LIMIT ? undefined : reasons.keys().next().value;
    if (oldest !== undefined) reasons.delete(oldest);
    reasons.set(tupleOf(socket), reason);
  }

  #end({ timeMs, durationMs, owners, netns }: SocketEvent, socket: InetSocket): void {
    // A socket that never had a peer is no connection.
    if (socket.dport === 0) return;
    const tuple = tupleOf(socket);
    const reason = this.#reasons.get(tuple);
    this.#reasons.delete(tuple);
    const info = socket.tcpInfo;
    const owner = owners?.[0];
    const process = owner === undefined ? undefined : this.#owners.process(owner);
    const place = this.#sampler.place(netns);
    this.#monitor.ended(socket, process, place);
    this.#store.connection({
      closedMs: timeMs,
      openedMs: durationMs === undefined ? undefined : timeMs - Math.max(0, durationMs),
      protocol: socket.origin.protocol,
      place,
      local: addressBytes(socket, socket.sourceOffset),
      localPort: socket.sport,
      peer: addressBytes(socket, socket.destinationOffset),
      peerPort: socket.dport,
      process,
      uid: socket.uid,
      reason,
      bytesSent: info?.bytesAcked,
      bytesReceived: info?.bytesReceived,
      segmentsSent: info?.segsOut,
      segmentsReceived: info?.segsIn,
      retransmits: info?.totalRetrans,
      rttUs: info?.rtt,
      minRttUs: info?.minRtt,
    });
  }
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
    const text = problem.kind === "interrupted" ? "" : problemText(world, host, plan.sources, problem);
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
    now: () => clock.awakeMs(),
  });
  const sampler = new Sampler(query, held, owners, clock);
  using hooks = new Hooks({ hooks: settings.hooks, env: world.env, say, now: () => clock.awakeMs() });
  const monitor = new Monitor({
    query,
    store: held,
    clock,
    files: host.files,
    root: plan.sources.root,
    rules: chosen,
    hooks,
    ...known,
    arguments: settings.arguments,
    place: (netns) => sampler.place(netns),
  });
  sampler.watchWith(monitor);
  if (settings.once) {
    sampler.take(true);
    monitor.close();
    held.close(readClocks(clock));
    await hooks.idle();
    return 0;
  }
  const endings = new Endings(held, sampler, owners, clock, monitor);
  let follower: Follower | undefined;
  let followedQuery: OpenQuery | undefined;
  try {
    // Its transport does not wait, in every network namespace.
    if (followed !== undefined)
      followedQuery = await openQuery({ host: eventHost, report, parts: allParts, keep: false }, plan);
    if (followed !== undefined && followedQuery !== undefined)
      follower = new Follower(
        {
          places: followedQuery.places.map((place) => ({
            host: place.host,
            netns: place.netns,
            inode: place.netns?.inode ?? ownNetns(),
            bytecode: place.predicate?.bytecode,
            mayPass: (socket: InetSocket) => place.predicate?.accepts(socket) ?? true,
          })),
          selection: followed,
          sources: picked,
          demands: demandSet(...query.places.map(({ predicate }) => predicate?.demands)),
          root: plan.sources.root,
          intervalMs: settings.delayMs,
          traceBufferKb: undefined,
          existing: false,
          report,
          // A round is finished after a signal, too: what it has found is kept.
          breathe: takeTurns(() => clock.awakeMs(), new AbortController().signal),
        },
        (event) => {
          const inode = event.netns?.inode;
          const place = query.places.find(({ netns }) => netns?.inode === inode) ?? query.places[0];
          if (event.socket !== undefined && place.predicate?.accepts(event.socket) === false) return;
          endings.take(event);
        },
      );
  } catch (error) {
    followedQuery?.[Symbol.dispose]();
    return halt(world, stop(program, (error as Error).message, 1));
  }
  try {
    say(`writes to ${folder}`);
    await recordUntil(world.interrupted(), {
      clock,
      sampler,
      endings,
      follower,
      store: held,
      delayMs: settings.delayMs,
    });
  } finally {
    follower?.[Symbol.dispose]();
    followedQuery?.[Symbol.dispose]();
    monitor.close();
    held.close(readClocks(clock));
  }
  return 0;
}

/** What records. */
interface Recording {
  readonly clock: RecorderClock;
  readonly sampler: Sampler;
  readonly endings: Endings;
  readonly follower: Follower | undefined;
  readonly store: Store;
  readonly delayMs: number;
}

/** Takes samples and events in turn until interrupted. */
async function recordUntil(
  interrupted: AbortSignal,
  { clock, sampler, endings, follower, store, delayMs }: Recording,
): Promise<void> {
  let sampleAt = clock.awakeMs();
  let flushAt = sampleAt + FLUSH_MS;
  while (!interrupted.aborted) {
    const seen = endings.count;
    const more = (await follower?.round()) ?? false;
    const roundMs = endings.count - seen > MANY_EVENTS ? BUSY_ROUND_MS : ROUND_MS;
    const now = clock.awakeMs();
    if (now >= sampleAt) {
      const tookMs = sampler.take();
      sampleAt = Math.max(sampleAt + delayMs, now + tookMs / SHARE);
    }
    if (now >= flushAt) {
      store.flush(readClocks(clock));
      flushAt = now + FLUSH_MS;
    }
    const pauseMs = Math.max(0, Math.min(sampleAt, flushAt) - clock.awakeMs());
    await new Promise<void>((resolve) => {
      if (more) setImmediate(resolve);
      else setTimeout(resolve, Math.min(pauseMs, roundMs));
    });
  }
}
