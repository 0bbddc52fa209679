/** Watches what the recorder samples: runs the doctor's rules, and notices listeners and peers that are new. */
import { describers } from "../../../catalogue/describe.ts";
import type { ChosenRule, Diagnosis, ExaminedPlace } from "../../../doctor/examine.ts";
import { filesBelow, processTable } from "../../../doctor/host-facts.ts";
import { Rounds } from "../../../doctor/rounds.ts";
import type { HostFacts, Newcomer, ProcessFact } from "../../../doctor/sample.ts";
import { processDetails } from "../../../enrich/process-details.ts";
import type { Owner } from "../../../enrich/processes.ts";
import { cookieOf } from "../../../families/inet/made-socket.ts";
import type { InetSocket } from "../../../families/inet/socket.ts";
import type { Files } from "../../../host/host.ts";
import type { Netns } from "../../../host/namespaces.ts";
import { processorMs } from "../../../host/processor-time.ts";
import { addressText } from "../../../model/address.ts";
import { demandSet } from "../../../model/demand.ts";
import { IPPROTO_TCP, IPPROTO_UDP } from "../../../model/family.ts";
import { SS_CLOSE, SS_LISTEN } from "../../../model/state.ts";
import { findingObject } from "../../../output/doctor.ts";
import { nameSource } from "../../../output/name-source.ts";
import type { FilteredPlace } from "../../../query/filters.ts";
import type { OpenQuery } from "../../../query/open.ts";
import type { SocketBatch } from "../../../query/query.ts";
import type { ClockReading } from "../../../store/clock.ts";
import type { SightingFacts } from "../../../store/facts.ts";
import { FindingLog } from "../../../store/finding-log.ts";
import type { StoredOwners } from "../../../store/owners.ts";
import { type Sighted, Sightings } from "../../../store/sightings.ts";
import { statText } from "../../../store/stat-text.ts";
import type { Store } from "../../../store/store.ts";
import { keysOf } from "../doctor/watch.ts";
import type { Hooks } from "./hooks.ts";

/** What a monitor asks about the last sample: see Sampler. */
export interface SampledSockets {
  /** Whether it has a socket. */
  has(place: number, protocol: number, cookie: number): boolean;
  /** Whether a service had a port. */
  listens(place: number, protocol: number, port: number): boolean;
}

/** What a monitor works with. */
export interface MonitorOptions {
  readonly query: OpenQuery;
  readonly store: Store;
  /** The last sample. */
  readonly sampled: SampledSockets;
  readonly files: Files;
  /** Where /proc is. */
  readonly root: string;
  readonly rules: readonly ChosenRule[];
  readonly hooks: Hooks;
  /** First sightings of earlier runs. */
  readonly earlier: readonly SightingFacts[];
  /** When an earlier run ended; undefined if there was none. */
  readonly earlierMs: number | undefined;
  /** Whether the arguments of processes may be kept. */
  readonly arguments: boolean;
  /** The number of a network namespace in the store. */
  place(netns: Netns | undefined): number;
}

/** The part of the time that rules may take: on a host with many sockets they skip samples. */
const SHARE = 0.002;
/** But no more than so many. */
const LONGEST_PAUSE_MS = 60_000;
/** How long the owner of a socket may be unknown before it counts as one without. */
const OWNER_MS = 30_000;
/** Sockets of a finding that are kept with it. */
const SHOWN = 3;
const PORT_RANGE = "sys/net/ipv4/ip_local_port_range";
const netids: Readonly<Record<number, string>> = { [IPPROTO_TCP]: "tcp", [IPPROTO_UDP]: "udp" };

const decoder = new TextDecoder();

/** A socket that no sample had before, until its owner is known. */
interface Arrived {
  readonly place: number;
  readonly protocol: number;
  readonly inode: number;
  readonly isListener: boolean;
  readonly local: string;
  readonly localPort: number;
  readonly peer: string;
  readonly peerPort: number;
  readonly afterMs: number | undefined;
  readonly sinceMs: number;
}

