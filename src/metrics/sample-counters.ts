/** One pass over a sample of all sockets: counts them by table, state and process, and what they carried. */

import { addressTextAt } from "../doctor/endpoint.ts";
import type { Holders } from "../live/owners.ts";
import type { SocketTable } from "../live/table.ts";
import { type DumpName, dumpOrder } from "../model/selection.ts";
import { SS_LISTEN, SS_TIME_WAIT, stateGroups, states } from "../model/state.ts";
import { defaultRange, type Ports } from "./connection-kind.ts";
import { type Groups, groupRows, valuesAt } from "./groups.ts";
import { NONE, nameLabel } from "./label-text.ts";
import { busiestDestination, PortSet } from "./ports.ts";
import { addTo, groupKey, type Member } from "./top-group.ts";
import type { Traffic } from "./traffic.ts";

const STATES = states.length;
const processAt = valuesAt(groupRows.process);
const listenerAt = valuesAt(groupRows.listener);

/** Tables whose connections have a local port that the kernel may have chosen. */
export const portTables = ["tcp", "udp"] as const;
/** One of {@link portTables}. */
export type PortTable = (typeof portTables)[number];

/** The tables whose queues are bytes; those of TIPC are packets. */
const hasBytes = (dump: DumpName) => dump !== "tipc";

/** A process in the current pass. */
interface Holder {
  readonly name: string;
  readonly labels: readonly string[];
  readonly member: Member;
}

/** The numbers of the last sample, and the counters that grow from sample to sample. */
export class SampleCounters {
  /** Sockets by table and state: the place of a table in {@link dumpOrder} times {@link STATES}, plus the state. */
  readonly sockets = new Float64Array(dumpOrder.length * STATES);
  /** Which of these were ever above 0: the others have no series. */
  readonly seen = new Uint8Array(dumpOrder.length * STATES);
  /** Bytes in the receive and the send queues by table, in the order of {@link dumpOrder}. */
  readonly receiveQueues = new Float64Array(dumpOrder.length);
  readonly sendQueues = new Float64Array(dumpOrder.length);
  /** Local ports in use within the range of connect(2). */
  readonly portsInUse: Record<PortTable, number> = { tcp: 0, udp: 0 };
  /** Connections to the destination that has most. */
  busiestDestination = 0;
  readonly #groups: Groups;
  readonly #traffic: Traffic;
  readonly #listening = new Map<number, string>();
  #range: readonly [low: number, high: number] = defaultRange;
  /** The processes of the current pass. */
  readonly #byPid = new Map<number, Holder>();
  readonly #byName = new Map<string, Holder>();
  /** Packets that sockets had dropped in the last pass, by cookie; only sockets that dropped some. */
  #drops = new Map<number, number>();
  readonly #portSets = { tcp: new PortSet(), udp: new PortSet() };

  constructor(groups: Groups, traffic: Traffic) {
    this.#groups = groups;
    this.#traffic = traffic;
  }

