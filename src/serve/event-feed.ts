/**
 * Follows sockets for whoever listens: while nobody does, no source is open. The sources are those that the kernel
 * feeds; the one that lists sockets again and again is left out, as the sampler does that.
 */
import { readlinkSync } from "node:fs";
import type { SocketEvent } from "../events/event.ts";
import type { EventSource, FollowedPlace } from "../events/event-source.ts";
import { Follower } from "../events/follower.ts";
import { NamespaceSearch } from "../events/namespace-search.ts";
import { eventSources } from "../events/registry.ts";
import type { Host } from "../host/host.ts";
import { demandSet } from "../model/demand.ts";
import type { Selection } from "../model/selection.ts";
import { pollingTransport } from "../netlink/deferred.ts";
import { allParts } from "../query/all-parts.ts";
import type { FilteredPlace } from "../query/filters.ts";
import { type OpenQuery, openQuery } from "../query/open.ts";
import type { ServeContext } from "./context.ts";
import { planOf, selectionOf } from "./sampler.ts";
import { turns } from "./turns.ts";

/** Takes events. An event's socket is valid until the next event of the same socket. */
export type EventListener = (event: SocketEvent) => void;

/** The sources of events, and what is missing without the others. */
export interface FeedSources {
  /** Names of the sources in use. */
  readonly used: readonly string[];
  /** One sentence for each source that does not work. */
  readonly missing: readonly string[];
}

/** Follows sockets for whoever listens. */
export interface EventFeed extends Disposable {
  /** Calls a listener with every event from now on. @returns a function that ends it */
  subscribe(listener: EventListener): () => void;
  readonly sources: FeedSources;
}

/** Time between two rounds: while there are many events, and while there are few. */
const BUSY_ROUND_MS = 20;
const ROUND_MS = 100;
/** Events in a round that are many: the kernel keeps a few thousand ends of sockets for us. */
const MANY_EVENTS = 50;
/** Kilobytes of the trace buffer of each processor: enough for a round. */
const TRACE_BUFFER_KB = 2048;
/** The source that lists sockets. */
const POLLING = "sock_diag";
/** Time between two searches for network namespaces. */
const NAMESPACES_MS = 1000;
/** Milliseconds until sources are opened again that failed. */
const RETRY_MS = 10_000;

const followed: Selection = selectionOf(new Set(["tcp", "udp"]));

/** A source, and why it does not work here. */
interface FoundSource {
  readonly source: EventSource;
  readonly obstacle?: string;
}

function findSources(host: Host): readonly FoundSource[] {
  return eventSources
    .filter(({ name }) => name !== POLLING)
    .map((source) => ({ source, ...source.availability(host, followed) }));
}

function ownNetns(): number | undefined {
  try {
    return Number(/\d+/.exec(readlinkSync("/proc/thread-self/ns/net"))?.[0]);
  } catch {
    return undefined;
  }
}

/** An open follower with its query. */
interface Following {
  readonly query: OpenQuery;
  readonly follower: Follower;
  /** Undefined if only one network namespace is followed. */
  readonly namespaces: NamespaceSearch | undefined;
}

function followedPlace({ host, netns }: FilteredPlace): FollowedPlace {
  return {
    host,
    netns,
    inode: netns?.inode ?? ownNetns(),
    bytecode: undefined,
    mayPass: () => true,
  };
}

/** Makes the feed of a server. A machine that is not live has no events. */
export function openFeed(context: ServeContext): EventFeed {
  const { live, sources } = context;
  const host: Host = { ...context.host, transport: pollingTransport() };
  const found = live ? findSources(host) : [];
  const chosen = found.filter(({ obstacle }) => obstacle === undefined).map(({ source }) => source);
  const listeners = new Set<EventListener>();
  let following: Following | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let busy = false;
  let ended = false;
  let events = 0;

  function emit(event: SocketEvent): void {
    events++;
    for (const listener of listeners) listener(event);
  }

  async function open(): Promise<Following> {
    const query = await openQuery(
      { host, report: () => undefined, parts: allParts, keep: false },
      { ...planOf(context), selection: followed, demands: demandSet([]) },
    );
    const namespaces = context.allNetns
      ? new NamespaceSearch({
          query,
          intervalMs: NAMESPACES_MS,
          followed: followedPlace,
          changed: () => undefined,
        })
      : undefined;
    const options = {
      places: namespaces?.first ?? query.places.map(followedPlace),
      ...(namespaces === undefined ? {} : { sawElsewhere: namespaces.hasten }),
      selection: followed,
      sources: chosen,
      demands: demandSet([]),
      root: sources.root,
      intervalMs: undefined,
      traceBufferKb: TRACE_BUFFER_KB,
      existing: false,
      breathe: turns(),
      report: () => undefined,
    };
    try {
      return { query, namespaces, follower: new Follower(options, emit) };
    } catch (error) {
      query[Symbol.dispose]();
      throw error;
    }
  }

  function close(): void {
    following?.follower.close(ended);
    following?.query[Symbol.dispose]();
    following = undefined;
  }

  /** One round, and the plan for the next. */
  async function round(): Promise<void> {
    busy = true;
    let waitMs = RETRY_MS;
    try {
      following ??= await open();
      events = 0;
      const { follower, namespaces } = following;
      const more = await follower.round();
      await namespaces?.searchIfDue(follower);
      waitMs = more ? 0 : events > MANY_EVENTS ? BUSY_ROUND_MS : ROUND_MS;
    } catch {
      // What cannot be opened now may be later: trace buffers, for one, need memory.
      close();
    }
    busy = false;
    if (ended) close();
    else schedule(waitMs);
  }

  function schedule(waitMs: number): void {
    clearTimeout(timer);
    timer = undefined;
    if (busy) return;
    if (listeners.size === 0 || chosen.length === 0) close();
    else timer = setTimeout(round, waitMs);
  }

  return {
    sources: {
      used: chosen.map(({ name }) => name),
      missing: found.flatMap(({ source, obstacle }) =>
        obstacle === undefined ? [] : `Without ${source.name} (${obstacle}): no ${source.missing}.`,
      ),
    },
    subscribe(listener) {
      listeners.add(listener);
      if (listeners.size === 1) schedule(0);
      return () => {
        listeners.delete(listener);
        if (listeners.size === 0) schedule(0);
      };
    },
    [Symbol.dispose]() {
      ended = true;
      listeners.clear();
      clearTimeout(timer);
      close();
    },
  };
}
