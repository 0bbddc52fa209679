/** What a command line of lsof means. */
import type { InternetTerm } from "./internet.ts";

/** Members of a comma-separated list, and the members that `^` excludes. */
export interface Chosen<T> {
  readonly include: readonly T[];
  readonly exclude: readonly T[];
}

/** Descriptors from the first number to the second, both included. */
export type DescriptorRange = readonly [low: number, high: number];

/** A command name to select by: how it begins, or a regular expression. */
export interface CommandTerm {
  /** As it was typed, without `^`; a regular expression without its slashes. */
  readonly text: string;
  readonly exclude: boolean;
  readonly isRegular: boolean;
  matches(name: string): boolean;
}

/** TCP information in the NAME column. */
export interface TcpInfoShown {
  readonly state: boolean;
  readonly queues: boolean;
}

/** Repeating. */
export interface Repeat {
  readonly seconds: number;
  /** Runs at most; undefined for no limit. */
  readonly count: number | undefined;
  /** strftime format of the marker; undefined for `=======`. */
  readonly marker: string | undefined;
  /** Whether a run that finds nothing is the last. */
  readonly untilNone: boolean;
}

/** What options have come to. */
export interface LsofSettings {
  /** `-i`, `-i4`, `-i6`: all Internet sockets are wanted. */
  readonly allInternet: boolean;
  /** Of this family only, AF_INET or AF_INET6; undefined for both. */
  readonly allFamily: number | undefined;
  /** `-i TERM`. */
  readonly internet: readonly InternetTerm[];
  /** `-U`. */
  readonly unix: boolean;
  /** `-a`. */
  readonly and: boolean;
  readonly pids: Chosen<number>;
  readonly pgids: Chosen<number>;
  readonly uids: Chosen<number>;
  readonly fds: Chosen<DescriptorRange> | undefined;
  readonly commands: readonly CommandTerm[];
  /** `-s TCP:…`, names of states in upper case. */
  readonly states: Chosen<string>;
  /** `-n` was not given. */
  readonly hostNames: boolean;
  /** `-P` was not given. */
  readonly portNames: boolean;
  /** `-l` was not given. */
  readonly userNames: boolean;
  readonly showPgid: boolean;
  readonly showParent: boolean;
  /** Columns of the command's name at most; 0 for all. */
  readonly commandWidth: number;
  /** `-T`; undefined without it. */
  readonly tcpInfo: TcpInfoShown | undefined;
  /** `-E`: the other ends of sockets of this host. */
  readonly endpoints: boolean;
  /** The SIZE/OFF column: by `-o` OFFSET, by `-s` SIZE. */
  readonly size: "both" | "offset" | "size";
  /** `+L`: a column for link counts, which sockets have none of. */
  readonly links: boolean;
  /** `+f g`, `+f G`: the flags of the descriptor, as names or as numbers. `-F` shows numbers unless `+f g` follows it. */
  readonly flags: "names" | "numbers" | undefined;
  readonly format: "table" | "terse" | "fields" | "json" | "ndjson" | "ours";
  /** Letters of all `-F`; empty for all, undefined without `-F`. */
  readonly fields: string | undefined;
  /** `-F 0`: fields end in NUL. */
  readonly nul: boolean;
  /** `-Q`: the exit status is 0 where something was not found. */
  readonly quiet: boolean;
  /** `-V`: says what was not found. */
  readonly verbose: boolean;
  readonly repeat: Repeat | undefined;
  readonly allNetns: boolean;
  readonly containers: boolean;
}

const none = { include: [], exclude: [] };

/** The settings before any option. */
export const defaultSettings: LsofSettings = {
  allInternet: false,
  allFamily: undefined,
  internet: [],
  unix: false,
  and: false,
  pids: none,
  pgids: none,
  uids: none,
  fds: undefined,
  commands: [],
  states: none,
  hostNames: true,
  portNames: true,
  userNames: true,
  showPgid: false,
  showParent: false,
  commandWidth: 9,
  tcpInfo: undefined,
  endpoints: false,
  size: "both",
  links: false,
  flags: undefined,
  format: "table",
  fields: undefined,
  nul: false,
  quiet: false,
  verbose: false,
  repeat: undefined,
  allNetns: false,
  containers: false,
};
