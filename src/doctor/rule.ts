/** The type of a rule: which sockets it reads, and the check that turns samples into findings. */

import type { Socket } from "../families/socket.ts";
import type { Demand } from "../model/demand.ts";
import type { DumpName } from "../model/selection.ts";
import type { Advice, Fill } from "./advice.ts";
import type { HostFacts, Samples } from "./sample.ts";
import type { Threshold } from "./threshold.ts";

/** How bad a finding is, from "good to know" to "act now". */
export const severities = ["info", "warning", "critical"] as const;

/** One of {@link severities}. */
export type Severity = (typeof severities)[number];

/** One problem that a rule has found. */
export interface Finding {
  readonly severity: Severity;
  /**
   * What the finding is about, in a form that stays the same while counts change: `port 8080`, `pid 12`,
   * `10.0.0.1`; empty for the whole namespace or host.
   */
  readonly subject: string;
  /** What is wrong, in one sentence without a full stop: who, what, how many. May contain untrusted text. */
  readonly title: string;
  /** The sockets as evidence, the worst first. Output may show fewer. */
  readonly sockets?: readonly Socket[];
  /** How many sockets there are, where the rule keeps only some of them. */
  readonly socketCount?: number;
  /** Evidence other than sockets: counters, limits, files, one line each. May contain untrusted text. */
  readonly evidence?: readonly string[];
  /** The numbers behind the finding, for machines. Keys are camelCase and end in the unit. */
  readonly values?: Readonly<Record<string, string | number>>;
  /** Values for the placeholders of the advice. */
  readonly fill?: Fill;
  /** Advice for this finding alone, in place of the rule's. */
  readonly advice?: readonly Advice[];
}

/** Receives the sockets of one sample and keeps what its rule needs. */
export interface Collector<Gathered> {
  /**
   * Takes a socket of one of the requested tables and states. It runs for every socket of the host, and the socket
   * is valid during the call only: copy what has to stay, a whole socket with `keep`.
   */
  see(socket: Socket): void;
  /** The data that the collector keeps. */
  readonly gathered: Gathered;
}

/** Which sockets a rule reads. */
export interface Gathering<Gathered, Name extends string> {
  /** The tables. A table that the command line does not select is not listed. */
  readonly tables: readonly DumpName[];
  /** A mask of socket states. */
  readonly states: number;
  /**
   * The states in which the rule also reads inet sockets at rest: with empty queues and without a running timer. Most
   * connections are. Left out, {@link states}.
   */
  readonly statesAtRest?: number;
  /** The details that the kernel has to send with each socket. */
  readonly demands?: readonly Demand[];
  /** Makes the collector of one sample. */
  collect(thresholds: Readonly<Record<Name, number>>): Collector<Gathered>;
  /**
   * Picks the sockets that the second sample fetches again, or `"all"`: list the tables once more. Without this
   * function the second sample is the first.
   *
   * Each picked socket costs one request to the kernel, so pick only those that may become a finding.
   */
  again?(gathered: NoInfer<Gathered>, thresholds: Readonly<Record<Name, number>>): readonly Socket[] | "all";
  /** The states that the second sample lists, where these are fewer than {@link states}. */
  readonly statesAgain?: number;
  /**
   * The inodes of sockets whose owners `check` reads. Owners of sockets in findings are found anyway.
   *
   * Finding owners costs a pass over the descriptors of every process, so return none unless a finding is likely.
   */
  inodes?(gathered: NoInfer<Gathered>, facts: HostFacts): Iterable<number>;
}

/** A rule. `Gathered` is what its collector keeps, `Name` the names of its thresholds. */
export interface Rule<Gathered = unknown, Name extends string = string> {
  /** Its name on the command line: lower-case letters, digits and dashes. */
  readonly id: string;
  /** Its page, from the root of the repository. Default: docs/doctor/ID.md. */
  readonly page?: string;
  /** What it looks for, in a few words. */
  readonly title: string;
  /** The worst severity of its findings. */
  readonly severity: Severity;
  /** What it reads, in words: sockets, counters with their file, limits. */
  readonly reads: readonly string[];
  /** The numbers that decide, by name. */
  readonly thresholds: Readonly<Record<Name, Threshold>>;
  /** Why the problem matters, in two sentences. */
  readonly why: string;
  /** What to check or do; the first command that an administrator would run comes first. */
  readonly advice: readonly Advice[];
  /**
   * How it uses the second sample: `true`, it finds nothing with one sample; `"better"`, it finds more with two.
   * Left out, one sample is enough.
   */
  readonly rate?: true | "better";
  /** Whether it needs what a recorder keeps: only `record` and `--at` check it. */
  readonly recorded?: true;
  /** Whether it is about the whole host and is checked once, not in each network namespace. */
  readonly hostWide?: true;
  /** Which sockets it reads; left out, none. */
  readonly sockets?: Gathering<Gathered, Name>;
  /** Host names to resolve before `check`, where DNS look-ups are enabled. */
  hostNames?(samples: Samples<NoInfer<Gathered>, Name>): Iterable<string>;
  /** Turns samples into findings: a pure function. The order of findings does not matter. */
  check(samples: Samples<NoInfer<Gathered>, Name>): Finding[];
}

/** Checks the types of a rule, and hides the type of its gathered data from the table of rules. */
export function rule<Gathered, const Name extends string>(each: Rule<Gathered, Name>): Rule {
  return each as unknown as Rule;
}
