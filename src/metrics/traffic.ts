/**
 * What TCP connections carry, as counters that only grow. A connection is counted from sample to sample, and by its
 * last tcp_info when it ends, so that each of its bytes counts once and connections between two samples count, too.
 */
import { addressTextAt, networkOf, writeAddress } from "../doctor/endpoint.ts";
import type { SocketEvent } from "../events/event.ts";
import { cookieOf } from "../families/inet/made-socket.ts";
import type { InetSocket } from "../families/inet/socket.ts";
import type { SocketTable } from "../live/table.ts";
import { directionOf, kindNumber, type Ports, scopeOf, servicePort } from "./connection-kind.ts";
import { type Groups, groupRows, valuesAt } from "./groups.ts";
import type { KindCounters } from "./kind-counters.ts";
import { NONE } from "./label-text.ts";
import type { PeerLabel } from "./limits.ts";
import { addTo, groupKey, type Member } from "./top-group.ts";

/** The addresses and ports of a connection, where they stand. */
interface Ends {
  readonly data: DataView;
  readonly source: number;
  readonly destination: number;
  readonly family: number;
  readonly localPort: number;
  readonly peerPort: number;
}

/** A connection that was counted before. */
interface Counted {
  readonly kind: KindCounters;
  process: string;
  /** The key of its labels in the group of peers. */
  key: string;
  labels: readonly string[];
  peer: Member;
  /** {@link TopGroup.version} when the member was looked up. */
  version: number;
  owner: Member;
  /** The counters when they were last counted. */
  readonly last: Carried;
  /** The pass that had it. */
  pass: number;
  /** Since when samples lack it, in milliseconds; undefined as long as they have it. */
  absentMs: number | undefined;
}

/** What is counted of each connection. */
const carried = ["sent", "received", "retransmitted"] as const;
/** The counters of a connection: acknowledged bytes, received bytes, segments sent again. NaN if unknown. */
type Carried = Record<(typeof carried)[number], number>;

/** The weight of a connection that is open for a second, or is opened, ended or refused; a byte weighs 1. */
const OPEN_WEIGHT = 10;
const EVENT_WEIGHT = 1000;
/** Open connections are weighed that often, in milliseconds, and for ten minutes at most: between that, nobody scrapes. */
const WEIGH_MS = 60_000;
const LONGEST_S = 600;
/** A connection that is missing in samples is kept this long: the event of its end may come later. */
const ABSENT_MS = 10_000;
/** Ends are remembered for this long at least: a sample may be older than they are. */
const ENDED_MS = 10_000;
/** How many ends are remembered at most, twice. */
const ENDED_LIMIT = 200_000;

const peerAt = valuesAt(groupRows.peer);
const processAt = valuesAt(groupRows.process);

/** Cookies of connections that ended lately, in two halves: the older one is forgotten when the newer one is full. */
class EndedLately {
  #newer = new Set<number>();
  #older = new Set<number>();
  #sinceMs = Number.NEGATIVE_INFINITY;

  add(cookie: number, nowMs: number): void {
    this.#turn(nowMs);
    this.#newer.add(cookie);
  }

  has(cookie: number): boolean {
    return this.#newer.has(cookie) || this.#older.has(cookie);
  }

  #turn(nowMs: number): void {
    if (nowMs - this.#sinceMs < ENDED_MS && this.#newer.size < ENDED_LIMIT) return;
    this.#older = nowMs - this.#sinceMs < 2 * ENDED_MS ? this.#newer : new Set();
    this.#newer = new Set();
    this.#sinceMs = nowMs;
  }
}

/** Counts the traffic of TCP connections, in all and by process and peer. */
export class Traffic {
  readonly #groups: Groups;
  readonly #kinds: readonly KindCounters[];
  readonly #peerLabel: PeerLabel;
  readonly #counted = new Map<number, Map<number, Counted>>();
  readonly #ended = new EndedLately();
  readonly #network = new Uint32Array(4);
  readonly #now: Carried = { sent: 0, received: 0, retransmitted: 0 };
  #pass = 0;
  #weighedMs = Number.NaN;
  /** The weight of an open connection in the current pass. */
  #openWeight = 0;

  constructor(groups: Groups, kinds: readonly KindCounters[], peerLabel: PeerLabel) {
    this.#groups = groups;
    this.#kinds = kinds;
    this.#peerLabel = peerLabel;
  }

