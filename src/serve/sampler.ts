/**
 * Takes samples of sockets. One sample serves every viewer and every request that comes within its interval; without
 * a viewer or a request, none is taken.
 */
import type { Catalog } from "../catalogue/catalog.ts";
import type { NameSource } from "../fields/names.ts";
import type { Files, Resolver } from "../host/host.ts";
import { SampleMessages } from "../live/messages.ts";
import { SocketTable } from "../live/table.ts";
import { knowPlaces } from "../lookup/places.ts";
import { type Demand, demands as demandRows, demandSet } from "../model/demand.ts";
import { allTables, type Selection, type Table, tables as tableRows } from "../model/selection.ts";
import { stateGroups } from "../model/state.ts";
import { columnsWith } from "../output/columns.ts";
import { explanationOf, explanationText } from "../output/explain.ts";
import { nameSource } from "../output/name-source.ts";
import type { Plan } from "../plan/plan.ts";
import { allParts } from "../query/all-parts.ts";
import { type OpenQuery, openQuery } from "../query/open.ts";
import type { Problem } from "../query/query.ts";
import type { ServeContext } from "./context.ts";
import { hostsFile } from "./hosts-file.ts";
import { problemSentence } from "./notes.ts";
import { type OwnerKeeper, ownerKeeper } from "./owners.ts";
import { showable } from "./secrets.ts";
import type { Snapshot, Wants } from "./snapshot.ts";
import { turns } from "./turns.ts";

/** The selection of tables in all states. */
export function selectionOf(tables: ReadonlySet<Table>): Selection {
  const families = new Set([...tables].flatMap((table): readonly number[] => tableRows[table].families));
  return { tables, families, states: stateGroups.all, preferred: undefined };
}

/** Everything that names and columns may be looked up for. What a sample costs is decided by its wants. */
const namedDemands: readonly Demand[] = ["owners", "peerOwners", "containers", "cgroup", "uid", "peerNames"];

/** Tables whose numbers, except drops, do not need SK_MEMINFO, which is costly. */
const withoutMemory: ReadonlySet<Table> = new Set(["tcp", "mptcp"]);

/** A query that is open for a while, and the owners of its sockets. */
export interface OpenMachine extends Disposable {
  readonly query: OpenQuery;
  readonly owners: OwnerKeeper;
  readonly names: NameSource;
  readonly catalog: Catalog;
  /** The problems since the last call, each once. */
  notes(): readonly string[];
}

/** The plan of everything that a server may list. */
export function planOf({ sources, allNetns }: ServeContext, demands: readonly Demand[] = []): Plan {
  return {
    selection: selectionOf(new Set(allTables)),
    filter: undefined,
    allNetns,
    sources,
    demands: demandSet(namedDemands, demands),
    bpfMapIds: [],
    serviceNames: false,
    order: { sort: [] },
    kill: false,
  };
}

/** A resolver that queries no name server. */
function silent(files: Files): Pick<Resolver, "addresses" | "name"> {
  return { ...hostsFile(files), name: async () => undefined };
}

/** Opens the machine's places and names. @param owners the keeper of an earlier opening @param demands beyond the usual ones */
export async function openMachine(
  context: ServeContext,
  owners?: OwnerKeeper,
  demands: readonly Demand[] = [],
): Promise<OpenMachine> {
  const { sources } = context;
  const { files, resolver } = context.host;
  const host = { ...context.host, resolver: { ...resolver, ...silent(files) } };
  const notes = new Set<string>();
  let keeper = owners;
  const known = () => keeper!;
  const report = (problem: Problem) => {
    const sentence = problemSentence(problem);
    if (sentence !== undefined) notes.add(sentence);
  };
  const ownersOf = (inode: number) => keeper?.owners(inode);
  const parts: typeof allParts = {
    ...allParts,
    // Owners come from the keeper: a filter by process makes no pass of its own.
    ownerLookup: (from) => ({
      ...knowPlaces({ ...from, owners: ownersOf }),
      owners: ownersOf,
      findOwners: () => [],
      processContext: () => undefined,
    }),
  };
  const query = await openQuery({ host, report, parts, keep: true }, planOf(context, demands));
  keeper ??= ownerKeeper(host.files, sources.root, (uid) => query.names.user(uid));
  const explainer = { explanationOf, explanationText };
  const names = showable(nameSource(query.plan, query.names, explainer), context);
  return {
    query,
    owners: known(),
    names,
    catalog: columnsWith(names),
    notes() {
      const taken = [...notes];
      notes.clear();
      return taken;
    },
    [Symbol.dispose]: () => query[Symbol.dispose](),
  };
}

/** What every sample has. */
const always = demandSet(["info", "uid"]);