function localText({ data, sourceOffset, familyNumber }: InetSocket): string {
  return addressText(data, sourceOffset, familyNumber);
}

function peerText({ data, destinationOffset, familyNumber }: InetSocket): string {
  return addressText(data, destinationOffset, familyNumber);
}

/** Runs rules and notes sightings, sample by sample. */
export class Monitor {
  readonly #options: MonitorOptions;
  readonly #log: FindingLog;
  readonly #sightings: Sightings;
  readonly #rounds: Rounds;
  #examined: ReadonlyMap<FilteredPlace, ExaminedPlace> = new Map();
  readonly #longestAgeMs: number;
  readonly #clientPorts: readonly [number, number];
  #arrived = new Map<number, Arrived>();
  #newcomers: SightingFacts[] = [];
  #owners: StoredOwners = new Map();
  /** The sockets of `#owners` by process; undefined until a rule reads them. */
  #sockets: ReadonlyMap<number, readonly number[]> | undefined;
  #processes: ReturnType<typeof processTable>;
  #lastMs: number | undefined;
  #nowMs = 0;
  #isRound = false;
  #nextRoundMs = Number.NEGATIVE_INFINITY;
  #spentMs = 0;

  constructor(options: MonitorOptions) {
    const { query, store, files, root, rules, earlier, earlierMs } = options;
    this.#options = options;
    this.#log = new FindingLog(store);
    this.#sightings = new Sightings(store, earlier);
    this.#lastMs = earlierMs;
    this.#processes = processTable(files, root);
    this.#longestAgeMs = Math.max(0, ...rules.map(({ thresholds }) => thresholds["age"] ?? 0));
    const [low = 1, high = 0] = filesBelow(files, root).numbers(PORT_RANGE);
    this.#clientPorts = [low, high];
    this.#rounds = new Rounds(rules, []);
    this.usePlaces(query.places);
  }

