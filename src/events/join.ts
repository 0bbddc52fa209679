/**
 * Joins the reports of all sources into one stream of events, without gaps and repetitions.
 *
 * Two sources see most of what happens. Their reports are joined by the socket's cookie. The trace has the cookie only
 * at the end: it is joined by the address of the socket in kernel memory, and that with sock_diag by protocol,
 * addresses and ports. The caller keeps one order in each round: destroy events are received, then the
 * tables are listed, then the trace is read up to that moment; they are handed in as trace, tables, destroy events.
 * So the more precise report is always there before one that only repeats it.
 */

import type { Owner } from "../enrich/processes.ts";
import { cookieOf, setCookie } from "../families/inet/made-socket.ts";
import type { InetSocket } from "../families/inet/socket.ts";
import { IPPROTO_UDP } from "../model/family.ts";
import { SS_CLOSE, SS_SYN_SENT } from "../model/state.ts";
import { type JoinContext, JoinCore } from "./join-core.ts";
import { TableJoin } from "./join-tables.ts";
import { TraceJoin } from "./join-trace.ts";
import { tupleKey, withHolder, withIdentity } from "./socket-message.ts";
import type { TraceRecord } from "./trace-record.ts";
import { type PlaceNumber, type Tracked, UNPLACED } from "./tracked.ts";

/** The join of all sources. */
export class EventJoin {
  readonly #core: JoinCore;
  readonly #trace: TraceJoin;
  /** The tables' part. */
  readonly tables: TableJoin;
  /** The owners of UDP ports in this round, by place and port. */
  #udpOwners: Map<string, readonly Owner[]> | undefined;

  constructor(context: JoinContext) {
    this.#core = new JoinCore(context);
    this.#trace = new TraceJoin(this.#core);
    this.tables = new TableJoin(this.#core);
  }

  /** Takes a trace record. */
  trace(record: TraceRecord): void {
    this.#trace.take(record);
  }

  /** Takes a socket of a destroy event. */
  destroyed(place: PlaceNumber, socket: InetSocket, timeMs: number): void {
    const core = this.#core;
    const cookie = cookieOf(socket);
    if (core.takeEarlyEnd(cookie)) return;
    const found = core.sockets.withCookie(cookie) ?? core.claim(place, socket);
    if (found === undefined) {
      const { netns } = socket.origin;
      const owners = core.listenerOwners(place, socket);
      core.context.emit({
        timeMs,
        kind: "close",
        source: "destroy",
        socket,
        newState: SS_CLOSE,
        owners,
        netns,
      });
      return;
    }
    if (found.ended) return;
    core.place(found, place);
    core.deferred.release(found);
    const { destroyedNs } = found;
    core.learnOwners(found);
    const endMs = destroyedNs === 0 ? timeMs : core.context.wallMs(destroyedNs);
    this.#failedBefore(found, socket, endMs);
    if (found.closing?.oldState === SS_SYN_SENT) core.reportClosing(found);
    found.socket = withIdentity(socket, found.socket);
    core.end(found, "destroy", endMs, SS_CLOSE);
  }

  /** Reports a failed connect without a trace record: no SYN was ever acknowledged. */
  #failedBefore(entry: Tracked, socket: InetSocket, timeMs: number): void {
    if (entry.state !== SS_SYN_SENT || entry.closing !== undefined) return;
    const info = socket.tcpInfo;
    if (info === undefined || info.bytesAcked !== 0) return;
    const { openedMs } = entry;
    // A disconnected socket has lost its counters with its peer.
    const syns = socket.dport === 0 || info.totalRetrans === undefined ? undefined : info.totalRetrans + 1;
    this.#core.emit(entry, "destroy", {
      timeMs,
      kind: "failed",
      oldState: SS_SYN_SENT,
      newState: SS_CLOSE,
      durationMs: openedMs === undefined ? undefined : Math.max(0, timeMs - openedMs),
      failure: { reason: undefined, syns },
    });
    entry.state = SS_CLOSE;
  }

  /** Sockets of the trace whose place must be found. @param nowMs milliseconds since 1970 */
  unplaced(nowMs: number): Generator<InetSocket> {
    return this.#core.deferred.unplaced(nowMs);
  }

  /** Whether sockets of the trace wait for their local port. @param nowMs milliseconds since 1970 */
  wantsPorts(nowMs: number): boolean {
    return this.#core.deferred.wantsPorts(nowMs);
  }

  /** Takes what sock_diag has in a place for a socket of {@link unplaced}. */
  placed(place: PlaceNumber, socket: InetSocket): void {
    const core = this.#core;
    const entry = core.sockets.withTuple(UNPLACED, tupleKey(socket));
    if (entry === undefined) return;
    const cookie = cookieOf(socket);
    if (entry.cookie === 0 && core.sockets.withCookie(cookie) === undefined) {
      core.sockets.setCookie(entry, cookie);
      setCookie(entry.socket, cookie);
    }
    withHolder(entry.socket, socket);
    core.place(entry, place);
  }

  /**
   * The time of day was set: times that were noted before are those of the new clock from now on, so that durations
   * stay what they are.
   *
   * @param ms how far it was set forward
   */
  shiftTimes(ms: number): void {
    const core = this.#core;
    core.sockets.shiftTimes(ms);
    for (const entry of core.sockets.all()) {
      const { openedMs, connecting, deferred } = entry;
      if (openedMs !== undefined) entry.openedMs = openedMs + ms;
      if (connecting?.sinceMs !== undefined) connecting.sinceMs += ms;
      if (deferred !== undefined)
        entry.deferred = deferred.map((event) => ({ ...event, timeMs: event.timeMs + ms }));
    }
    core.shiftEarlyEnds(ms);
  }

  /** A place is gone: what it still has has ended. @param timeMs when, in milliseconds since 1970 */
  removed(place: PlaceNumber, timeMs: number): void {
    const core = this.#core;
    for (const entry of core.sockets.inPlace(place))
      if (entry.ended) core.forget(entry);
      else core.end(entry, "sock_diag", timeMs, SS_CLOSE);
    core.sockets.forgetPlace(place);
  }

  /** The owners of the UDP socket that is bound to a port of a place. */
  ownerOfUdpPort(place: PlaceNumber, sport: number): readonly Owner[] | undefined {
    this.#udpOwners ??= this.#ownersOfUdpPorts();
    return this.#udpOwners.get(`${place} ${sport}`);
  }

  #ownersOfUdpPorts(): Map<string, readonly Owner[]> {
    const found = new Map<string, readonly Owner[]>();
    for (const entry of this.#core.sockets.withCookies()) {
      const { socket, place } = entry;
      if (socket.origin.protocol !== IPPROTO_UDP) continue;
      this.#core.learnOwners(entry);
      if (entry.owners !== undefined) found.set(`${place} ${socket.sport}`, entry.owners);
    }
    return found;
  }

  /**
   * Ends a round.
   *
   * @param ns up to when the trace was read
   * @param nowMs up to when all sources were read, in milliseconds since 1970
   */
  endRound(ns: number, nowMs: number): void {
    const core = this.#core;
    this.#udpOwners = undefined;
    this.#trace.endRound(ns, nowMs);
    core.deferred.releaseDue(nowMs, (entry) => {
      if (entry.address !== 0) core.sockets.addElsewhere(entry.address);
      entry.ended = true;
      core.forget(entry);
    });
    core.forgetEarlyEnds(nowMs);
  }
}