/** The parts of wants that one listing serves: SK_MEMINFO is requested only where it shows drops, or is wanted. */
function listings({ tables, demands }: Wants): readonly Wants[] {
  const base = demandSet(demands, always);
  if (demands.has("memory")) return [{ tables, demands: base }];
  const cheap = new Set([...tables].filter((table) => withoutMemory.has(table)));
  const others = new Set([...tables].filter((table) => !withoutMemory.has(table)));
  return [
    { tables: cheap, demands: base },
    { tables: others, demands: demandSet(base, ["memory"]) },
  ].filter((each) => each.tables.size > 0);
}

/** What a snapshot is taken with. */
export interface Taking {
  readonly machine: OpenMachine;
  readonly table: SocketTable;
  /** Takes the kernel's messages; it must be empty. */
  readonly messages?: SampleMessages;
  readonly wants: Wants;
  readonly generation: number;
  /** When the sockets were so, if not now, in milliseconds since 1970. */
  readonly timeMs?: number;
  /** Gives the time in milliseconds, for rates. */
  readonly clock?: () => number;
  readonly signal?: AbortSignal | undefined;
}

/** Takes a snapshot. Requests are answered meanwhile. */
export async function take({
  machine,
  table,
  messages = new SampleMessages(),
  wants,
  generation,
  timeMs = Date.now(),
  clock = () => performance.now(),
  signal,
}: Taking): Promise<Snapshot> {
  const { query, owners } = machine;
  const began = performance.now();
  const breathe = turns(signal);
  const keep = messages.keepSocket.bind(messages);
  // The time of each datagram, not of each socket.
  let nowMs = clock();
  table.begin(nowMs);
  for (const place of query.places) {
    const rows = table.rows(place.netns, () => nowMs, messages);
    for (const { tables, demands } of listings(wants)) {
      const selection = selectionOf(tables);
      for (const batch of query.listPlace(place, { selection, demands, keep: true, rows })) {
        messages.settle();
        nowMs = clock();
        table.add(batch, nowMs, keep);
        await breathe();
      }
    }
  }
  const summary = table.finish();
  const durationMs = performance.now() - began;
  noteOwners(table, owners, false);
  return {
    generation,
    timeMs,
    durationMs,
    wants,
    table,
    summary,
    owners,
    query,
    names: machine.names,
    catalog: machine.catalog,
    sockets: messages,
    notes: machine.notes(),
  };
}

/** Notes in a table who has its sockets open, as far as it is known. @param all whether known owners may have changed */
function noteOwners({ process, inode, end }: SocketTable, owners: OwnerKeeper, all: boolean): void {
  for (let slot = 0; slot < end; slot++)
    if (inode[slot] !== 0 && (all || process[slot] === 0)) process[slot] = owners.processOf(inode[slot]!);
}

/** Looks for the owners of a snapshot's sockets, if it is time for that. @returns whether a pass was made */
export async function findOwners({ table, owners }: Snapshot, signal?: AbortSignal): Promise<boolean> {
  if (!(await owners.refresh(table, () => performance.now(), turns(signal)))) return false;
  noteOwners(table, owners, true);
  return true;
}

/** Takes samples on request. */
export interface Sampler extends Disposable {
  /** The last sample, if it is still kept. */
  readonly latest: Snapshot | undefined;
  /** The open query, in which filters are parsed. */
  query(): Promise<OpenQuery>;
  /**
   * Uses the sample of this interval; it is taken if there is none, or if it lacks something.
   *
   * @param use gets the sample, whose sockets are valid until it has finished
   * @returns what `use` returns
   */
  sample<T>(wants: Wants, use: (snapshot: Snapshot) => T | Promise<T>): Promise<T>;
  /**
   * Has a sample taken in every interval.
   *
   * @param see takes each new sample
   * @returns a function that ends it
   */
  watch(see: (snapshot: Snapshot) => void): () => void;
  /** Calls a listener with every sample, without having any taken. */
  observe(see: (snapshot: Snapshot) => void): void;
  /** How many samples were taken. */
  readonly taken: number;
}

/** Milliseconds without a viewer and without a request after which everything is forgotten. */
const IDLE_MS = 15_000;
/** Milliseconds after which the owners of sockets are forgotten, too: scrapes come every minute or so. */
const OWNERS_IDLE_MS = 5 * 60_000;
/** What somebody wanted is sampled for others, too, for this many intervals, and at least so many milliseconds. */
const WANTED_INTERVALS = 3;
const WANTED_MS = 5000;
/** Milliseconds after which names of users, interfaces and control groups are read again. */
const REOPEN_MS = 60_000;
/** Milliseconds without a request after which owners are looked for: whoever opens a page sends several at first. */
const QUIET_MS = 100;
/** Milliseconds between two searches for network namespaces, and the part of the time that they may take. */
const NAMESPACES_MS = 1000;
const NAMESPACES_SHARE = 0.01;
/** Samples whose memory is kept for the next ones. */
const SPARE = 2;
/** The part of the time that samples may take: on a host with very many sockets they come less often. */
const SHARE = 0.25;