  /** Sets the network namespaces that the rules examine. */
  usePlaces(places: OpenQuery["places"]): void {
    this.#examined = new Map(
      places.map((place): [FilteredPlace, ExaminedPlace] => [
        place,
        this.#examined.get(place) ?? { ...place, hostFacts: this.#factsOf(place.netns, place.host.files) },
      ]),
    );
    this.#rounds.use([...this.#examined.values()]);
  }

  /** Begins a sample. @returns whether the rules are to judge it, so that {@link feed} takes all its sockets */
  begin({ wallMs, awakeMs }: ClockReading): boolean {
    this.#nowMs = wallMs;
    this.#isRound = awakeMs >= this.#nextRoundMs;
    this.#spentMs = 0;
    if (this.#isRound) this.#timed(() => this.#rounds.begin(awakeMs));
    return this.#isRound;
  }

  /** Takes sockets of the sample. */
  feed(batch: SocketBatch): void {
    this.#timed(() => this.#rounds.feed(batch));
  }

  /**
   * Ends the sample.
   *
   * @param owners those of its sockets
   * @param single whether no other sample follows, so that the rules judge this one alone
   */
  finish(owners: StoredOwners, { wallMs, awakeMs }: ClockReading, single = false): void {
    this.#owners = owners;
    this.#sockets = undefined;
    this.#settleArrived();
    this.#lastMs = wallMs;
    this.#newcomers = this.#newcomers.filter(({ firstMs }) => wallMs - firstMs <= this.#longestAgeMs);
    if (this.#isRound)
      this.#timed(() => {
        this.#processes = processTable(this.#options.files, this.#options.root);
        this.#report(this.#rounds.finish(single), wallMs);
      });
    if (this.#isRound) this.#nextRoundMs = awakeMs + Math.min(this.#spentMs / SHARE, LONGEST_PAUSE_MS);
    this.#options.hooks.startDue();
  }

  /** Notes the peer of a connection that ended. @param process number of its owner; undefined if unknown */
  ended(socket: InetSocket, process: number | undefined, place: number): void {
    const cookie = cookieOf(socket);
    const arrived = this.#arrived.get(cookie);
    const { protocol } = socket.origin;
    const { sampled } = this.#options;
    const isKnown = sampled.has(place, protocol, cookie);
    if (process === undefined || (isKnown && arrived === undefined)) return;
    this.#arrived.delete(cookie);
    const name = this.#options.store.processFacts(process)?.name;
    if (name === undefined) return;
    const isClient = sampled.listens(place, protocol, socket.sport);
    const sighted: Sighted = {
      what: isClient ? "client" : "server",
      process: decoder.decode(name),
      protocol,
      address: peerText(socket),
      port: isClient ? socket.sport : socket.dport,
    };
    const { afterMs, sinceMs } = arrived ?? { afterMs: this.#lastMs, sinceMs: this.#nowMs };
    this.#see(sighted, place, afterMs, sinceMs);
  }

  /** Writes what is known of findings that last. */
  close(): void {
    this.#log.close();
  }

  #timed(work: () => void): void {
    const begun = processorMs();
    work();
    this.#spentMs += processorMs() - begun;
  }

  /** Takes a socket that the sample before did not have, or not with a process. */
  arrived(socket: InetSocket): void {
    const { protocol, netns } = socket.origin;
    const { stateNumber, dport } = socket;
    const isListener = stateNumber === SS_LISTEN || (stateNumber === SS_CLOSE && dport === 0);
    if (isListener && socket.sport === 0) return;
    const cookie = cookieOf(socket);
    // A handshake, TIME-WAIT and a connection that its process has closed have no owner.
    if (cookie === 0 || socket.inode === 0) return;
    if (!isListener && dport === 0) return;
    const { sport } = socket;
    const [low, high] = this.#clientPorts;
    if (isListener && protocol === IPPROTO_UDP && sport >= low && sport <= high) return;
    this.#arrived.set(cookie, {
      place: this.#options.place(netns),
      protocol,
      inode: socket.inode,
      isListener,
      local: localText(socket),
      localPort: sport,
      peer: peerText(socket),
      peerPort: dport,
      afterMs: this.#lastMs,
      sinceMs: this.#nowMs,
    });
  }

  /** Notes the sightings of sockets whose owner is known by now. */
  #settleArrived(): void {
    for (const [cookie, arrived] of this.#arrived) {
      const { inode, sinceMs, place, protocol, localPort } = arrived;
      const owner = this.#owners.get(inode)?.[0];
      const name = owner && this.#options.store.processFacts(owner.process)?.name;
      const { sampled } = this.#options;
      const isHere = sampled.has(place, protocol, cookie);
      if (isHere && name === undefined && this.#nowMs - sinceMs < OWNER_MS) continue;
      this.#arrived.delete(cookie);
      // The end of a connection names its process; that of a listener is not followed.
      if (!isHere && !arrived.isListener) continue;
      const isClient = sampled.listens(place, protocol, localPort);
      const what = arrived.isListener ? "listener" : isClient ? "client" : "server";
      const sighted: Sighted = {
        what,
        process: name === undefined ? "" : decoder.decode(name),
        protocol,
        address: arrived.isListener ? arrived.local : arrived.peer,
        port: what === "server" ? arrived.peerPort : localPort,
      };
      this.#see(sighted, place, arrived.afterMs, sinceMs);
    }
  }

  #see(sighted: Sighted, place: number, afterMs: number | undefined, firstMs: number): void {
    const first = this.#sightings.see(sighted, place, afterMs, firstMs);
    if (first !== undefined) this.#newcomers.push(first);
  }

  /** What rules may know beside the sample: what the recorder knows anyway, and small files below /proc. */
  #factsOf(netns: Netns | undefined, files: Files): HostFacts {
    const { root, store, place } = this.#options;
    const toOwner = (process: number, fd: number): Owner | undefined => {
      const facts = store.processFacts(process);
      if (facts === undefined) return undefined;
      const { pid, name, startTicks } = facts;
      const stat = statText(pid, name, startTicks);
      return { pid, tid: pid, fd, stat, processContext: undefined, socketContext: undefined };
    };
    return {
      netns,
      ...filesBelow(files, root),
      owners: (inode) =>
        (this.#owners.get(inode) ?? []).flatMap(({ process, fd }) => toOwner(process, fd) ?? []),
      commandLine: (pid) => (this.#options.arguments ? this.#processes.commandLine(pid) : []),
      processes: () => this.#processesWithSockets(),
      processState: (pid) => this.#processes.processState(pid),
      socketsOf: (pid) => this.#socketsOf(pid),
      unreadable: () => [],
      unlisted: () => [],
      descriptors: () => [],
      addresses: () => undefined,
      newcomers: () =>
        this.#newcomers
          .filter((each) => each.place === place(netns))
          .map(
            ({ what, process, protocol, address, port, firstMs }): Newcomer => ({
              what,
              process,
              netid: netids[protocol] ?? `${protocol}`,
              address,
              port,
              ageMs: this.#nowMs - firstMs,
            }),
          ),
    };
  }

  /** The sockets that each process has open, by its number in the store. */
  #socketsByProcess(): ReadonlyMap<number, readonly number[]> {
    if (this.#sockets !== undefined) return this.#sockets;
    const found = new Map<number, number[]>();
    for (const [inode, owners] of this.#owners)
      for (const { process } of owners) {
        const inodes = found.get(process);
        if (inodes === undefined) found.set(process, [inode]);
        else inodes.push(inode);
      }
    this.#sockets = found;
    return found;
  }

  #socketsOf(pid: number): Set<number> {
    const { store } = this.#options;
    const found = new Set<number>();
    for (const [process, inodes] of this.#socketsByProcess())
      if (store.processFacts(process)?.pid === pid) for (const inode of inodes) found.add(inode);
    return found;
  }

  #processesWithSockets(): ProcessFact[] {
    const { store, files, root } = this.#options;
    const numbers = this.#socketsByProcess().keys();
    return [...numbers].flatMap((number): ProcessFact | [] => {
      const facts = store.processFacts(number);
      const state = facts && this.#processes.processState(facts.pid);
      if (facts === undefined || state === undefined) return [];
      const { pid, name } = facts;
      return { pid, name: decoder.decode(name), state, executable: files.link(`${root}/${pid}/exe`) };
    });
  }

  /** Keeps findings, and runs the commands for those that appeared. */
  #report(diagnoses: readonly Diagnosis[], wallMs: number): void {
    const { place, hooks } = this.#options;
    const keys = keysOf(diagnoses);
    const objects = new Map<string, () => ReturnType<typeof findingObject>>();
    const describe = this.#describe();
    const found = diagnoses.map((diagnosis, index) => {
      const { rule, severity, subject, title } = diagnosis;
      const object = () => findingObject(diagnosis, { shown: SHOWN, netns: undefined, describe });
      objects.set(keys[index]!, object);
      return {
        key: keys[index]!,
        rule: rule.id,
        severity,
        place: diagnosis.place === undefined ? undefined : place(diagnosis.place.netns),
        subject,
        title,
        json: () => {
          // What a rule says of every finding is not kept with each.
          const { why: _, advice: __, page: ___, ...kept } = object();
          return JSON.stringify(kept);
        },
      };
    });
    for (const { key, rule } of this.#log.take(found, wallMs)) {
      if (!hooks.has(rule)) continue;
      const time = new Date(wallMs).toISOString();
      const event = { event: "appeared", time, since: time, finding: objects.get(key)!() };
      hooks.appeared(rule, `${JSON.stringify(event)}\n`);
    }
  }

  /** Makes the function that gives the plain object of a socket, with the owners that the recorder knows. */
  #describe() {
    const { query, files, root } = this.#options;
    const facts = this.#factsOf(undefined, files);
    const detailsOf = processDetails(files, root);
    const names = {
      ...query.names,
      owners: (inode: number) => facts.owners(inode),
      details: (owner: Owner) => {
        const { cmdline, ...others } = detailsOf(owner);
        return this.#options.arguments && cmdline !== undefined ? { ...others, cmdline } : others;
      },
    };
    const { plan } = query;
    return describers(nameSource({ ...plan, demands: demandSet(plan.demands, ["owners"]) }, names));
  }
}
