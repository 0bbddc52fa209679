/** Takes the samples of a recorder. */
import { copyToRoom, roomData, roomWords } from "../../../bytes/room.ts";
import type { Origin } from "../../../diag/message.ts";
import type { Owner } from "../../../enrich/processes.ts";
import type { DirectRows } from "../../../families/direct-rows.ts";
import { inetDiagMessage } from "../../../families/inet/layouts/inet-diag.ts";
import { cookieOf } from "../../../families/inet/made-socket.ts";
import { InetSocket } from "../../../families/inet/socket.ts";
import type { Socket } from "../../../families/socket.ts";
import type { Netns } from "../../../host/namespaces.ts";
import type { Demands } from "../../../model/demand.ts";
import { AF_INET, AF_INET6, AF_TIPC, IPPROTO_TCP } from "../../../model/family.ts";
import { type InetTable, inetTables } from "../../../model/inet-tables.ts";
import { type DumpName, dumpOrder } from "../../../model/selection.ts";
import { SS_CLOSE, SS_LISTEN } from "../../../model/state.ts";
import type { FilteredPlace } from "../../../query/filters.ts";
import type { OpenQuery } from "../../../query/open.ts";
import type { Problem, RowSink, SocketBatch } from "../../../query/query.ts";
import { type ClockReading, type RecorderClock, readClocks } from "../../../store/clock.ts";
import { type ImageGroup, SocketImage } from "../../../store/image.ts";
import type { OwnerTracker } from "../../../store/owner-tracker.ts";
import type { StoredOwners } from "../../../store/owners.ts";
import type { Store } from "../../../store/store.ts";
import type { SampledSource } from "./sampled-source.ts";

const WORD = 4;
const STATE_SHIFT = 8 * inetDiagMessage.stateNumber.offset;
const PORTS = inetDiagMessage.sport.offset / WORD;
const COOKIE = inetDiagMessage.cookie.offset / WORD;
const INODE = inetDiagMessage.inode.offset / WORD;
const TWO_32 = 2 ** 32;

/** A number that no other socket of its table has, from sample to sample: its cookie, else its inode; 0 for none. */
function keyOf(socket: Socket): number {
  const cookie = socket.kind === "inet" ? cookieOf(socket) : Number(socket.cookie ?? 0n);
  return cookie === 0 ? -(socket.inode ?? 0) : cookie;
}

/** What a sampler works with. */
export interface SamplerOptions {
  readonly store: Store;
  readonly owners: OwnerTracker;
  readonly clock: RecorderClock;
  /** The number of a network namespace in the store; undefined is our own. */
  readonly placeOf: (netns: Netns | undefined) => number;
  /** Inode of a network namespace; undefined is our own. */
  readonly netnsOf: (netns: Netns | undefined) => number;
  /** Takes the TCP and UDP sockets of each sample; undefined if events list their tables themselves. */
  readonly events: SampledSource | undefined;
  readonly report: (problem: Problem) => void;
}

/** Watches samples as they are taken. */
export interface SampleWatcher {
  /** Begins a sample. @returns whether it wants all sockets of this sample */
  begin(clocks: ClockReading): boolean;
  /** Takes sockets, if it wants all. */
  feed(batch: SocketBatch): void;
  /** Takes a TCP or UDP socket that the sample before did not have, or not with a process. Valid during the call. */
  arrived(socket: InetSocket): void;
  /** Ends the sample. @param single whether no other sample follows */
  finish(owners: StoredOwners, clocks: ClockReading, single: boolean): void;
}

/** Takes samples into a store. */
export class Sampler {
  readonly #options: SamplerOptions;
  readonly #image = new SocketImage();
  /** Processes that have opened sockets since the last sample, by id. */
  readonly #openers = new Map<number, Owner>();
  #watcher: SampleWatcher | undefined;
  /** Services of the last sample, as {@link Sampler.listens} looks them up. */
  #listeners = new Set<number>();
  #beganBootMs = 0;
  #beganMs = 0;
  /** The last reading of the clock, in milliseconds since boot, and how many sockets it is still good for. */
  #readMs = 0;
  #readings = 0;

  constructor(options: SamplerOptions) {
    this.#options = options;
  }