/** What viewers want before their first request for rows. */
export const basicWants: Wants = {
  tables: new Set(["tcp", "mptcp", "udp", "raw", "dccp", "sctp"]),
  demands: demandSet([]),
};

/** Whether a sample has what is wanted. What is read from /proc can be added to any. */
function covers({ wants }: Snapshot, { tables, demands }: Wants): boolean {
  const has = demandSet(wants.demands, always);
  return (
    [...tables].every((table) => wants.tables.has(table)) &&
    [...demands].every((each) => has.has(each) || demandRows[each].from === "proc")
  );
}

/** Makes the sampler of a server. */
export function openSampler(context: ServeContext): Sampler {
  const { intervalMs } = context;
  const viewers = new Set<(snapshot: Snapshot) => void>();
  const observers: ((snapshot: Snapshot) => void)[] = [];
  /** When each table and demand was last wanted. */
  const wanted = { tables: new Map<Table, number>(), demands: new Map<Demand, number>() };
  const ending = new AbortController();
  let machine: OpenMachine | undefined;
  let opening: Promise<OpenMachine> | undefined;
  /** The owners of sockets, which outlive the machine for a while: to find them takes longer than a sample. */
  let owners: OwnerKeeper | undefined;
  let ownersTimer: ReturnType<typeof setTimeout> | undefined;
  /** Machines whose sockets the last sample may still have. */
  const stale: OpenMachine[] = [];
  let openedMs = 0;
  /** When network namespaces are searched for again. */
  let namespacesMs = 0;
  let table = new SocketTable();
  let latest: Snapshot | undefined;
  /** Ends our hold of the sockets of the last sample. */
  let release: (() => void) | undefined;
  /** Memory of earlier samples: fresh memory costs more than copying into it. */
  const spare: SampleMessages[] = [];
  let latestMs = Number.NEGATIVE_INFINITY;
  let running: Promise<Snapshot> | undefined;
  let finding: Promise<void> | undefined;
  /** The sample whose owners are to be found once no request came for a while. */
  let unsearched: Snapshot | undefined;
  let quiet: ReturnType<typeof setTimeout> | undefined;
  /** Requests that have not got their rows yet. */
  let waiting = 0;
  let generation = 0;
  let taken = 0;
  let usedMs = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;

  function note({ tables, demands }: Wants): void {
    usedMs = performance.now();
    for (const each of tables) wanted.tables.set(each, usedMs);
    for (const each of demands) wanted.demands.set(each, usedMs);
  }

  /** What was wanted lately. */
  function currentWants(): Wants {
    const since = performance.now() - Math.max(WANTED_MS, WANTED_INTERVALS * intervalMs);
    for (const map of [wanted.tables, wanted.demands])
      for (const [each, ms] of map as Map<string, number>)
        if (ms < since) (map as Map<string, number>).delete(each);
    if (wanted.tables.size === 0) note(basicWants);
    return { tables: new Set(wanted.tables.keys()), demands: new Set(wanted.demands.keys()) };
  }

  async function reopen(): Promise<OpenMachine> {
    clearTimeout(ownersTimer);
    const opened = await openMachine(context, owners);
    owners = opened.owners;
    if (machine !== undefined) stale.push(machine);
    machine = opened;
    openedMs = performance.now();
    namespacesMs = openedMs + NAMESPACES_MS;
    return opened;
  }

  /** Adds the network namespaces that are new, and removes those that have ended. */
  async function refreshNamespaces({ query }: OpenMachine): Promise<void> {
    const began = performance.now();
    if (!context.allNetns || began < namespacesMs) return;
    await query.refreshPlaces();
    const ended = performance.now();
    namespacesMs = ended + Math.max(NAMESPACES_MS, (ended - began) / NAMESPACES_SHARE);
  }

  async function openedMachine(): Promise<OpenMachine> {
    if (machine !== undefined && performance.now() - openedMs < REOPEN_MS) return machine;
    opening ??= reopen().finally(() => {
      opening = undefined;
    });
    return opening;
  }

  async function takeOne(): Promise<Snapshot> {
    // Requests without a pause must not keep the owners unknown.
    lookForOwners();
    const began = performance.now();
    const open = await openedMachine();
    await refreshNamespaces(open);
    const snapshot = await take({
      machine: open,
      table,
      messages: spare.pop() ?? new SampleMessages(recycle),
      wants: currentWants(),
      generation: generation + 1,
      signal: ending.signal,
    });
    taken++;
    latestMs = began;
    for (const each of stale.splice(0)) if (each !== open) each[Symbol.dispose]();
    publish(snapshot);
    unsearched = snapshot;
    searchWhenQuiet();
    return snapshot;
  }

  /** Keeps memory that nobody reads any more for the next samples. */
  function recycle(messages: SampleMessages): void {
    if (latest === undefined || spare.length >= SPARE) return;
    messages.clear();
    spare.push(messages);
  }

  function publish(snapshot: Snapshot): void {
    const before = release;
    release = snapshot.sockets.hold();
    generation = snapshot.generation;
    latest = snapshot;
    before?.();
    for (const see of [...observers, ...viewers]) see(snapshot);
  }

  /** Looks for owners when no request came for a while: those that have come are answered first. */
  function searchWhenQuiet(): void {
    clearTimeout(quiet);
    if (waiting === 0 && unsearched !== undefined) quiet = setTimeout(lookForOwners, QUIET_MS);
  }

  /** Looks for owners beside the samples: a pass over /proc may take longer than an interval. */
  function lookForOwners(): void {
    const snapshot = unsearched;
    if (snapshot === undefined) return;
    unsearched = undefined;
    finding ??= findOwners(snapshot, ending.signal)
      .then((found) => {
        // The first pass fills a whole column: viewers need not wait for the next sample to see it.
        if (found && latest !== undefined && latest.generation <= snapshot.generation + 1)
          publish({ ...latest, generation: generation + 1 });
      })
      .catch(() => {
        // The server ends, or /proc cannot be read: the next sample tries again.
      })
      .finally(() => {
        finding = undefined;
      });
  }

  /** Takes a sample, once for everybody who waits for one. */
  function shared(): Promise<Snapshot> {
    running ??= takeOne().finally(() => {
      running = undefined;
    });
    return running;
  }

  function isFresh(): boolean {
    return performance.now() - latestMs < Math.max(intervalMs, (latest?.durationMs ?? 0) / SHARE);
  }

  /** The sample of this interval. Hold its sockets before anything else is awaited. */
  async function fresh(wants: Wants): Promise<Snapshot> {
    note(wants);
    if (latest === undefined || !isFresh()) await shared();
    for (;;) {
      if (timer === undefined) plan();
      if (wants.owners) lookForOwners();
      if (wants.owners && latest?.owners.ready === false && finding !== undefined) await finding;
      else if (latest !== undefined && covers(latest, wants)) return latest;
      else {
        note(wants);
        await shared();
      }
    }
  }

  function forget(): void {
    for (const each of stale.splice(0)) each[Symbol.dispose]();
    machine?.[Symbol.dispose]();
    machine = undefined;
    clearTimeout(ownersTimer);
    if (!ending.signal.aborted)
      ownersTimer = setTimeout(() => {
        owners = undefined;
      }, OWNERS_IDLE_MS);
    latest = undefined;
    unsearched = undefined;
    release?.();
    release = undefined;
    spare.length = 0;
    latestMs = Number.NEGATIVE_INFINITY;
    table = new SocketTable();
  }

  /** Plans the next sample, or the end of the sampler's memory. */
  function plan(): void {
    clearTimeout(timer);
    if (ending.signal.aborted) return;
    if (viewers.size === 0) {
      timer = setTimeout(() => {
        const idleMs = performance.now() - usedMs;
        if (viewers.size === 0 && idleMs >= IDLE_MS && running === undefined) forget();
        else plan();
      }, IDLE_MS);
      return;
    }
    const dueMs = latestMs + Math.max(intervalMs, (latest?.durationMs ?? 0) / SHARE);
    timer = setTimeout(tick, Math.max(0, Math.min(dueMs - performance.now(), intervalMs)));
  }

  async function tick(): Promise<void> {
    try {
      usedMs = performance.now();
      if (!isFresh()) await shared();
    } catch (error) {
      // The next sample may succeed; a request reports why one does not.
      if (ending.signal.aborted) return;
      latestMs = performance.now();
      void error;
    }
    plan();
  }

  return {
    get latest() {
      return latest;
    },
    get taken() {
      return taken;
    },
    query: async () => (await openedMachine()).query,
    async sample(wants, use) {
      waiting++;
      clearTimeout(quiet);
      try {
        const snapshot = await fresh(wants);
        const done = snapshot.sockets.hold();
        try {
          return await use(snapshot);
        } finally {
          done();
        }
      } finally {
        waiting--;
        searchWhenQuiet();
      }
    },
    observe: (see) => void observers.push(see),
    watch(see) {
      viewers.add(see);
      plan();
      return () => {
        viewers.delete(see);
        plan();
      };
    },
    [Symbol.dispose]() {
      ending.abort(new Error("the server ends"));
      clearTimeout(timer);
      clearTimeout(quiet);
      if (running === undefined) forget();
      else void running.catch(() => undefined).then(forget);
    },
  };
}
