/** Follows sockets: takes what all sources have, round by round, and joins it into events. */

import { describeBare } from "../catalogue/describe.ts";
import type { Origin } from "../diag/message.ts";
import { IPPROTO_TCP, IPPROTO_UDP } from "../model/family.ts";
import { monotonicNs, TraceClock } from "./clock.ts";
import type { SocketEvent } from "./event.ts";
import type { FollowedPlace, FollowOptions, OpenSource, SourceContext } from "./event-source.ts";
import { UdpFlows } from "./flows.ts";
import { EventJoin } from "./join.ts";
import { OwnerCache } from "./owners.ts";
import { SocketLocator } from "./socket-locator.ts";
import { ELSEWHERE, type PlaceNumber, UNPLACED } from "./tracked.ts";

/** Numbers of IP protocols, MPTCP's included. */
const PROTOCOLS = 0x1_0000;

/** Observations that wait before sources take no more: traces that fall behind hold up all others. */
const MOST_OBSERVATIONS = 8000;

/** After so long a source that always has more counts as having been read, in nanoseconds. */
const LONGEST_WAIT_NS = 5e9;

/** A source's observation that waits until the traces are read up to it. */
interface Observation {
  /** Its place in the order of observations, in nanoseconds of CLOCK_MONOTONIC. */
  readonly ns: number;
  /** Up to when the traces must have been read. */
  readonly readyNs: number;
  /** Applies it, perhaps in steps between which signals are let in. */
  apply(): Iterable<void> | void;
}

/** Follows sockets until it is disposed. */
export class Follower implements Disposable {
  readonly #options: FollowOptions;
  readonly #emit: (event: SocketEvent) => void;
  readonly #clock = new TraceClock();
  readonly #owners: OwnerCache;
  readonly #join: EventJoin;
  readonly #flows: UdpFlows;
  readonly #locator: SocketLocator;
  readonly #sources: OpenSource[] = [];
  readonly #origins = new Map<number, Origin>();
  readonly #places = new Map<PlaceNumber, FollowedPlace>();
  /** The numbers of places by the inodes of their namespaces. */
  readonly #numbers = new Map<number, PlaceNumber>();
  /** The number of the next place. None is given twice, so that nothing known of one is taken for another's. */
  #nextPlace: PlaceNumber = 0;
  #observations: Observation[] = [];
  #lost: SocketEvent[] = [];
  /** Up to when the traces of the current round were read; undefined if no source has a trace. */
  #tracedNs: number | undefined;
  /** Up to when the traces have been read. */
  #readNs = 0;
  /** Up to when all other sources have been read. */
  #drainedNs = 0;