  /** How many connections are remembered. */
  get size(): number {
    let size = 0;
    for (const counted of this.#counted.values()) size += counted.size;
    return size;
  }

  /** Whether no sample was counted yet: what connections have carried until then is not ours to count. */
  get isFirst(): boolean {
    return this.#pass <= 1;
  }

  /** Begins a pass over a sample. @returns the weight of an open socket; 0 if none is weighed in this pass */
  begin(nowMs: number): number {
    this.#pass++;
    const elapsedMs = nowMs - this.#weighedMs;
    this.#openWeight = 0;
    if (!(elapsedMs < WEIGH_MS)) {
      this.#weighedMs = nowMs;
      this.#openWeight = OPEN_WEIGHT * (Number.isNaN(elapsedMs) ? 1 : Math.min(LONGEST_S, elapsedMs / 1000));
    }
    this.#groups.peer.clear(peerAt.connections, peerAt.connections + 1);
    return this.#openWeight;
  }

  /**
   * Counts a connection of the current sample.
   *
   * @param process the process that has it open, as a label value
   * @param owner the member of that process
   */
  take(table: SocketTable, slot: number, process: string, owner: Member, ports: Ports, nowMs: number): void {
    const cookie = table.cookie(slot);
    if (cookie <= 0) return;
    const { acked, received, retransmitted } = table.numbers;
    const now = this.#now;
    now.sent = acked[slot]!;
    now.received = received[slot]!;
    now.retransmitted = retransmitted[slot]!;
    const here = this.#place(table.netns(slot)?.inode ?? 0);
    let counted = here.get(cookie);
    if (counted === undefined) {
      if (this.#ended.has(cookie)) return;
      counted = this.#first(endsOf(table, slot), process, owner, ports, nowMs);
      here.set(cookie, counted);
      if (this.isFirst) for (const name of carried) counted.last[name] = now[name] || 0;
    } else {
      counted.owner = owner;
      if (counted.process !== process) this.#rename(counted, process, nowMs);
      else this.#refresh(counted, nowMs);
    }
    counted.pass = this.#pass;
    counted.absentMs = undefined;
    addTo(counted.peer, peerAt.connections, 1);
    const moved = this.#count(counted, now);
    const { peer, key, labels } = counted;
    const weight = this.#openWeight + moved;
    if (weight > 0) this.#groups.peer.weigh(peer, key, labels, weight, nowMs);
    // The pass weighs the sockets of each process itself.
    if (moved > 0) this.#groups.process.weigh(owner, process, [process], moved, nowMs);
  }

  /** Ends a pass: forgets connections that samples have lacked for long. */
  finish(nowMs: number): void {
    for (const here of this.#counted.values())
      for (const [cookie, counted] of here) {
        if (counted.pass === this.#pass) continue;
        if (counted.absentMs === undefined) counted.absentMs = nowMs;
        else if (nowMs - counted.absentMs >= ABSENT_MS) here.delete(cookie);
      }
  }

  /**
   * Counts what a connection has carried since it was last counted, at its end.
   *
   * @param process its process; undefined if the event has none
   * @returns its kind
   */
  end(
    event: SocketEvent,
    socket: InetSocket,
    process: string | undefined,
    ports: Ports,
    nowMs: number,
  ): KindCounters {
    const here = this.#place(event.netns?.inode ?? 0);
    const cookie = cookieOf(socket);
    const known = here.get(cookie);
    const counted = known ?? this.#firstOf(socket, process, ports, nowMs);
    here.delete(cookie);
    if (cookie > 0) this.#ended.add(cookie, nowMs);
    const info = socket.tcpInfo;
    const unseen = known === undefined && this.#pass === 0 && event.durationMs === undefined;
    this.#refresh(counted, nowMs);
    let weight = EVENT_WEIGHT;
    if (info !== undefined && !unseen) {
      const { bytesAcked = Number.NaN, bytesReceived = Number.NaN, totalRetrans = Number.NaN } = info;
      weight += this.#count(counted, {
        sent: bytesAcked,
        received: bytesReceived,
        retransmitted: totalRetrans,
      });
    }
    this.#weigh(counted, weight, nowMs);
    return counted.kind;
  }

  /** Counts a connect that failed. */
  fail(socket: InetSocket, process: string | undefined, ports: Ports, nowMs: number): void {
    const counted = this.#firstOf(socket, process, ports, nowMs, "outbound");
    addTo(counted.peer, peerAt.failures, 1);
    addTo(counted.owner, processAt.failures, 1);
    this.#weigh(counted, EVENT_WEIGHT, nowMs);
  }

  /** The kind of a connection. @param direction if it is known otherwise than by the ports */
  kindOf(socket: InetSocket, ports: Ports, direction?: "outbound"): KindCounters {
    return this.#kind(endsOfSocket(socket), ports, direction);
  }

  #kind(
    ends: Ends,
    ports: Ports,
    direction = directionOf(ends.localPort, ends.peerPort, ports),
  ): KindCounters {
    const scope = scopeOf(ends.data, ends.source, ends.destination, ends.family);
    return this.#kinds[kindNumber(direction, scope)]!;
  }

  #place(inode: number): Map<number, Counted> {
    let here = this.#counted.get(inode);
    if (here === undefined) {
      here = new Map();
      this.#counted.set(inode, here);
    }
    return here;
  }

