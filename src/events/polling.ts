/** Polling: when the tables are listed, and in which states. */

import type { Host } from "../host/host.ts";
import type { Netns } from "../host/namespaces.ts";
import { type Demands, demandSet } from "../model/demand.ts";
import { IPPROTO_TCP } from "../model/family.ts";
import { inetTables } from "../model/inet-tables.ts";
import type { Selection } from "../model/selection.ts";
import {
  SS_BOUND_INACTIVE,
  SS_NEW_SYN_RECV,
  SS_SYN_RECV,
  SS_SYN_SENT,
  SS_TIME_WAIT,
  stateGroups,
} from "../model/state.ts";
import type { Problem } from "../query/query.ts";
import { monotonicNs, type TraceClock } from "./clock.ts";
import type { EventSource } from "./event.ts";
import type { EventJoin } from "./join.ts";
import { type EventTable, type Listed, type Listing, listTable } from "./listing.ts";
import type { PlaceNumber } from "./tracked.ts";

/** The usual time between two listings: where the trace tells what happens in between, and where nothing does. */
const INTERVAL_MS = 250;
const INTERVAL_WITH_TRACE_MS = 1000;
/** Listings take no more than this part of the time, whatever was asked for. */
const SHARE = 0.05;
/** Time between two looks for the local ports of sockets that connect. */
const PORTS_INTERVAL_MS = 50;

/** States in which a full socket can be listed. */
const LISTED_STATES =
  stateGroups.all &
  ~((1 << SS_SYN_RECV) | (1 << SS_NEW_SYN_RECV) | (1 << SS_BOUND_INACTIVE) | (1 << SS_TIME_WAIT));

/** A network namespace whose tables are listed. */
export interface PolledPlace {
  readonly host: Host;
  readonly netns: Netns | undefined;
  /** The filter as the kernel takes it. */
  readonly bytecode: Uint8Array | undefined;
  readonly number: PlaceNumber;
}

/** What is listed, and how often. */
export interface PollingOptions {
  readonly selection: Selection;
  readonly sources: ReadonlySet<EventSource>;
  /** What the filter reads of sockets beyond what is always told. */
  readonly demands: Demands;
  /** Between two listings, in milliseconds; undefined: what the sources need. */
  readonly intervalMs: number | undefined;
  /** Takes what goes wrong with a listing. */
  readonly report: (problem: Problem) => void;
}

/** A listing that was made, until the trace is read up to its end. */
export interface Made {
  readonly listed: Listed;
  readonly endNs: number;
}

/** Lists tables when it is time to. */
export class Polling {
  readonly #options: PollingOptions;
  readonly #join: EventJoin;
  readonly #clock: TraceClock;
  /** When each table is listed next. */
  readonly #nextMs = new Map<EventTable, number>();
  #nextPortsMs = 0;

  constructor(options: PollingOptions, join: EventJoin, clock: TraceClock) {
    this.#options = options;
    this.#join = join;
    this.#clock = clock;
  }

  /** Lists the tables whose time it is. @param readNs up to when the trace was read */
  async due(places: readonly PolledPlace[], readNs: number): Promise<Made[]> {
    const { intervalMs, selection, sources } = this.#options;
    if (!sources.has("sock_diag")) return [];
    const listed: Made[] = [];
    for (const table of ["tcp", "udp"] as const) {
      const begun = performance.now();
      if (!selection.tables.has(table) || begun < (this.#nextMs.get(table) ?? 0)) continue;
      const baseline = !this.#nextMs.has(table);
      for (const place of places)
        listed.push(made({ ...(await this.#list(place, table, LISTED_STATES)), baseline }));
      const now = performance.now();
      const traced = table === "tcp" && sources.has("tracefs");
      const wanted = intervalMs ?? (traced ? INTERVAL_WITH_TRACE_MS : INTERVAL_MS);
      this.#nextMs.set(table, Math.max(begun + wanted, now + (now - begun) * (1 / SHARE - 1)));
    }
    return listed.length > 0 ? listed : await this.#connecting(places, readNs);
  }

  /** Makes the next listings come soon. */
  hasten(): void {
    const soon = performance.now() + PORTS_INTERVAL_MS;
    for (const [table, nextMs] of this.#nextMs) this.#nextMs.set(table, Math.min(nextMs, soon));
  }

  /** Looks for the local ports of sockets that connect, which the kernel chooses after the trace has told of them. */
  async #connecting(places: readonly PolledPlace[], readNs: number): Promise<Made[]> {
    const now = performance.now();
    if (now < this.#nextPortsMs || !this.#join.wantsPorts(this.#clock.wallMs(readNs))) return [];
    this.#nextPortsMs = now + PORTS_INTERVAL_MS;
    const listed: Made[] = [];
    for (const place of places) {
      const found = await this.#list(place, "tcp", 1 << SS_SYN_SENT);
      listed.push(made({ ...found, complete: false }));
    }
    return listed;
  }

  async #list(place: PolledPlace, table: EventTable, states: number): Promise<Listed> {
    const { host, netns, bytecode, number } = place;
    const { selection, demands, sources, report } = this.#options;
    const withoutEnds = !sources.has("destroy");
    const protocol = inetTables[table];
    const listing: Listing = this.#join.beginListing({
      place: number,
      protocol,
      begunNs: monotonicNs(),
      timeMs: this.#clock.wallMs(monotonicNs()),
      refresh: withoutEnds || demands.has("info") === true,
    });
    const found = await listTable(
      {
        host,
        netns,
        table,
        selection,
        // Without the word of their ends, what is left of connections tells of them.
        states: withoutEnds && states === LISTED_STATES ? states | (1 << SS_TIME_WAIT) : states,
        demands: withoutEnds ? demandSet(demands, ["info"]) : demands,
        // A datagram socket gets another peer whenever it likes.
        bytecode: protocol === IPPROTO_TCP ? bytecode : undefined,
        report,
      },
      (socket) => this.#join.unchanged(listing, socket),
    );
    return { ...listing, ...found, baseline: false };
  }
}

/** The inodes of the sockets that are new in listings. */
export function newInodes(made: readonly Made[]): Set<number> {
  const inodes = new Set<number>();
  for (const { listed } of made) for (const { inode } of listed.sockets) if (inode !== 0) inodes.add(inode);
  return inodes;
}

function made(listed: Listed): Made {
  return { listed, endNs: monotonicNs() };
}
