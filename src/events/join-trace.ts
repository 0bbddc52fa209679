/** The trace's part of the join: records, found by the address of their socket in kernel memory. */

import { setCookie } from "../families/inet/made-socket.ts";
import { IPPROTO_TCP } from "../model/family.ts";
import { SS_CLOSE, SS_LISTEN, SS_SYN_RECV, SS_SYN_SENT } from "../model/state.ts";
import type { JoinCore } from "./join-core.ts";
import { bareSocket, setState, tupleKey, withHolder } from "./socket-message.ts";
import { isByOwner, type TraceRecord } from "./trace-record.ts";
import { type Connecting, ELSEWHERE, type Tracked, UNPLACED } from "./tracked.ts";

/** How long after its change to CLOSE a socket may be destroyed, so that only its end is reported. */
const CLOSING_NS = 1e6;
/** How long a destroy event may take after the trace has seen the end. */
const DESTROY_WAIT_MS = 1000;

/** Joins trace records. */
export class TraceJoin {
  readonly #core: JoinCore;
  /** Sockets that changed to CLOSE, and may be destroyed at once. */
  #closing: Tracked[] = [];
  /** Those of them whose connect has failed, by tuple. */
  readonly #failing = new Map<string, Tracked>();
  /** Errors that were reported before the change to CLOSE, by tuple: kernels before 6.10 have this order. */
  readonly #errors = new Map<string, { readonly error: number; readonly ns: number }>();

  constructor(core: JoinCore) {
    this.#core = core;
  }

  /** Takes a record. */
  take(record: TraceRecord): void {
    const { event } = record;
    if (this.#isElsewhere(record)) return;
    if (event === "state") this.#state(record);
    else if (event === "destroy") this.#destroy(record);
    else if (event === "error") this.#error(record);
    else if (event === "retransmit" || event === "reset") this.#segment(record, event);
  }

  /**
   * Ends a round: reports changes to CLOSE, and ends whose destroy event does not come.
   *
   * @param ns up to when the trace was read
   * @param nowMs up to when all sources were read, in milliseconds since 1970
   */
  endRound(ns: number, nowMs: number): void {
    const core = this.#core;
    const later: Tracked[] = [];
    for (const entry of this.#closing) {
      const { closing } = entry;
      // The end of a destroyed socket is reported instead.
      if (closing === undefined || entry.destroyedNs !== 0) continue;
      if (closing.ns > ns - CLOSING_NS) later.push(entry);
      else core.reportClosing(entry);
    }
    this.#closing = later;
    this.#failing.clear();
    for (const entry of later) if (entry.connecting !== undefined) this.#failing.set(entry.tuple, entry);
    for (const entry of core.destroyed) {
      const timeMs = core.context.wallMs(entry.destroyedNs);
      // The others were destroyed later.
      if (core.context.covered.has("ends") && nowMs - timeMs < DESTROY_WAIT_MS) break;
      if (entry.place >= 0) core.end(entry, "tracefs", timeMs, SS_CLOSE);
      else core.forget(entry);
    }
    for (const [tuple, error] of this.#errors) if (error.ns < ns - CLOSING_NS) this.#errors.delete(tuple);
  }

  /** Whether a record is about a socket in a network namespace that is not followed. */
  #isElsewhere(record: TraceRecord): boolean {
    const { address, event } = record;
    const { sockets } = this.#core;
    if (address === 0 || !sockets.isElsewhere(address)) return false;
    const isOther = begins(record);
    if (isOther || event === "destroy") sockets.removeElsewhere(address);
    return !isOther;
  }

  #segment(record: TraceRecord, kind: "retransmit" | "reset"): void {
    const entry = this.#find(record) ?? this.#create(record, record.newState);
    if (entry === undefined) return;
    const { connecting, state } = entry;
    if (connecting !== undefined && kind === "reset") connecting.reset = true;
    else if (connecting?.syns !== undefined) connecting.syns++;
    const timeMs = this.#core.context.wallMs(record.ns);
    this.#core.deferred.add(entry, { timeMs, kind, oldState: undefined, newState: state });
  }

