/** Takes the samples of a recorder. */
import { copyToRoom, roomWords } from "../../../bytes/room.ts";
import type { Owner } from "../../../enrich/processes.ts";
import type { DirectRows } from "../../../families/direct-rows.ts";
import { inetDiagMessage } from "../../../families/inet/layouts/inet-diag.ts";
import { cookieOf } from "../../../families/inet/made-socket.ts";
import type { InetSocket } from "../../../families/inet/socket.ts";
import type { Socket } from "../../../families/socket.ts";
import type { Netns } from "../../../host/namespaces.ts";
import type { Demands } from "../../../model/demand.ts";
import { AF_INET, AF_INET6, AF_TIPC } from "../../../model/family.ts";
import type { InetTable } from "../../../model/inet-tables.ts";
import { type DumpName, dumpOrder } from "../../../model/selection.ts";
import { SS_LISTEN } from "../../../model/state.ts";
import type { FilteredPlace } from "../../../query/filters.ts";
import type { OpenQuery } from "../../../query/open.ts";
import type { Problem } from "../../../query/query.ts";
import { type RecorderClock, readClocks } from "../../../store/clock.ts";
import { type ImageGroup, SocketImage } from "../../../store/image.ts";
import type { OwnerTracker } from "../../../store/owner-tracker.ts";
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

/** Takes samples into a store. */
export class Sampler {
  readonly #options: SamplerOptions;
  readonly #image = new SocketImage();
  /** Processes that have opened sockets since the last sample, by id. */
  readonly #openers = new Map<number, Owner>();
  /** Ports of listeners of the last sample, as {@link Sampler.listens} looks them up. */
  #listeners = new Set<number>();
  #beganBootMs = 0;
  #beganMs = 0;

  constructor(options: SamplerOptions) {
    this.#options = options;
  }

  /** Notes that a process has opened a socket: its descriptors are read first for new ones. */
  opened(owner: Owner): void {
    if (this.#openers.size < MOST_OPENERS) this.#openers.set(owner.pid, owner);
  }

  /** Whether something listened on a TCP port of a place when the last sample was taken. */
  listens(place: number, port: number): boolean {
    return this.#listeners.has(place * PORT_NUMBERS + port);
  }

  /**
   * Takes a sample.
   *
   * @param demands what is requested of the kernel
   * @returns how long the sockets took, in milliseconds
   */
  take(query: OpenQuery, demands: Demands): number {
    const { store, owners, clock } = this.#options;
    const image = this.#image;
    const clocks = readClocks(clock);
    this.#beganBootMs = clocks.bootMs;
    this.#beganMs = performance.now();
    this.#listeners = new Set();
    image.begin();
    for (const place of query.places) this.#takePlace(query, place, demands);
    image.end();
    const durationMs = performance.now() - this.#beganMs;
    const found = owners.update(image.inodes, this.#openers.values());
    this.#openers.clear();
    store.sample({ clocks, durationUs: durationMs * 1000, image, owners: found });
    return durationMs;
  }

  #takePlace(query: OpenQuery, place: FilteredPlace, demands: Demands): void {
    const { placeOf, netnsOf } = this.#options;
    const number = placeOf(place.netns);
    const netns = netnsOf(place.netns);
    const tables: TableRows[] = [];
    const incomplete = new Set<DumpName>();
    const report = (problem: Problem) => {
      if ("dump" in problem) incomplete.add(problem.dump);
      this.#options.report(problem);
    };
    const begin = (table: InetTable) => {
      const rows = this.#tableRows(number, netns, table);
      tables.push(rows);
      return rows;
    };
    const batches = query.listPlace(place, {
      report,
      demands,
      rows: { begin, everyNamespace: true },
    });
    for (const { dump, sockets } of batches) {
      const index = dumpOrder.indexOf(dump);
      for (const socket of sockets) this.#addView(number, index, socket);
    }
    for (const { table, end } of tables) end(!incomplete.has(table));
  }

  /** Takes the rows of an inet table as they arrive. */
  #tableRows(place: number, netns: number, table: InetTable): TableRows {
    const { events } = this.#options;
    const dump = dumpOrder.indexOf(table);
    const image = this.#image;
    const ipv4 = image.group({ place, dump, family: AF_INET });
    const ipv6 = image.group({ place, dump, family: AF_INET6 });
    const isTcp = table === "tcp";
    const followed = isTcp || table === "udp" ? events?.begin(netns, table) : undefined;
    const put = (offset: number, length: number): boolean => {
      const at = offset >> 2;
      const head = roomWords[at]!;
      followed?.take(at);
      if (isTcp && ((head >>> STATE_SHIFT) & 0xff) === SS_LISTEN)
        this.#noteListener(place, roomWords[at + PORTS]!);
      const cookie = (roomWords[at + COOKIE + 1]! >>> 0) * TWO_32 + (roomWords[at + COOKIE]! >>> 0);
      const inode = roomWords[at + INODE]! >>> 0;
      const group = (head & 0xff) === AF_INET6 ? ipv6 : ipv4;
      group.add(cookie === 0 ? -inode : cookie, inode, roomWords, at, length, this.#nowMs());
      return true;
    };
    return {
      table,
      put,
      write: (socket) => this.#addView(place, dump, socket),
      end: (complete) => followed?.end(complete),
    };
  }

  #noteListener(place: number, ports: number): void {
    this.#listeners.add(place * PORT_NUMBERS + (((ports & 0xff) << 8) | ((ports >>> 8) & 0xff)));
  }

  /** Milliseconds since boot. */
  #nowMs(): number {
    return Math.floor(this.#beganBootMs + performance.now() - this.#beganMs);
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

/** The rows of a table of a place. */
interface TableRows extends DirectRows<InetSocket> {
  readonly table: InetTable;
  end(complete: boolean): void;
}
