/** The listings' part of the join: sockets of sock_diag's tables, found by their cookies. */

import { cookieOf } from "../families/inet/made-socket.ts";
import type { InetSocket } from "../families/inet/socket.ts";
import { IPPROTO_TCP } from "../model/family.ts";
import { SS_CLOSE, SS_TIME_WAIT } from "../model/state.ts";
import type { JoinCore } from "./join-core.ts";
import { lingers } from "./socket-message.ts";
import type { ListedTable, TableListing } from "./table-listing.ts";
import type { Tracked } from "./tracked.ts";

/** Listings without a socket before it has ended: one listing may miss it while others come and go. */
const ABSENCES = 2;
/** The same, where a destroy event should report its end. */
const ABSENCES_WITH_DESTROY = 3;

/** Joins listings. */
export class TableJoin {
  readonly #core: JoinCore;

  constructor(core: JoinCore) {
    this.#core = core;
  }

  /** Numbers a listing that begins. */
  begin(listing: Omit<TableListing, "generation">): TableListing {
    return { ...listing, generation: ++this.#core.generation };
  }

  /** Whether a listed socket is unchanged, so that no copy is needed. */
  isUnchanged(listing: TableListing, socket: InetSocket): boolean {
    const { stateNumber, inode, sport, dport } = socket;
    return this.isSame(listing, cookieOf(socket), lingers(socket), stateNumber, inode, sport, dport);
  }

  /** {@link isUnchanged} of the socket with these values. @param isLingering whether it is a TIME-WAIT */
  isSame(
    { generation, refresh, place }: TableListing,
    cookie: number,
    isLingering: boolean,
    stateNumber: number,
    inode: number,
    sport: number,
    dport: number,
  ): boolean {
    // The socket itself has ended, and its destroy event reports that.
    if (isLingering && this.#core.context.covered.has("ends")) return true;
    if (!refresh) {
      const { sockets } = this.#core;
      const same = sockets.isSameQuiet(place, cookie, stateNumber, inode, sport, dport, generation);
      if (same !== undefined) return same;
    }
    const entry = this.#core.sockets.withCookie(cookie);
    if (entry === undefined || refresh || entry.place !== place) return false;
    const known = entry.socket;
    if (!entry.ended) {
      if (entry.state !== stateNumber || known.inode !== inode) return false;
      if (known.sport !== sport || known.dport !== dport) return false;
    }
    entry.generation = generation;
    entry.absent = 0;
    return true;
  }

  /** Takes a finished listing, in steps of a socket. Between them, nothing else may change the join. */
  *take(listing: ListedTable): Generator<void> {
    const { sockets: all, context } = this.#core;
    const { place, protocol, sockets, complete, generation, begunNs, refresh } = listing;
    for (const socket of sockets) {
      yield;
      const entry = this.#socket(listing, socket);
      if (entry === undefined) continue;
      entry.generation = generation;
      entry.absent = 0;
      if (listing.baseline && !refresh && entry.recordNs === 0) all.rest(entry);
    }
    if (!complete || listing.baseline) return;
    if (protocol === IPPROTO_TCP) all.wakeMissing(place, generation);
    const patience = context.covered.has("ends") ? ABSENCES_WITH_DESTROY : ABSENCES;
    const isDue = (entry: Tracked) =>
      entry.place === place && entry.socket.origin.protocol === protocol && entry.recordNs <= begunNs;
    for (const entry of all.withCookies()) {
      yield;
      if (!isDue(entry)) continue;
      if (entry.generation === generation) {
        if (!refresh) all.rest(entry);
      } else if (entry.ended) all.remove(entry);
      else this.#miss(entry, listing, patience);
    }
    // A socket without a cookie was in no listing since its first trace record.
    for (const entry of all.withoutCookies()) if (isDue(entry)) this.#miss(entry, listing, patience);
  }

  /** A socket was not listed: after several times, it has ended. */
  #miss(entry: Tracked, { protocol, timeMs }: TableListing, patience: number): void {
    if (entry.destroyedNs !== 0) return;
    // A closed socket that a process still has open is in no table.
    if (protocol === IPPROTO_TCP && entry.state === SS_CLOSE) return;
    if (++entry.absent >= patience) this.#core.end(entry, "sock_diag", timeMs, SS_CLOSE);
  }

  #socket(listing: ListedTable, socket: InetSocket): Tracked | undefined {
    const core = this.#core;
    const { place, timeMs, begunNs } = listing;
    const stateNumber = lingers(socket) ? SS_TIME_WAIT : socket.stateNumber;
    const cookie = cookieOf(socket);
    const known = core.sockets.withCookie(cookie) ?? core.claim(place, socket);
    if (known === undefined)
      return core.hasEnded(cookie) ? undefined : this.#first(listing, socket, stateNumber);
    if (known.ended) return known;
    // The trace has reported something newer.
    if (known.recordNs > begunNs) {
      if (known.place < 0) core.place(known, place);
      return known;
    }
    if (known.place !== place) core.place(known, place);
    const { state } = known;
    if (state !== stateNumber && stateNumber === SS_TIME_WAIT) {
      core.end(known, "sock_diag", timeMs, SS_TIME_WAIT);
      // It is kept as long as it is listed, so that it does not count as new.
      known.ended = true;
      core.sockets.add(known);
      return known;
    }
    core.sockets.move(known, place, socket);
    known.state = stateNumber;
    if (state !== stateNumber) {
      core.deferred.release(known);
      known.closing = undefined;
      core.emit(known, "sock_diag", { timeMs, kind: "state", oldState: state, newState: stateNumber });
    }
    return known;
  }

  /** A socket that is seen for the first time. */
  #first({ place, timeMs, baseline }: ListedTable, socket: InetSocket, stateNumber: number): Tracked {
    const core = this.#core;
    const entry = core.track(socket, place, baseline ? undefined : timeMs);
    entry.ended = stateNumber === SS_TIME_WAIT;
    const kind = baseline ? "existing" : entry.ended ? "close" : "open";
    if (!baseline || (core.context.existing && !entry.ended))
      core.emit(entry, "sock_diag", { timeMs, kind, oldState: undefined, newState: stateNumber });
    return entry;
  }
}
