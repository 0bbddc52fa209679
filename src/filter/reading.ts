/** What the readers of operands share: the look-ups, the state of the parser, and how an operand is refused. */
import type { Table } from "../model/selection.ts";
import { FilterError, type FilterErrorKind } from "./errors.ts";
import type { NumberLookups } from "./number-hosts.ts";
import type { NamedHost } from "./operands.ts";
import type { FilterWord } from "./source.ts";

/** Names and numbers of the host that a filter is parsed for. */
export interface Lookups extends NumberLookups {
  /** The port of a service. getservbyname(3). */
  port(service: string, protocol: "udp" | "tcp"): number | undefined;
  /** The ports of an RPC program; left out if RPC programs are not looked up. */
  rpcPorts?(program: string, protocol: "udp" | "tcp"): readonly number[];
  /** The id of a version 2 control group, or the lines that say why there is none. */
  cgroupId(path: string): bigint | string;
  /** Whether the kernel can filter by control group; if that is unknown, the line that says why. */
  knowsCgroups(): boolean | string;
  /** The uid of a user. */
  userId?(name: string): number | undefined;
}

/** What the meaning of a filter depends on. */
export interface FilterContext {
  /** The selected tables. Services are looked up for `tcp` and `udp` if these are among them. */
  readonly tables: ReadonlySet<Table>;
  /** The AF_* of hosts without a prefix; undefined for IPv4 and IPv6. */
  readonly preferred: number | undefined;
  readonly lookups: Lookups;
}

/** The state of the parser. */
export interface Reading {
  readonly context: FilterContext;
  /** The AF_* of hosts without a prefix; every prefix changes it. */
  preferred: number | undefined;
  /** The AF_* of the last host; undefined if none had one. */
  family: number | undefined;
  /** The host names so far. */
  readonly names: NamedHost[];
}

/** Refuses an operand. @throws FilterError always */
export function refuse(
  word: FilterWord,
  kind: FilterErrorKind,
  expected: string,
  text: string = word.text,
): never {
  throw new FilterError({ kind, position: word, expected, text });
}