  /** Notes that a process has opened a socket: its descriptors are read first for new ones. */
  opened(owner: Owner): void {
    if (this.#openers.size < MOST_OPENERS) this.#openers.set(owner.pid, owner);
  }

  /** Sets who watches the samples. */
  watchWith(watcher: SampleWatcher): void {
    this.#watcher = watcher;
  }

  /** Whether the last sample has a TCP or UDP socket of a place. */
  has(place: number, protocol: number, cookie: number): boolean {
    const dump = dumpOrder.indexOf(protocol === IPPROTO_TCP ? "tcp" : "udp");
    return [AF_INET, AF_INET6].some((family) => this.#image.find({ place, dump, family })?.has(cookie));
  }

  /** Whether a service had a port of a place when the last sample was taken. */
  listens(place: number, protocol: number, port: number): boolean {
    return this.#listeners.has(serviceKey(place, protocol, port));
  }

  /**
   * Takes a sample.
   *
   * @param demands what is requested of the kernel
   * @param single whether no other sample follows
   * @returns how long the sockets took, in milliseconds
   */
  take(query: OpenQuery, demands: Demands, single: boolean): number {
    const { store, owners, clock } = this.#options;
    const image = this.#image;
    const clocks = readClocks(clock);
    this.#beganBootMs = clocks.bootMs;
    this.#beganMs = performance.now();
    this.#readings = 0;
    this.#listeners = new Set();
    const isWatched = this.#watcher?.begin(clocks) ?? false;
    image.begin();
    for (const place of query.places) this.#takePlace(query, place, demands, isWatched);
    image.end();
    const durationMs = performance.now() - this.#beganMs;
    const found = owners.update(image.inodes, this.#openers.values());
    this.#openers.clear();
    store.sample({ clocks, durationUs: durationMs * 1000, image, owners: found });
    this.#watcher?.finish(found.all, clocks, single);
    return durationMs;
  }

  #takePlace(query: OpenQuery, place: FilteredPlace, demands: Demands, isWatched: boolean): void {
    const number = this.#options.placeOf(place.netns);
    const tables = new Map<DumpName, TableRows>();
    const incomplete = new Set<DumpName>();
    const report = (problem: Problem) => {
      if ("dump" in problem) incomplete.add(problem.dump);
      this.#options.report(problem);
    };
    const begin = (table: InetTable): TableRows => {
      let rows = tables.get(table);
      if (rows === undefined) {
        rows = this.#tableRows(number, place.netns, table);
        tables.set(table, rows);
      }
      return rows;
    };
    const rows: RowSink = {
      begin: (dump) => (Object.hasOwn(inetTables, dump) ? begin(dump as InetTable) : undefined),
      everyNamespace: true,
    };
    const changes = { report, demands };
    const batches = query.listPlace(place, isWatched ? changes : { ...changes, rows });
    for (const batch of batches) {
      const { dump, sockets } = batch;
      const index = dumpOrder.indexOf(dump);
      for (const socket of sockets)
        if (socket.kind === "inet") begin(dump as InetTable).write(socket);
        else this.#addView(number, index, socket);
      if (isWatched) this.#watcher?.feed(batch);
    }
    for (const [table, { end }] of tables) end(!incomplete.has(table));
  }

  /** Takes the rows of an inet table as they arrive. */
  #tableRows(place: number, netns: Netns | undefined, table: InetTable): TableRows {
    const { events, netnsOf } = this.#options;
    const dump = dumpOrder.indexOf(table);
    const image = this.#image;
    const ipv4 = image.group({ place, dump, family: AF_INET });
    const ipv6 = image.group({ place, dump, family: AF_INET6 });
    const protocol = inetTables[table];
    const origin: Origin = { protocol, netns };
    const isFollowed = table === "tcp" || table === "udp";
    const followed = isFollowed ? events?.begin(netnsOf(netns), table) : undefined;
    const watcher = isFollowed ? this.#watcher : undefined;
    const put = (offset: number, length: number): boolean => {
      const at = offset >> 2;
      const head = roomWords[at]!;
      followed?.take(at);
      const ports = roomWords[at + PORTS]!;
      if (isFollowed && isService((head >>> STATE_SHIFT) & 0xff, ports))
        this.#listeners.add(serviceKey(place, protocol, ((ports & 0xff) << 8) | ((ports >>> 8) & 0xff)));
      const cookie = (roomWords[at + COOKIE + 1]! >>> 0) * TWO_32 + (roomWords[at + COOKIE]! >>> 0);
      const inode = roomWords[at + INODE]! >>> 0;
      const group = (head & 0xff) === AF_INET6 ? ipv6 : ipv4;
      const isNew = group.add(cookie === 0 ? -inode : cookie, inode, roomWords, at, length, this.#nowMs());
      if (isNew) watcher?.arrived(new InetSocket(roomData, offset, length, origin));
      return true;
    };
    return {
      put,
      write({ data, offset, length }) {
        if (copyToRoom(data, offset, length)) put(0, length);
      },
      end: (complete) => followed?.end(complete),
    };
  }

  /** Milliseconds since boot, when the kernel wrote the socket that is taken now: it writes some dozens at once. */
  #nowMs(): number {
    if (this.#readings === 0) {
      this.#readings = SOCKETS_A_READING;
      this.#readMs = Math.floor(this.#beganBootMs + performance.now() - this.#beganMs);
    }
    this.#readings--;
    return this.#readMs;
  }

  #addView(place: number, dump: number, socket: Socket): void {
    const { data, offset, length } = socket;
    const family = socket.kind === "tipc" ? AF_TIPC : data.getUint8(offset);
    const group: ImageGroup = this.#image.group({ place, dump, family });
    if (copyToRoom(data, offset, length))
      group.add(keyOf(socket), socket.inode ?? 0, roomWords, 0, length, this.#nowMs());
  }
}

/** Processes that are remembered for having opened sockets. */
const MOST_OPENERS = 256;
const PORT_NUMBERS = 1 << 16;
/** Sockets that are taken by one reading of the clock. */
const SOCKETS_A_READING = 32;

/** The rows of a table of a place. */
interface TableRows extends DirectRows<InetSocket> {
  /** Ends the table. @param complete whether all its sockets came */
  end(complete: boolean): void;
}

/** Whether a socket offers a service: a listener, or a UDP socket without a peer. @param ports both, as the kernel has them */
function isService(state: number, ports: number): boolean {
  return state === SS_LISTEN || (state === SS_CLOSE && ports >>> 16 === 0);
}

/** Names a service by a number. */
function serviceKey(place: number, protocol: number, port: number): number {
  return (place * 2 + (protocol === IPPROTO_TCP ? 1 : 0)) * PORT_NUMBERS + port;
}