  #state(record: TraceRecord): void {
    const core = this.#core;
    const { oldState, newState, ns } = record;
    const { wallMs, ownersByThread } = core.context;
    let entry = this.#find(record);
    const isOpen = entry === undefined && (oldState === SS_CLOSE || oldState === SS_LISTEN);
    entry ??= this.#create(record, oldState);
    if (entry === undefined) return;
    const { state } = entry;
    entry.recordNs = ns;
    entry.state = newState;
    // A listing has reported it already.
    if (state === newState) return;
    this.#learnTuple(entry, record);
    setState(entry.socket, newState);
    if (isByOwner(record)) {
      entry.owners ??= ownersByThread(record.tid, ns);
      if (entry.owners === undefined) entry.openedBy ??= { tid: record.tid, ns };
    }
    if (entry.closing !== undefined) core.reportClosing(entry);
    if (newState === SS_SYN_SENT) entry.connecting = { sinceMs: wallMs(ns), syns: 1, reset: false, error: 0 };
    else if (newState !== SS_CLOSE) entry.connecting = undefined;
    if (newState === SS_CLOSE) {
      entry.closing = { ns, oldState, byProcess: !record.interrupted };
      if (oldState === SS_SYN_SENT) {
        entry.connecting ??= { sinceMs: undefined, syns: undefined, reset: false, error: 0 };
        this.#takeError(entry, entry.connecting);
      }
      this.#closing.push(entry);
      if (entry.connecting !== undefined) this.#failing.set(entry.tuple, entry);
      return;
    }
    core.deferred.add(entry, {
      timeMs: wallMs(ns),
      kind: isOpen ? "open" : "state",
      oldState: isOpen ? undefined : oldState,
      newState,
    });
  }

  /** A socket reports an error to its process: if it is connecting, the reason of the failure. */
  #error(record: TraceRecord): void {
    const tuple = this.#tupleOf(record);
    const { connecting, closing } = this.#failing.get(tuple) ?? {};
    if (connecting?.error === 0 && closing !== undefined) connecting.error = record.error;
    else this.#errors.set(tuple, record);
  }

  #takeError({ tuple }: Tracked, connecting: Connecting): void {
    const found = this.#errors.get(tuple);
    if (found === undefined) return;
    this.#errors.delete(tuple);
    connecting.error = found.error;
  }

  #destroy(record: TraceRecord): void {
    const { sockets, destroyed } = this.#core;
    const { cookie, ns } = record;
    const entry = this.#find(record) ?? this.#create(record, SS_CLOSE);
    if (entry === undefined) return;
    sockets.loseAddress(entry);
    if (entry.ended) return;
    if (entry.cookie !== cookie) {
      // Listeners that share address and port may have been mistaken for each other.
      const other = sockets.withCookie(cookie);
      if (other !== undefined && entry.cookie !== 0) sockets.setCookie(other, entry.cookie);
      sockets.setCookie(entry, cookie);
      setCookie(entry.socket, cookie);
    }
    entry.recordNs = ns;
    entry.destroyedNs = ns;
    destroyed.add(entry);
  }

  /** The socket of a record, if it is known. */
  #find(record: TraceRecord): Tracked | undefined {
    const { sockets } = this.#core;
    const { address, cookie, event } = record;
    const known = sockets.withAddress(address);
    if (known !== undefined) {
      if (agrees(known, record)) return known;
      this.#replaced(known, record.ns);
    }
    const entry = cookie === 0 ? undefined : sockets.withCookie(cookie);
    const found = entry ?? (event === "destroy" ? undefined : this.#withoutAddress(record));
    if (found !== undefined) sockets.setAddress(found, address);
    return found;
  }

  /** Another socket has the memory of this one, so it has ended and the record of that was lost. */
  #replaced(entry: Tracked, ns: number): void {
    const core = this.#core;
    core.sockets.loseAddress(entry);
    if (entry.ended) return;
    entry.destroyedNs = ns;
    core.destroyed.add(entry);
  }

  /** The listed socket that has its first record now. */
  #withoutAddress(record: TraceRecord): Tracked | undefined {
    // A new socket was in no table before its first record.
    if (record.event === "state" && (record.newState === SS_SYN_RECV || record.oldState === SS_CLOSE))
      return undefined;
    const { sockets, context } = this.#core;
    const tuple = this.#tupleOf(record);
    let found: Tracked | undefined;
    for (const place of context.places()) {
      const entry = sockets.withTuple(place, tuple);
      if (entry === undefined || entry.address !== 0 || entry.ended) continue;
      if (record.event === "state" && entry.state !== record.oldState && entry.state !== record.newState)
        continue;
      // Two places have the same connection: the record may be about either.
      if (found !== undefined) return undefined;
      found = entry;
    }
    return found;
  }

  #tupleOf(record: TraceRecord): string {
    return tupleKey(bareSocket(record, 0, this.#core.context.origin(UNPLACED, IPPROTO_TCP)));
  }

  /** Begins to follow the socket of a record. @returns undefined if it is in a network namespace that is not followed */
  #create(record: TraceRecord, state: number): Tracked | undefined {
    const core = this.#core;
    const { placeOfThread, origin, wallMs } = core.context;
    const { event, oldState, ns, address } = record;
    const place = isByOwner(record) ? placeOfThread(record.tid, ns) : UNPLACED;
    if (place === ELSEWHERE) {
      if (address !== 0) core.sockets.addElsewhere(address);
      return undefined;
    }
    const socket = bareSocket(record, state, origin(place, IPPROTO_TCP));
    const isOpen = event === "state" && (oldState === SS_CLOSE || oldState === SS_LISTEN);
    const accepted = event === "state" && oldState === SS_LISTEN && record.newState === SS_SYN_RECV;
    const entry = core.track(socket, place, isOpen ? wallMs(ns) : undefined, accepted);
    entry.recordNs = ns;
    core.sockets.setAddress(entry, address);
    return entry;
  }

  /** Takes over addresses and ports of a record: connect(2) sets them, and sets them again after it failed. */
  #learnTuple(entry: Tracked, record: TraceRecord): void {
    const { socket, place } = entry;
    if (socket.sport === record.sport && socket.dport === record.dport) return;
    const { oldState, newState } = record;
    if (newState !== SS_SYN_SENT && newState !== SS_LISTEN && oldState !== SS_SYN_SENT) return;
    const fresh = withHolder(bareSocket(record, newState, socket.origin), socket);
    setCookie(fresh, entry.cookie);
    this.#core.sockets.move(entry, place, fresh);
  }
}

/** Whether a record is the first of a socket that another one may have left its memory to. */
function begins({ event, oldState, newState }: TraceRecord): boolean {
  if (event !== "state") return false;
  return oldState === SS_CLOSE || (oldState === SS_LISTEN && newState === SS_SYN_RECV);
}

/** Whether a record can be about the socket that was last at its address. */
function agrees({ socket, cookie, state }: Tracked, record: TraceRecord): boolean {
  const { event, oldState, newState, sport, dport } = record;
  if (record.cookie !== 0 && cookie !== 0) return record.cookie === cookie;
  if (event === "state" && oldState === SS_CLOSE) return state === SS_CLOSE;
  if (event === "state" && oldState === SS_LISTEN && newState === SS_SYN_RECV) return false;
  // A failed connect(2) forgets the peer.
  if (event === "destroy" && dport === 0) return true;
  return socket.dport === dport && (socket.sport === 0 || socket.sport === sport);
}