  /** What is known of the ports of the host, from the last sample and the listeners that opened since. */
  get ports(): Ports {
    const [low, high] = this.#range;
    return { listening: this.#listening, low, high };
  }

  /** Notes a listener that has opened. */
  listens(port: number, process: string | undefined): void {
    if (!this.#listening.has(port)) this.#listening.set(port, process ?? NONE);
  }

  /**
   * Counts a sample.
   *
   * @param holders the names of processes
   * @param range net.ipv4.ip_local_port_range; undefined if unknown
   */
  take(
    table: SocketTable,
    holders: Pick<Holders, "name">,
    range: readonly [low: number, high: number] | undefined,
    nowMs: number,
  ): void {
    this.#range = range ?? defaultRange;
    this.#begin();
    const weight = this.#traffic.begin(nowMs);
    for (const group of Object.values(this.#groups)) group.rebalance(nowMs);
    this.#findListeners(table, holders, nowMs);
    const { ports } = this;
    const destinations = busiestDestination();
    const drops = new Map<number, number>();
    const { receiveQueue, sendQueue, dropped } = table.numbers;
    for (let slot = 0; slot < table.end; slot++) {
      if (!table.isLive(slot)) continue;
      const dump = table.dump(slot);
      const state = table.state[slot]!;
      const at = dumpOrder.indexOf(dump);
      const place = at * STATES + state;
      this.sockets[place]!++;
      this.seen[place] = 1;
      const listens = state === SS_LISTEN;
      if (!listens && hasBytes(dump)) {
        this.receiveQueues[at]! += receiveQueue[slot]! || 0;
        this.sendQueues[at]! += sendQueue[slot]! || 0;
      }
      const isConnection = dump === "tcp" && ((1 << state) & stateGroups.connected) !== 0;
      const isOpen = isConnection && state !== SS_TIME_WAIT;
      const holder = this.#holderOf(table, slot, isOpen ? ports : undefined, holders, nowMs);
      addTo(holder.member, processAt.sockets + state, 1);
      if (weight > 0) this.#groups.process.weigh(holder.member, holder.name, holder.labels, weight, nowMs);
      const lost = dropped[slot]!;
      if (lost > 0) this.#countDrops(drops, table.cookie(slot), lost, holder.member);
      if (!listens && (dump === "tcp" || dump === "udp")) this.#notePort(dump, table.localPort[slot]!);
      if (!isConnection || table.peerPort[slot] === 0) continue;
      if (this.#isChosen(table.localPort[slot]!)) destinations.add(table, slot);
      if (isOpen) this.#traffic.take(table, slot, holder.name, holder.member, ports, nowMs);
    }
    this.#drops = drops;
    this.busiestDestination = destinations.most;
    for (const name of portTables) this.portsInUse[name] = this.#portSets[name].size;
    this.#traffic.finish(nowMs);
  }

  #begin(): void {
    this.sockets.fill(0);
    this.receiveQueues.fill(0);
    this.sendQueues.fill(0);
    this.#listening.clear();
    this.#byPid.clear();
    this.#byName.clear();
    for (const name of portTables) this.#portSets[name].clear();
    this.#groups.process.clear(processAt.sockets, processAt.sockets + STATES);
    this.#groups.listener.clear(0, 2);
  }

  /** Finds the listening TCP sockets: which ports they have tells inbound connections from outbound ones. */
  #findListeners(table: SocketTable, holders: Pick<Holders, "name">, nowMs: number): void {
    const { receiveQueue, sendQueue } = table.numbers;
    for (let slot = 0; slot < table.end; slot++) {
      if (table.state[slot] !== SS_LISTEN || !table.isLive(slot) || table.dump(slot) !== "tcp") continue;
      const { name } = this.#holderOf(table, slot, undefined, holders, nowMs);
      const port = table.localPort[slot]!;
      this.#listening.set(port, name);
      const labels = [name, addressTextAt(table.addresses, slot * 32, table.family[slot]!), String(port)];
      const key = groupKey(labels);
      const member = this.#groups.listener.find(key, labels, nowMs);
      const waiting = receiveQueue[slot]! || 0;
      // A waiting connection weighs most; a listener that is idle has some weight, too.
      this.#groups.listener.weigh(member, key, labels, 1 + waiting, nowMs);
      addTo(member, listenerAt.waiting, waiting);
      addTo(member, listenerAt.limit, sendQueue[slot]! || 0);
    }
  }

  /** The process of a socket. @param ports of a connection: until it is accepted, its listener's process counts */
  #holderOf(
    table: SocketTable,
    slot: number,
    ports: Ports | undefined,
    holders: Pick<Holders, "name">,
    nowMs: number,
  ): Holder {
    const pid = table.process[slot]!;
    if (pid === 0) return this.#named(ports?.listening.get(table.localPort[slot]!) ?? NONE, nowMs);
    let holder = this.#byPid.get(pid);
    if (holder === undefined) {
      holder = this.#named(nameLabel(holders.name(pid) ?? ""), nowMs);
      this.#byPid.set(pid, holder);
    }
    return holder;
  }

  #named(name: string, nowMs: number): Holder {
    let holder = this.#byName.get(name);
    if (holder === undefined) {
      const labels = [name];
      holder = { name, labels, member: this.#groups.process.find(name, labels, nowMs) };
      this.#byName.set(name, holder);
    }
    return holder;
  }

  #countDrops(drops: Map<number, number>, cookie: number, lost: number, member: Member): void {
    drops.set(cookie, lost);
    const before = this.#drops.get(cookie) ?? 0;
    if (!this.#traffic.isFirst && lost > before) addTo(member, processAt.dropped, lost - before);
  }

  #isChosen(port: number): boolean {
    return port >= this.#range[0] && port <= this.#range[1];
  }

  #notePort(table: PortTable, port: number): void {
    if (this.#isChosen(port)) this.#portSets[table].add(port);
  }
}
