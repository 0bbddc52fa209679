/** What users of the library ask for, and the query that is made of it. */

import { once } from "../enrich/once.ts";
import { scanProcesses } from "../enrich/processes.ts";
import type { Details } from "../families/family-dump.ts";
import { FilterError, operandProblem } from "../filter/errors.ts";
import type { FilterContext } from "../filter/operands.ts";
import { type ParsedFilter, parseFilter } from "../filter/parser.ts";
import { resolveHosts } from "../filter/resolve.ts";
import type { Host } from "../host/host.ts";
import type { Netns } from "../host/namespaces.ts";
import { localPortRange } from "../lookup/names.ts";
import { knowPlaces } from "../lookup/places.ts";
import {
  type Family,
  families as familyTable,
  type Selection,
  type Table,
  tables as tableTable,
} from "../model/selection.ts";
import { stateGroups, stateMask } from "../model/state.ts";
import { sourcesOf } from "../procfs/source.ts";
import type { Problem, Query } from "../query/list.ts";
import { type FindOwners, lookupsOf, predicateOf } from "../query/predicate.ts";

/** Which sockets are meant. Everything may be left out. */
export interface SelectionOptions {
  /** Tables, as `ss -A` names them. Default: those of the families; of all families all but `tipc`, as ss. */
  readonly tables?: readonly Table[];
  /** Address families, as `ss -f` names them. Default: those of the tables. */
  readonly families?: readonly Family[];
  /**
   * A filter in ss's language and its extensions (docs/filter.md): `"dport = :443 and rtt > 50ms"`. States are not
   * part of it: they have an option of their own.
   */
  readonly filter?: string;
  /** The network namespace, one of those that `netnsList` gives. Default: that which we are in. */
  readonly netns?: Netns;
}

/** Which sockets to list, and what to ask of each. Everything may be left out. */
export interface SocketsOptions extends SelectionOptions {
  /** States or groups of states, as the words after `state` in ss's filter. Default: all. */
  readonly states?: readonly string[];
  /** Ask for memory, as `ss -m`. */
  readonly memory?: boolean;
  /** Ask for tcp_info and its like, as `ss -i`. */
  readonly info?: boolean;
  /** Ask for the type of service, as `ss --tos`. */
  readonly tos?: boolean;
  /** Ask for what a family has more, as `ss -e`. */
  readonly extended?: boolean;
  /**
   * Takes what went wrong with one table, the others being listed all the same. Default: tables that this kernel
   * does not have, and sockets that came or went meanwhile, are passed over; any other problem is thrown.
   */
  readonly onProblem?: (problem: Problem) => void;
}

/** What can end an asynchronous listing or stream before its time. */
export interface Abortable {
  /** Ends it: its reason is thrown where the next value would have come. */
  readonly signal?: AbortSignal;
}

const ENOENT = 2;
const EINVAL = 22;
const EOPNOTSUPP = 95;

/** The errors of a kernel that does not have a table. */
const absent: ReadonlySet<number> = new Set([ENOENT, EINVAL, EOPNOTSUPP]);

function throwUnlessAbsent(problem: Problem): void {
  const { kind } = problem;
  if (kind === "socket" || kind === "undecodable") throw problem.error;
  if (kind === "refused" && (problem.partial || !absent.has(problem.error.errno))) throw problem.error;
}

const allTables = Object.keys(tableTable) as Table[];

/** The tables that are asked for where nothing chooses any; tipc is not, as in ss. */
const defaultTables: readonly Table[] = allTables.filter((table) => table !== "tipc");

function maskOf(words: readonly string[] | undefined): number {
  if (words === undefined) return stateGroups.all;
  return words.reduce((mask, word) => {
    const named = stateMask(word);
    if (named === undefined) throw new RangeError(`Cannot list sockets: "${word}" is no state`);
    return mask | named;
  }, 0);
}

/** One of a table by its name. @throws RangeError if it has none of that name */
function named<T>(table: Readonly<Record<string, T>>, name: string, what: string): T {
  if (!Object.hasOwn(table, name)) throw new RangeError(`Cannot list sockets: "${name}" is no ${what}`);
  return table[name]!;
}

