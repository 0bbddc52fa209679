/** The answer of `who`: processes with their sockets, and sockets without a process. */
import type { Peers } from "./peers.ts";
import type { ProcessFacts, ProcessName } from "./process.ts";
import type { Target } from "./target.ts";
import type { Reason } from "./unowned.ts";

/** A socket that takes connections or datagrams. */
export interface Listener {
  /** `tcp`, `udp`, `u_str` and so on. */
  readonly netid: string;
  /** Its own end. */
  readonly local: string;
  /** Whether the target is its own end: otherwise it is another listener of the process. */
  readonly isTarget: boolean;
}

/** A process with its sockets. */
export interface WhoProcess {
  /** `holder`: it has the target. `client`: it is connected to the target. */
  readonly role: "holder" | "client";
  readonly pid: number;
  readonly name: string;
  /** What is known of it. Looked up when it is shown; undefined if it is gone. */
  facts(): ProcessFacts | undefined;
  readonly listeners: readonly Listener[];
  /** Connections that others made to its listeners. */
  readonly inbound: Peers;
  /** Connections that it made. */
  readonly outbound: Peers;
  /** Its sockets that are neither, by table. */
  readonly others: ReadonlyMap<string, number>;
  /** Network namespaces of its sockets, with `--all-netns`. */
  readonly netns: readonly string[];
}

/** Processes of one name and process group, such as a server and its workers. */
export interface WhoGroup {
  /** The one that started the others, as far as one did. */
  readonly leader: WhoProcess;
  /** The others. */
  readonly rest: readonly WhoProcess[];
}

/** A socket without a process. */
export interface UnownedSocket {
  readonly netid: string;
  readonly state: string;
  readonly local: string;
  readonly peer: string;
  /** The user whose process made it, where the kernel still says so. */
  readonly user: string | undefined;
  readonly netns: string | undefined;
}

/** The whole answer. */
export interface Answer {
  readonly target: Target;
  readonly holders: readonly WhoGroup[];
  readonly clients: readonly WhoGroup[];
  readonly unowned: ReadonlyMap<Reason, readonly UnownedSocket[]>;
  /** What was not seen, and what else may have been meant: a sentence each. */
  readonly notes: readonly string[];
  /** The name of a container behind the name of each process: with `--container`. */
  containerOf(process: ProcessName): string | undefined;
}

/** All processes of groups. */
export function processesOf(groups: readonly WhoGroup[]): WhoProcess[] {
  return groups.flatMap(({ leader, rest }) => [leader, ...rest]);
}
