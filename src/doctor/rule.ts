/** What a rule of the doctor is: one thing that goes wrong with sockets, how it is known, and what to do about it. */

import type { Socket } from "../families/socket.ts";
import type { Demand } from "../model/demand.ts";
import type { DumpName } from "../model/selection.ts";
import type { Samples } from "./sample.ts";
import type { Threshold } from "./threshold.ts";

/** How bad a finding is, from good to know to act now. */
export const severities = ["info", "warning", "critical"] as const;

/** How bad a finding is. */
export type Severity = (typeof severities)[number];

/** Something to check or do. */
export interface Advice {
  /** What it is good for, in one sentence without its full stop. */
  readonly text: string;
  /** The command, where there is one: words in capitals (`PID`, `PORT`) are filled in by the finding. */
  readonly command?: string;
}

/** One thing that a rule has found. */
export interface Finding {
  readonly severity: Severity;
  /** What is wrong, in one sentence without its full stop: who, what, how many. May hold strangers' text. */
  readonly title: string;
  /** The sockets that show it, the worst first; whoever shows them may leave some out. */
  readonly sockets?: readonly Socket[];
  /** What shows it beside sockets: counters, limits, files, a line each. May hold strangers' text. */
  readonly evidence?: readonly string[];
  /** The numbers that it rests on, for machines: camelCase keys that end in the unit. */
  readonly values?: Readonly<Record<string, string | number>>;
  /** What the words in capitals of the advice stand for here. */
  readonly fill?: Readonly<Record<string, string | number>>;
}

/** Takes the sockets of one sample, and keeps what its rule needs of them. */
export interface Collector<Gathered> {
  /**
   * Takes a socket of one of the tables and states that were asked for. It is valid during the call only: what is
   * to stay is copied, a whole socket by `keep`. This is called for every socket of the host.
   */
  see(socket: Socket): void;
  /** What it has kept. */
  readonly gathered: Gathered;
}

/** What a rule wants to see of the sockets. */
export interface Gathering<Gathered, Name extends string> {
  /** The tables whose sockets it looks at, of those that are listed. */
  readonly tables: readonly DumpName[];
  /** The states that it looks at, a mask. */
  readonly states: number;
  /** What the kernel must be asked for. */
  readonly demands?: readonly Demand[];
  /** Makes what takes the sockets of one sample. */
  collect(thresholds: Readonly<Record<Name, number>>): Collector<Gathered>;
  /**
   * The sockets to look at again in the second sample, for what needs a rate; `"all"` for everything that was asked
   * for in the first. If it is left out, the second sample has what the first has.
   *
   * Each socket costs a question to the kernel, so only those are asked for that may be found.
   */
  again?(gathered: NoInfer<Gathered>, thresholds: Readonly<Record<Name, number>>): readonly Socket[] | "all";
  /** The inodes of the sockets whose processes `check` asks for: those of sockets that are shown are found later. */
  inodes?(gathered: NoInfer<Gathered>): Iterable<number>;
}

/** A rule, whatever it gathers. */
export interface Rule<Gathered = unknown, Name extends string = string> {
  /** What it is called on the command line: small letters and dashes. Its page is docs/doctor/ID.md. */
  readonly id: string;
  /** What it looks for, in a few words. */
  readonly title: string;
  /** The worst severity of its findings. */
  readonly severity: Severity;
  /** What it reads, in words: sockets, counters (by their file), limits. */
  readonly reads: readonly string[];
  /** The numbers that decide, by name. */
  readonly thresholds: Readonly<Record<Name, Threshold>>;
  /** Why it matters, in two sentences. */
  readonly why: string;
  /** What to check or do, the first command of a system administrator first. */
  readonly advice: readonly Advice[];
  /**
   * Whether it needs two samples, some time apart, and finds nothing by one; `"better"`: it finds more by two.
   * Left out, one is enough.
   */
  readonly rate?: true | "better";
  /** Whether it is about the whole host, and is checked once; left out, each network namespace by itself. */
  readonly hostWide?: true;
  /** What it wants to see of the sockets; without it, none. */
  readonly sockets?: Gathering<Gathered, Name>;
  /** Host names whose addresses `check` asks for, which are looked up before it. */
  hostNames?(samples: Samples<NoInfer<Gathered>, Name>): Iterable<string>;
  /** What the samples show: a pure function. The order of findings does not matter. */
  check(samples: Samples<NoInfer<Gathered>, Name>): Finding[];
}

/** A rule of the table: what it gathers is its own business. */
export function rule<Gathered, const Name extends string>(each: Rule<Gathered, Name>): Rule {
  return each as unknown as Rule;
}