function selectionOf({ tables, families, states }: SocketsOptions): Selection {
  const wanted = families?.map((family) => named(familyTable, family, "family").number as number);
  const chosen =
    tables ??
    (wanted === undefined
      ? defaultTables
      : allTables.filter((table) => tableTable[table].families.some((family) => wanted.includes(family))));
  return {
    tables: new Set(chosen),
    families: new Set(wanted ?? chosen.flatMap((table) => named(tableTable, table, "table").families)),
    states: maskOf(states),
    preferred: wanted?.length === 1 ? wanted[0] : undefined,
  };
}

function contextOf(host: Host, { tables, preferred }: Selection): FilterContext {
  return { program: "sockscope", tables, preferred, lookups: lookupsOf(host) };
}

const everything: Selection = selectionOf({});

/**
 * Reads a filter, as far as that takes no resolver.
 *
 * @param selection what it is about
 * @throws FilterError
 */
export function readFilterText(host: Host, text: string, selection = everything): ParsedFilter {
  return parseFilter({ args: [text] }, contextOf(host, selection));
}

/** A filter without the names of hosts. @throws FilterError if it has one */
function withoutNames(parsed: ParsedFilter): ParsedFilter {
  const [name] = parsed.names;
  if (name === undefined) return parsed;
  const line = `"${name.name}" is the name of a host, which takes socketsAsync`;
  throw new FilterError(operandProblem(name.place, "an address", [line]));
}

/** Looks for the owners of all sockets, whatever filters by them; for containers only if something asks for one. */
function ownersOf(host: Host): FindOwners {
  const options = { threads: false, processContext: false, socketContext: false };
  const { root } = sourcesOf({});
  const cgroupPaths = once(() => new Map(host.cgroups()));
  return (batches) => {
    const inodes = new Set<number>();
    for (const { sockets } of batches) for (const { inode } of sockets) if (inode) inodes.add(inode);
    const found = scanProcesses(host.files, root, inodes, options).owners;
    const owners = (inode: number) => found.get(inode);
    const { cgroupOwner } = knowPlaces({ host, root, owners, cgroupPath: (id) => cgroupPaths().get(id) });
    return { owners, container: (socket) => cgroupOwner(socket).container };
  };
}

function queryOf(
  host: Host,
  options: SocketsOptions,
  selection: Selection,
  parsed: ParsedFilter | undefined,
): Query {
  const { memory = false, info = false, tos = false, extended = false, netns } = options;
  // The owner of UNIX sockets is told of all others unasked, and `--json` has it.
  const details: Details = { memory, info, tos, extended, uid: true };
  const { filter, family } = parsed ?? {};
  const range = () => localPortRange(host, sourcesOf({}).path("portRange"));
  return {
    selection:
      family === undefined ? selection : { ...selection, families: new Set([family]), preferred: family },
    details,
    predicate: filter && predicateOf(filter, range(), ownersOf(host)),
    keep: true,
    report: options.onProblem ?? throwUnlessAbsent,
    ...(netns === undefined ? {} : { netns }),
  };
}

/**
 * The query that options make.
 *
 * @throws RangeError for a word that names nothing
 * @throws FilterError for a wrong filter, or one with the name of a host
 */
export function readOptions(host: Host, options: SocketsOptions): Query {
  const selection = selectionOf(options);
  const { filter } = options;
  const parsed = filter === undefined ? undefined : withoutNames(readFilterText(host, filter, selection));
  return queryOf(host, options, selection, parsed);
}

/** {@link readOptions}, where names of hosts are looked up. */
export async function readOptionsAsync(host: Host, options: SocketsOptions): Promise<Query> {
  const selection = selectionOf(options);
  if (options.filter === undefined) return queryOf(host, options, selection, undefined);
  const parsed = await resolveHosts(readFilterText(host, options.filter, selection), host.resolver);
  return queryOf(host, options, selection, parsed);
}
