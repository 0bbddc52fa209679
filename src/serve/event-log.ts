/** The last events as objects, for streams and for /api/events. */
import { type EventKind, eventKinds, type SocketEvent } from "../events/event.ts";
import { cookieOf } from "../families/inet/made-socket.ts";
import { noNames } from "../fields/names.ts";
import type { Json } from "../model/json.ts";
import { eventObjects } from "../output/event-objects.ts";
import type { EventFeed } from "./event-feed.ts";

/** An event as it is sent. */
export interface LoggedEvent {
  /** Counts events, from 1. */
  readonly seq: number;
  readonly kind: EventKind;
  /** The event as `sockscope events --json` prints it, with `seq` and `socketId`. */
  readonly object: { readonly [key: string]: Json };
}

/** The last events. They are noted only while somebody reads them. */
export interface EventLog {
  /** The number of the last event, 0 before the first. */
  readonly seq: number;
  /** The kept events after a number. */
  since(seq: number): readonly LoggedEvent[];
  /** How many events were not noted because there were too many at once, or because the kernel lost them. */
  readonly lost: number;
  /** Calls a reader with every event from now on. @returns a function that ends it */
  read(reader: (event: LoggedEvent) => void): () => void;
}

/** Events that are kept. */
export const KEPT_EVENTS = 500;
/** The most events that are noted in a second: what is beyond is counted. */
const MOST_PER_SECOND = 1000;
/** Milliseconds that events are noted after the last reader has gone, so that one who comes back misses nothing. */
const LINGER_MS = 30_000;

/** The kinds of events that can be wanted. */
export const kindWords = (Object.keys(eventKinds) as EventKind[]).filter(
  (kind) => kind !== "existing" && kind !== "sources" && kind !== "lost",
);

/** The id of an event's socket; null without a cookie. */
function socketIdOf({ socket, netns }: SocketEvent): string | null {
  if (socket === undefined) return null;
  const cookie = cookieOf(socket);
  if (cookie === 0) return null;
  return netns === undefined ? `${cookie}` : `${netns.inode}:${cookie}`;
}

/** Makes the log of a feed. */
export function openLog(feed: EventFeed): EventLog {
  const describe = eventObjects(noNames);
  const readers = new Set<(event: LoggedEvent) => void>();
  const kept: LoggedEvent[] = [];
  let seq = 0;
  let lost = 0;
  let second = 0;
  let noted = 0;
  let leave: (() => void) | undefined;
  let lingering: ReturnType<typeof setTimeout> | undefined;

  function note(event: SocketEvent): void {
    const { kind } = event;
    if (kind === "lost") {
      lost += event.count ?? 1;
      return;
    }
    const now = Math.floor(performance.now() / 1000);
    if (now !== second) {
      second = now;
      noted = 0;
    }
    if (noted++ >= MOST_PER_SECOND) {
      lost++;
      return;
    }
    seq++;
    const logged = { seq, kind, object: { seq, ...describe(event), socketId: socketIdOf(event) } };
    kept.push(logged);
    if (kept.length > KEPT_EVENTS) kept.shift();
    for (const reader of readers) reader(logged);
  }

  return {
    get seq() {
      return seq;
    },
    get lost() {
      return lost;
    },
    since: (after) => kept.filter((event) => event.seq > after),
    read(reader) {
      clearTimeout(lingering);
      readers.add(reader);
      leave ??= feed.subscribe(note);
      return () => {
        readers.delete(reader);
        if (readers.size > 0) return;
        clearTimeout(lingering);
        lingering = setTimeout(() => {
          if (readers.size > 0) return;
          leave?.();
          leave = undefined;
        }, LINGER_MS);
      };
    },
  };
}
