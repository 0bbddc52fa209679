/** The samples of a recorder as the listings that events need, so that the kernel lists its tables once for both. */

import { roomWords } from "../../../bytes/room.ts";
import type { Origin } from "../../../diag/message.ts";
import { monotonicNs } from "../../../events/clock.ts";
import type { EventSource, FollowedPlace, OpenSource, SourceContext } from "../../../events/event-source.ts";
import { keptSocket } from "../../../events/socket-message.ts";
import { LISTED_STATES, openPortListing, pollingSource } from "../../../events/sources/polling.ts";
import type { EventTable, TableListing } from "../../../events/table-listing.ts";
import { INET_DIAG_MESSAGE_SIZE, inetDiagMessage } from "../../../families/inet/layouts/inet-diag.ts";
import { InetSocket } from "../../../families/inet/socket.ts";
import { inetTables } from "../../../model/inet-tables.ts";

/** Words and shifts of what tells whether a socket is another than before. */
const WORD = 4;
const STATE_SHIFT = 8 * inetDiagMessage.stateNumber.offset;
const TIMER_SHIFT = 8 * inetDiagMessage.timerNumber.offset;
const COOKIE = inetDiagMessage.cookie.offset / WORD;
const PORTS = inetDiagMessage.sport.offset / WORD;
const INODE = inetDiagMessage.inode.offset / WORD;
const TWO_32 = 2 ** 32;
/** `idiag_timer` of a TIME-WAIT. */
const TIMEWAIT_TIMER = 3;

/** Bytes of a port in network order. */
function portOf(bytes: number): number {
  return ((bytes & 0xff) << 8) | ((bytes >>> 8) & 0xff);
}

const MESSAGE_WORDS = INET_DIAG_MESSAGE_SIZE / WORD;
const FIRST_MESSAGES = 64;

/** Messages of sockets, without their attributes, until they are joined. */
class Messages {
  #words = new Uint32Array(FIRST_MESSAGES * MESSAGE_WORDS);
  #length = 0;

  /** Adds a message in the room. @param at index of its first word */
  add(at: number): void {
    const end = this.#length + MESSAGE_WORDS;
    if (end > this.#words.length) {
      const larger = new Uint32Array(this.#words.length * 2);
      larger.set(this.#words);
      this.#words = larger;
    }
    this.#words.set(roomWords.subarray(at, at + MESSAGE_WORDS), this.#length);
    this.#length = end;
  }

  /** The sockets, each in a copy of its own that is made when its turn comes. */
  *sockets(origin: Origin): Generator<InetSocket> {
    const data = new DataView(this.#words.buffer);
    for (let at = 0; at < this.#length; at += MESSAGE_WORDS)
      yield keptSocket(new InetSocket(data, at * WORD, INET_DIAG_MESSAGE_SIZE, origin));
  }
}

/** One table of one place, while a sample of it is taken. */
export interface SampledTable {
  /** Takes a message in the room. @param at index of its first word */
  take(at: number): void;
  /** Ends the table. @param complete whether it has all sockets */
  end(complete: boolean): void;
}

/** The source `sock_diag` of a recorder. */
export class SampledSource {
  #context: SourceContext | undefined;
  /** The tables that were sampled before, by place. */
  readonly #baselines = new WeakMap<FollowedPlace, Set<EventTable>>();

  /** To be used instead of the source that lists tables itself. */
  readonly source: EventSource = {
    ...pollingSource,
    open: (context): OpenSource => {
      this.#context = context;
      return openPortListing(context);
    },
  };

  /** Begins a table of a sample. @param netns inode of its network namespace @returns undefined if it is not followed */
  begin(netns: number, table: EventTable): SampledTable | undefined {
    const context = this.#context;
    const place = context?.placeOf(netns);
    if (context === undefined || place === undefined) return undefined;
    const followed = context.places.get(place)!;
    const { join, clock } = context;
    const protocol = inetTables[table];
    const begunNs = monotonicNs();
    const timeMs = clock.wallMs(begunNs);
    const listing: TableListing = join.tables.begin({ place, protocol, begunNs, timeMs, refresh: false });
    const origin = context.origin(place, protocol);
    const known = this.#baselines.get(followed) ?? new Set();
    this.#baselines.set(followed, known);
    const baseline = !known.has(table);
    known.add(table);
    const messages = new Messages();
    const { tables } = join;
    return {
      take(at) {
        const head = roomWords[at]!;
        const state = (head >>> STATE_SHIFT) & 0xff;
        if (((1 << state) & LISTED_STATES) === 0) return;
        const cookie = (roomWords[at + COOKIE + 1]! >>> 0) * TWO_32 + (roomWords[at + COOKIE]! >>> 0);
        const ports = roomWords[at + PORTS]!;
        const lingers = ((head >>> TIMER_SHIFT) & 0xff) === TIMEWAIT_TIMER;
        const inode = roomWords[at + INODE]! >>> 0;
        if (tables.isSame(listing, cookie, lingers, state, inode, portOf(ports), portOf(ports >>> 16)))
          return;
        // What events read of it comes with its end.
        messages.add(at);
      },
      end: (complete) =>
        context.observe(
          begunNs,
          () => tables.take({ ...listing, sockets: messages.sockets(origin), complete, baseline }),
          monotonicNs(),
        ),
    };
  }
}
