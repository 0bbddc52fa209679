/** Polling: sock_diag's tables, listed again and again. */

import type { InetSocket } from "../../families/inet/socket.ts";
import { demandSet } from "../../model/demand.ts";
import { IPPROTO_TCP } from "../../model/family.ts";
import { inetTables } from "../../model/inet-tables.ts";
import {
  SS_BOUND_INACTIVE,
  SS_NEW_SYN_RECV,
  SS_SYN_RECV,
  SS_SYN_SENT,
  SS_TIME_WAIT,
  stateGroups,
} from "../../model/state.ts";
import { NETLINK_SOCK_DIAG } from "../../netlink/constants.ts";
import { monotonicNs } from "../clock.ts";
import type { EventSource, FollowedPlace, OpenSource, SourceContext } from "../event-source.ts";
import { netlinkObstacle } from "../multicast.ts";
import { type EventTable, type ListedTable, listTable } from "../table-listing.ts";
import type { PlaceNumber } from "../tracked.ts";

/** Default time between two listings: without and with a trace that reports what happens in between. */
const INTERVAL_MS = 250;
const INTERVAL_WITH_TRACE_MS = 1000;
/** The share of the time that listings may take, whatever the interval. */
const SHARE = 0.05;
/** Time between two listings for the local ports of connecting sockets, and before a listing that is hastened. */
const SOON_MS = 50;

/** States in which the kernel lists a full socket, except bound-inactive ones. */
export const LISTED_STATES =
  stateGroups.all &
  ~((1 << SS_SYN_RECV) | (1 << SS_NEW_SYN_RECV) | (1 << SS_BOUND_INACTIVE) | (1 << SS_TIME_WAIT));

/** The source `sock_diag`. */
export const pollingSource: EventSource = {
  name: "sock_diag",
  doc: "sock_diag's tables of sockets, listed again and again",
  missing: "sockets that are there at the start, and most processes",
  covers: [],

  availability(host) {
    const obstacle = netlinkObstacle(host, NETLINK_SOCK_DIAG, 0);
    return obstacle === undefined ? {} : { obstacle };
  },

  open: (context) => new Polling(context, true),
};

/** Opens a source that lists connecting sockets only, for their local ports: somebody else lists the tables. */
export function openPortListing(context: SourceContext): OpenSource {
  return new Polling(context, false);
}

/** The inodes of listed sockets, 0 for a socket without one. */
function* inodesOf(listed: readonly ListedTable[]): Generator<number> {
  for (const { sockets } of listed) for (const { inode } of sockets) yield inode;
}

/** Lists tables when they are due. */
class Polling implements OpenSource {
  readonly #context: SourceContext;
  readonly #whole: boolean;
  /** When each table is listed next. */
  readonly #nextMs = new Map<EventTable, number>();
  #nextPortsMs = 0;
  /** The places that were listed before: what the first listing has is not new. */
  readonly #baselines = { tcp: new WeakSet<FollowedPlace>(), udp: new WeakSet<FollowedPlace>() };
  /** Listings that are not applied yet. */
  #queued = 0;

  /** @param whole whether to list all sockets, or connecting ones only */
  constructor(context: SourceContext, whole: boolean) {
    this.#context = context;
    this.#whole = whole;
  }

  async take(): Promise<boolean> {
    if (this.#queued > 0) return false;
    const { owners, options } = this.#context;
    const listed = await this.#listDue();
    await owners.find(inodesOf(listed), options.breathe);
    return false;
  }

  hasten(): void {
    const soon = performance.now() + SOON_MS;
    for (const [table, nextMs] of this.#nextMs) this.#nextMs.set(table, Math.min(nextMs, soon));
  }

  close(): void {
    // Listings leave nothing open.
  }

  async #listDue(): Promise<ListedTable[]> {
    if (!this.#whole) return this.#listConnecting();
    const { options, places, covered } = this.#context;
    const listed: ListedTable[] = [];
    for (const table of ["tcp", "udp"] as const) {
      const begun = performance.now();
      if (!options.selection.tables.has(table) || begun < (this.#nextMs.get(table) ?? 0)) continue;
      for (const [number, place] of places) {
        const known = this.#baselines[table];
        const baseline = !known.has(place);
        known.add(place);
        listed.push(await this.#list(place, number, table, LISTED_STATES, baseline));
      }
      const now = performance.now();
      const traced = table === "tcp" && covered.has("tcpStates");
      const interval = options.intervalMs ?? (traced ? INTERVAL_WITH_TRACE_MS : INTERVAL_MS);
      this.#nextMs.set(table, Math.max(begun + interval, now + (now - begun) * (1 / SHARE - 1)));
    }
    return listed.length > 0 ? listed : await this.#listConnecting();
  }

  /** Lists connecting sockets for their local ports, which the kernel chooses after the trace record. */
  async #listConnecting(): Promise<ListedTable[]> {
    const { places, join, clock, readNs } = this.#context;
    const now = performance.now();
    if (now < this.#nextPortsMs || !join.wantsPorts(clock.wallMs(readNs()))) return [];
    this.#nextPortsMs = now + SOON_MS;
    const listed: ListedTable[] = [];
    for (const [number, place] of places)
      listed.push(await this.#list(place, number, "tcp", 1 << SS_SYN_SENT, false));
    return listed;
  }

  async #list(
    { host, netns, bytecode }: FollowedPlace,
    number: PlaceNumber,
    table: EventTable,
    states: number,
    baseline: boolean,
  ): Promise<ListedTable> {
    const { options, covered, clock, join, observe } = this.#context;
    const { selection, demands, report, breathe } = options;
    const withoutEnds = !covered.has("ends");
    const protocol = inetTables[table];
    const begunNs = monotonicNs();
    const listing = join.tables.begin({
      place: number,
      protocol,
      begunNs,
      timeMs: clock.wallMs(begunNs),
      refresh: withoutEnds || demands.has("info"),
    });
    const found = await listTable(
      {
        host,
        netns,
        table,
        selection,
        // Without destroy events, TIME-WAITs show which connections have ended.
        states: withoutEnds && states === LISTED_STATES ? states | (1 << SS_TIME_WAIT) : states,
        demands: withoutEnds ? demandSet(demands, ["info"]) : demands,
        // A datagram socket may get another peer at any time.
        bytecode: protocol === IPPROTO_TCP ? bytecode : undefined,
        report,
        breathe,
      },
      (socket: InetSocket) => join.tables.isUnchanged(listing, socket),
    );
    const complete = found.complete && states === LISTED_STATES;
    const listed = { ...listing, ...found, complete, baseline };
    this.#queued++;
    observe(
      begunNs,
      () => {
        this.#queued--;
        return join.tables.take(listed);
      },
      monotonicNs(),
    );
    return listed;
  }
}
