/** What rules are given: the sockets of one or two samples, counters, limits, owners. */
import type { Owner } from "../enrich/processes.ts";
import type { Netns } from "../host/namespaces.ts";
import type { Counters } from "./counters.ts";

/** One look at a network namespace. */
export interface Sample<Gathered> {
  /** What the rule has kept of the sockets. */
  readonly gathered: Gathered;
  /** The counters of the namespace at that time. */
  readonly counters: Counters;
}

/** What is known of the host beside sockets. Each answer is looked for when it is first asked for. */
export interface HostFacts {
  /** The network namespace; undefined for the only one that is looked into. */
  readonly netns: Netns | undefined;
  /** The text of a file below /proc, as it looks from within the namespace; undefined if it cannot be read. */
  file(path: string): string | undefined;
  /** The numbers in a file below /proc; none if it cannot be read. */
  numbers(path: string): readonly number[];
  /** Who has a socket open, as far as that can be known. */
  owners(inode: number): readonly Owner[];
  /** The arguments of a process, its name first; none if they cannot be read. */
  commandLine(pid: number): readonly string[];
  /** Processes whose descriptors may not be read. */
  unreadable(): readonly number[];
  /** What could not be listed, a sentence each. */
  unlisted(): readonly string[];
  /** Every process that has descriptors of its own, with how many, and how many it may have. */
  descriptors(): readonly DescriptorCount[];
  /** Text of the addresses of a host name, of those that were asked for; undefined if they were not looked up. */
  addresses(hostName: string): readonly string[] | undefined;
}

/** How many descriptors a process has open. */
export interface DescriptorCount {
  readonly pid: number;
  /** Its name. */
  readonly name: string;
  readonly open: number;
  /** RLIMIT_NOFILE, the soft one. */
  readonly limit: number;
}

/** What the check of a rule is given. */
export interface Samples<Gathered, Name extends string = string> extends HostFacts {
  readonly first: Sample<Gathered>;
  /** The second sample, which has of the sockets what `again` asked for; the first where there is only one. */
  readonly last: Sample<Gathered>;
  /** Milliseconds between the two; 0 where there is only one. */
  readonly elapsedMs: number;
  readonly thresholds: Readonly<Record<Name, number>>;
}

/** How much a counter has grown between the samples; undefined where there is only one, or no such counter. */
export function growth({ first, last, elapsedMs }: Samples<unknown>, name: string): number | undefined {
  const before = first.counters.get(name);
  const after = last.counters.get(name);
  if (elapsedMs === 0 || before === undefined || after === undefined) return undefined;
  // One that has grown less than nothing was started anew.
  return Math.max(0, after - before);
}
