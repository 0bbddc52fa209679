/** The interface of a source of events. Each file in sources/ implements one; registry.ts lists them. */

import type { Origin } from "../diag/message.ts";
import type { Owner } from "../enrich/processes.ts";
import type { InetSocket } from "../families/inet/socket.ts";
import type { Host } from "../host/host.ts";
import type { Netns } from "../host/namespaces.ts";
import type { Breathe } from "../live/owners.ts";
import type { Demands } from "../model/demand.ts";
import type { Selection } from "../model/selection.ts";
import type { Problem } from "../query/query.ts";
import type { TraceClock } from "./clock.ts";
import type { Coverage } from "./event.ts";
import type { UdpFlows } from "./flows.ts";
import type { EventJoin } from "./join.ts";
import type { OwnerCache } from "./owners.ts";
import type { PlaceNumber } from "./tracked.ts";

/** Whether a source works on this host. */
export interface Availability {
  /** Why it does not work; undefined if it does. */
  readonly obstacle?: string;
  /** True if the obstacle is the user's own choice of tables, so that nothing is missing. */
  readonly irrelevant?: true;
  /** A remark about a source that works. */
  readonly note?: string;
}

/** A source of events. */
export interface EventSource {
  /** Its name for `--sources`. */
  readonly name: string;
  /** What it is, for `--sources help`. */
  readonly doc: string;
  /** What no event shows without it, as a noun phrase. */
  readonly missing: string;
  readonly covers: readonly Coverage[];
  /** Whether it works here. @param host the host as seen from the first network namespace */
  availability(host: Host, selection: Selection): Availability;
  /** Begins to watch. @throws NetlinkError, or an Error whose message says why it cannot */
  open(context: SourceContext): OpenSource;
}

/** A source that is watching. */
export interface OpenSource {
  /** Takes what came since the last round. @returns whether more is waiting */
  take(): boolean | Promise<boolean>;
  /** Looks again soon: events were lost, or sockets are incomplete. */
  hasten?(): void;
  /** Begins to watch another network namespace. @throws NetlinkError if it cannot */
  added?(number: PlaceNumber, place: FollowedPlace): void;
  /** Takes what is left of a network namespace that has ended, and stops to watch it. */
  removed?(number: PlaceNumber): void;
  /** Takes what is left, only to count it: the run ends before it can be joined. */
  abandon?(): number;
  /** Stops watching. @param hurry whether the process is about to end, so that what can be left to others is */
  close(hurry: boolean): void;
}

/** A network namespace whose sockets are followed. */
export interface FollowedPlace {
  /** The host as seen from the namespace; its transport is non-blocking. */
  readonly host: Host;
  /** Undefined if only one namespace is followed. */
  readonly netns: Netns | undefined;
  /** Inode of the namespace, if known. */
  readonly inode: number | undefined;
  /** The kernel's part of the filter: INET_DIAG_REQ_BYTECODE. */
  readonly bytecode: Uint8Array | undefined;
  /** Whether a socket may pass the filter, as far as the kernel's data decides it. */
  mayPass(socket: InetSocket): boolean;
}

/** What to follow, and how. */
export interface FollowOptions {
  /** The network namespaces at the beginning, our own first. */
  readonly places: readonly FollowedPlace[];
  readonly selection: Selection;
  readonly sources: readonly EventSource[];
  /** Whether the sockets that exist at the start become `existing` events. */
  readonly existing: boolean;
  /** What the filter reads of sockets beyond the fixed part of the kernel's answer. */
  readonly demands: Demands;
  /** Where procfs is mounted. */
  readonly root: string;
  /** Milliseconds between two listings; undefined: depends on the other sources. */
  readonly intervalMs: number | undefined;
  /** Trace buffer of each processor, in kilobytes; undefined for the default. */
  readonly traceBufferKb: number | undefined;
  /** Called often by long work: lets signals in, and throws if one has ended the run. */
  readonly breathe: Breathe;
  /** The owners of a socket by its inode, from somebody who reads /proc; undefined: this follower reads it itself. */
  readonly ownersOf?: (inode: number) => readonly Owner[] | undefined;
  /** The share of a processor's time that finding the processes of threads that have ended may take; default 0.25. */
  readonly threadShare?: number;
  /** Takes problems of listings. */
  readonly report: (problem: Problem) => void;
  /** Called when a thread is seen in a network namespace that is not followed: it may be a new one. */
  readonly sawElsewhere?: () => void;
}

/** The services that a source can use. */
export interface SourceContext {
  readonly options: FollowOptions;
  /** The network namespaces that are followed now, by number. */
  readonly places: ReadonlyMap<PlaceNumber, FollowedPlace>;
  readonly clock: TraceClock;
  readonly join: EventJoin;
  readonly flows: UdpFlows;
  readonly owners: OwnerCache;
  /** What the sources in use cover together. */
  readonly covered: ReadonlySet<Coverage>;
  /** The origin of sockets of a place and protocol. */
  origin(place: PlaceNumber, protocol: number): Origin;
  /** The place of a network namespace, by its inode. */
  placeOf(netnsInode: number): PlaceNumber | undefined;
  /** Up to when traces have been read, in nanoseconds of CLOCK_MONOTONIC. */
  readNs(): number;
  /** Says up to when this source's trace has been read. */
  tracedUntil(ns: number): void;
  /**
   * Queues an observation. Observations are applied in the order of `ns`, once the traces have been read up to
   * `readyNs`: what they say of the same sockets is more precise and comes first. `apply` may be in steps.
   */
  observe(ns: number, apply: () => Iterable<void> | void, readyNs?: number): void;
  /**
   * Whether so many observations wait for the traces that a source should leave further ones to the kernel, which
   * counts what it has no room for.
   */
  isCrowded(): boolean;
  /** Reports lost events. @param count undefined if the kernel does not count them */
  lose(source: string, count: number | undefined, netns?: Netns): void;
}