  #firstOf(
    socket: InetSocket,
    process: string | undefined,
    ports: Ports,
    nowMs: number,
    direction?: "outbound",
  ): Counted {
    const ends = endsOfSocket(socket);
    const known = process ?? ports.listening.get(ends.localPort) ?? NONE;
    const owner = this.#groups.process.find(known, [known], nowMs);
    return this.#first(ends, known, owner, ports, nowMs, direction);
  }

  #first(
    ends: Ends,
    process: string,
    owner: Member,
    ports: Ports,
    nowMs: number,
    forced?: "outbound",
  ): Counted {
    const kind = this.#kind(ends, ports, forced);
    const [direction] = kind.labels;
    const port = servicePort(direction as "inbound", ends.localPort, ends.peerPort);
    const labels = [this.#peerText(ends), String(port), process, direction];
    const key = groupKey(labels);
    return {
      kind,
      process,
      key,
      labels,
      peer: this.#groups.peer.find(key, labels, nowMs),
      version: this.#groups.peer.version,
      owner,
      last: { sent: 0, received: 0, retransmitted: 0 },
      pass: this.#pass,
      absentMs: undefined,
    };
  }

  #peerText({ data, destination, family }: Ends): string {
    if (this.#peerLabel === "none") return NONE;
    if (this.#peerLabel === "address") return addressTextAt(data, destination, family);
    writeAddress(this.#network, 0, data, destination, family);
    return networkOf(this.#network);
  }

  #rename(counted: Counted, process: string, nowMs: number): void {
    const [peer = "", port = "", , direction = ""] = counted.labels;
    counted.process = process;
    counted.labels = [peer, port, process, direction];
    counted.key = groupKey(counted.labels);
    this.#find(counted, nowMs);
  }

  /** Looks the member up again if it has lost its series, or the connection may have won some. */
  #refresh(counted: Counted, nowMs: number): void {
    const { peer, process } = this.#groups;
    if (counted.owner.gone) counted.owner = process.find(counted.process, [counted.process], nowMs);
    if (counted.peer.gone || (counted.peer === peer.other && counted.version !== peer.version))
      this.#find(counted, nowMs);
  }

  #find(counted: Counted, nowMs: number): void {
    const { peer } = this.#groups;
    counted.peer = peer.find(counted.key, counted.labels, nowMs);
    counted.version = peer.version;
  }

  /** Counts what the counters of a connection have grown by. Unknown ones are NaN. @returns the bytes */
  #count(counted: Counted, now: Carried): number {
    const { kind, peer, owner, last } = counted;
    let moved = 0;
    for (const name of carried) {
      const more = now[name] - last[name];
      if (!(more > 0)) continue;
      last[name] = now[name];
      kind[name] += more;
      addTo(peer, peerAt[name], more);
      addTo(owner, processAt[name], more);
      if (name !== "retransmitted") moved += more;
    }
    return moved;
  }

  #weigh({ peer, key, labels, owner, process }: Counted, weight: number, nowMs: number): void {
    this.#groups.peer.weigh(peer, key, labels, weight, nowMs);
    this.#groups.process.weigh(owner, process, [process], weight, nowMs);
  }
}

/** The ends of a socket in the table of the samples. */
function endsOf(table: SocketTable, slot: number): Ends {
  return {
    data: table.addresses,
    source: slot * 32,
    destination: slot * 32 + 16,
    family: table.family[slot]!,
    localPort: table.localPort[slot]!,
    peerPort: table.peerPort[slot]!,
  };
}

function endsOfSocket(socket: InetSocket): Ends {
  const { data, sourceOffset, destinationOffset, familyNumber, sport, dport } = socket;
  return {
    data,
    source: sourceOffset,
    destination: destinationOffset,
    family: familyNumber,
    localPort: sport,
    peerPort: dport,
  };
}