  /**
   * @param emit takes the events, nearly in the order of time
   * @throws NetlinkError, or an Error whose message says why a source cannot be opened
   */
  constructor(options: FollowOptions, emit: (event: SocketEvent) => void) {
    this.#options = options;
    this.#emit = emit;
    const { places, sources, root } = options;
    const { files } = places[0]!.host;
    const covered = new Set(sources.flatMap(({ covers }) => covers));
    for (const place of places) this.#number(place);
    this.#owners = new OwnerCache(files, root, options.ownersOf);
    this.#flows = new UdpFlows(emit);
    this.#locator = new SocketLocator(this.#places);
    const origin = (place: PlaceNumber, protocol: number) => this.#origin(place, protocol);
    const wallMs = (ns: number) => this.#clock.wallMs(ns);
    this.#join = new EventJoin({
      emit: (event) => this.#complete(event),
      origin,
      ownersOf: (inode) => this.#owners.owners(inode),
      ownersByThread: (tid, ns) => this.#owners.byThread(tid, ns),
      placeOfThread: (tid, ns) => {
        const inode = this.#owners.netns(tid, ns);
        if (inode === undefined) return UNPLACED;
        const place = this.#numbers.get(inode);
        if (place === undefined) options.sawElsewhere?.();
        return place ?? ELSEWHERE;
      },
      forget: (inode) => this.#owners.forget(inode),
      covered,
      existing: options.existing,
      places: () => this.#places.keys(),
      wallMs,
    });
    const context: SourceContext = {
      options,
      places: this.#places,
      clock: this.#clock,
      join: this.#join,
      flows: this.#flows,
      owners: this.#owners,
      covered,
      origin,
      placeOf: (inode) => this.#numbers.get(inode),
      readNs: () => this.#readNs,
      tracedUntil: (ns) => {
        this.#tracedNs = Math.min(ns, this.#tracedNs ?? ns);
      },
      observe: (ns, apply, readyNs = ns) => this.#observations.push({ ns, readyNs, apply }),
      isCrowded: () => this.#observations.length >= MOST_OBSERVATIONS,
      lose: (source, count, netns) =>
        this.#lost.push({ timeMs: wallMs(monotonicNs()), kind: "lost", source, count, netns }),
    };
    try {
      for (const source of sources) this.#sources.push(source.open(context));
    } catch (error) {
      this[Symbol.dispose]();
      throw error;
    }
  }

  /**
   * One round: reads all sources, and emits the resulting events.
   *
   * @returns whether more is waiting
   */
  async round(): Promise<boolean> {
    const stepMs = this.#clock.check();
    if (stepMs !== 0) {
      this.#join.shiftTimes(stepMs);
      this.#flows.shiftTimes(stepMs);
    }
    const begunNs = monotonicNs();
    let more = false;
    this.#tracedNs = undefined;
    for (const source of this.#sources) if (await source.take()) more = true;
    this.#readNs = this.#tracedNs ?? monotonicNs();
    await this.#applyObservations();
    const readMs = this.#clock.wallMs(this.#readNs);
    if (this.#locator.locate(this.#join, readMs)) this.#hasten();
    this.#flows.forgetUnplaced(readMs);
    // Under a load that never lets up, what waits for the other sources must not wait for ever.
    this.#drainedNs = more ? Math.max(this.#drainedNs, begunNs - LONGEST_WAIT_NS) : begunNs;
    this.#join.endRound(this.#readNs, this.#clock.wallMs(Math.min(this.#readNs, this.#drainedNs)));
    const lost = this.#lost;
    this.#lost = [];
    for (const event of lost) this.#emit(event);
    // Listings find the sockets of the lost events, as far as they still exist.
    if (lost.length > 0) this.#hasten();
    return more || this.#observations.length > 0;
  }

  /** Takes what is left, only to count it: the run ends before it can be joined. */
  abandon(): number {
    return this.#sources.reduce((sum, source) => sum + (source.abandon?.() ?? 0), this.#observations.length);
  }

  /** How many network namespaces are followed. */
  get size(): number {
    return this.#places.size;
  }

  /** Whether a network namespace is followed. @param inode of the namespace */
  follows(inode: number): boolean {
    return this.#numbers.has(inode);
  }

  /**
   * Follows another network namespace from now on. Sockets that it has by then count as having been there before.
   *
   * @throws NetlinkError if a source cannot watch it; it is not followed then
   */
  add(place: FollowedPlace): void {
    const number = this.#number(place);
    try {
      for (const source of this.#sources) source.added?.(number, place);
    } catch (error) {
      this.#drop(number, place);
      throw error;
    }
  }

  /**
   * Stops to follow a network namespace that has ended: so have all its sockets, which the next round reports.
   *
   * @param inode of the namespace
   */
  remove(inode: number): void {
    const number = this.#numbers.get(inode);
    const place = number === undefined ? undefined : this.#places.get(number);
    if (number === undefined || place === undefined) return;
    // The last destroy events still need them.
    const origins = [IPPROTO_TCP, IPPROTO_UDP].map((protocol) => this.#origin(number, protocol));
    this.#drop(number, place);
    const ns = monotonicNs();
    const apply = () => {
      this.#join.removed(number, this.#clock.wallMs(ns));
      for (const { protocol } of origins) this.#origins.delete(number * PROTOCOLS + protocol);
    };
    this.#observations.push({ ns, readyNs: ns, apply });
  }

  #number(place: FollowedPlace): PlaceNumber {
    const number = this.#nextPlace++;
    this.#places.set(number, place);
    if (place.inode !== undefined) this.#numbers.set(place.inode, number);
    return number;
  }

  #drop(number: PlaceNumber, place: FollowedPlace): void {
    for (const source of this.#sources) source.removed?.(number);
    this.#locator.removed(place);
    this.#places.delete(number);
    if (place.inode !== undefined) this.#numbers.delete(place.inode);
  }

  [Symbol.dispose](): void {
    this.close(false);
  }

  /** Stops following. @param hurry whether the process is about to end, as after a signal */
  close(hurry: boolean): void {
    this.#locator[Symbol.dispose]();
    let failure: unknown;
    for (const source of this.#sources.splice(0)) {
      try {
        source.close(hurry);
      } catch (error) {
        failure = error;
      }
    }
    if (failure !== undefined) throw failure;
  }

  #hasten(): void {
    for (const source of this.#sources) source.hasten?.();
  }

  /** Applies the observations that the traces have been read up to, in order. */
  async #applyObservations(): Promise<void> {
    const queue = this.#observations.sort((a, b) => a.ns - b.ns);
    const due = queue.findIndex(({ readyNs }) => readyNs > this.#readNs);
    this.#observations = due < 0 ? [] : queue.slice(due);
    if (due >= 0) queue.length = due;
    for (const { apply } of queue) for (const _ of apply() ?? []) await this.#options.breathe();
  }

  /** Emits an event of a socket. A UDP socket that no listing has seen gets its owners from its flows. */
  #complete(event: SocketEvent): void {
    const { socket, owners, kind, netns } = event;
    const isUdp = socket?.origin.protocol === IPPROTO_UDP;
    const place = netns === undefined ? 0 : (this.#numbers.get(netns.inode) ?? ELSEWHERE);
    const sender = isUdp ? this.#flows.ownersOf(place, socket.sport, kind === "close") : undefined;
    this.#emit(owners === undefined && sender !== undefined ? { ...event, owners: sender } : event);
  }

  #origin(place: PlaceNumber, protocol: number): Origin {
    const key = place * PROTOCOLS + protocol;
    let origin = this.#origins.get(key);
    if (origin === undefined) {
      const netns = this.#places.get(place)?.netns;
      origin = { protocol, describe: describeBare, ...(netns === undefined ? {} : { netns }) };
      this.#origins.set(key, origin);
    }
    return origin;
  }
}
