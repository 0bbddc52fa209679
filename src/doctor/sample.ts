/** The input of rules: the sockets of one or two samples, counters, and facts about the host. */
import type { Owner } from "../enrich/processes.ts";
import type { Netns } from "../host/namespaces.ts";
import type { Counters } from "./counters.ts";

/** One sample of a network namespace. */
export interface Sample<Gathered> {
  /** What the rule has kept of the sockets. */
  readonly gathered: Gathered;
  /** The counters of the namespace at that time; empty with a filter, because they count all sockets. */
  readonly counters: Counters;
}

/** Facts about the host other than sockets. Each is looked up when it is first read. */
export interface HostFacts {
  /** The network namespace; undefined if only one is examined. */
  readonly netns: Netns | undefined;
  /** The text of a file below /proc, read inside the namespace; undefined if it cannot be read. */
  file(path: string): string | undefined;
  /** The numbers in such a file; none if it cannot be read. */
  numbers(path: string): readonly number[];
  /** The processes that have a socket open; known for the inodes that the rules requested. */
  owners(inode: number): readonly Owner[];
  /** The arguments of a process, its name first; none if they cannot be read. At most 64 KiB of them. */
  commandLine(pid: number): readonly string[];
  /** Every process with descriptors of its own, as it was at the first call. */
  processes(): readonly ProcessFact[];
  /** The state of a process now: the letter of /proc/PID/stat; undefined if it has exited. */
  processState(pid: number): string | undefined;
  /** The inodes of the sockets that a process has open; none if its descriptors may not be read. */
  socketsOf(pid: number): ReadonlySet<number>;
  /** Pids of processes whose descriptors may not be read. */
  unreadable(): readonly number[];
  /** What could not be listed, one sentence each. */
  unlisted(): readonly string[];
  /** The processes whose open descriptors may be near their limit. */
  descriptors(): readonly DescriptorCount[];
  /** The addresses of a host name, as text; undefined if it was not resolved. */
  addresses(hostName: string): readonly string[] | undefined;
  /** The listeners and peers that a recorder has lately seen for the first time; none without a recorder. */
  newcomers(): readonly Newcomer[];
}

/** A listener, or a peer of a process, that was not there before. */
export interface Newcomer {
  /** A listener; a server that the process connects to; or a client of the process. */
  readonly what: "listener" | "server" | "client";
  /** Name of the process; empty if it is not known. */
  readonly process: string;
  readonly netid: string;
  /** Address of the listener, or of the peer. */
  readonly address: string;
  /** Port of the service. */
  readonly port: number;
  /** Milliseconds since it was first seen. */
  readonly ageMs: number;
}

/** A process, as /proc shows it. */
export interface ProcessFact {
  readonly pid: number;
  /** Its name (comm), at most 15 bytes. */
  readonly name: string;
  /** The state letter of /proc/PID/stat: `T` is stopped, `t` stopped by a debugger, `D` uninterruptible. */
  readonly state: string;
  /** The target of /proc/PID/exe; undefined if it may not be read. */
  readonly executable: string | undefined;
}

/** How many descriptors a process has open. */
export interface DescriptorCount {
  readonly pid: number;
  /** Its name. */
  readonly name: string;
  readonly open: number;
  /** RLIMIT_NOFILE, the soft limit. */
  readonly limit: number;
}

/** The input of a rule's check. */
export interface Samples<Gathered, Name extends string = string> extends HostFacts {
  readonly first: Sample<Gathered>;
  /** The second sample, with the sockets that `again` picked; the first if there is only one. */
  readonly last: Sample<Gathered>;
  /** Milliseconds between the two; 0 if there is only one. */
  readonly elapsedMs: number;
  readonly thresholds: Readonly<Record<Name, number>>;
}

/** How much a counter has grown between the samples; undefined with one sample, or without that counter. */
export function growth({ first, last, elapsedMs }: Samples<unknown>, name: string): number | undefined {
  const before = first.counters.get(name);
  const after = last.counters.get(name);
  if (elapsedMs === 0 || before === undefined || after === undefined) return undefined;
  // A counter that has shrunk was reset.
  return Math.max(0, after - before);
}
