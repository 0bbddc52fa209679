/** The options of the library's functions, and their translation into a plan. */

import { describeBare } from "../catalogue/describe.ts";
import { FilterError } from "../filter/errors.ts";
import { type ParsedFilter, parseFilter } from "../filter/parser.ts";
import type { Host } from "../host/host.ts";
import type { Netns } from "../host/namespaces.ts";
import { filterLookups } from "../lookup/filter-lookups.ts";
import { type Demand, demandSet } from "../model/demand.ts";
import {
  allTables,
  defaultTables,
  type Family,
  families as familyTable,
  type Selection,
  type Table,
  tables as tableTable,
} from "../model/selection.ts";
import { stateGroups, stateMask } from "../model/state.ts";
import type { Plan } from "../plan/plan.ts";
import { sourcesOf } from "../procfs/source.ts";
import { type AllParts, allParts } from "../query/all-parts.ts";
import type { QueryContext } from "../query/open.ts";
import type { Problem } from "../query/query.ts";

/** Selects sockets. Every option is optional. */
export interface SelectionOptions {
  /** Tables, with the names of `ss -A`. Default: the tables of `families`; without these, all except `tipc`, like ss. */
  readonly tables?: readonly Table[];
  /** Address families, with the names of `ss -f`. Default: the families of the tables. */
  readonly families?: readonly Family[];
  /**
   * A filter in ss's language and its extensions (docs/filter.md): `"dport = :443 and rtt > 50ms"`. It has no state
   * words; use the option `states`.
   */
  readonly filter?: string;
  /** The network namespace, from `netnsList`. Default: our own. */
  readonly netns?: Netns;
}

/** Selects sockets, and requests details. Every option is optional. */
export interface SocketsOptions extends SelectionOptions {
  /** States or groups of states, with the words that follow `state` in ss's filter. Default: all. */
  readonly states?: readonly string[];
  /** Requests socket memory, like `ss -m`. */
  readonly memory?: boolean;
  /** Requests tcp_info, mptcp_info or sctp_info, and the congestion control, like `ss -i`. */
  readonly info?: boolean;
  /** Requests type of service, traffic class and class id, like `ss --tos`. */
  readonly tos?: boolean;
  /** Requests further details of a family, like `ss -e`. */
  readonly extended?: boolean;
  /**
   * Receives every problem, and the listing continues. Default: throws a {@link NetlinkError} if no netlink socket can
   * be opened, or if the kernel refuses a request although it has the table. Other problems are ignored.
   */
  readonly onProblem?: (problem: Problem) => void;
}

/** Ends an asynchronous listing or stream early. */
export interface Abortable {
  /** When it is aborted, the iteration throws its reason instead of returning the next value. */
  readonly signal?: AbortSignal;
}

/** The program name in ss's messages about filters. */

const ENOENT = 2;
const EINVAL = 22;
const EOPNOTSUPP = 95;

/** The errnos of a kernel that does not have a table. */
const absent: ReadonlySet<number> = new Set([ENOENT, EINVAL, EOPNOTSUPP]);

function throwUnlessAbsent(problem: Problem): void {
  const { kind } = problem;
  if (kind === "socket" || kind === "undecodable") throw problem.error;
  if (kind === "refused" && (problem.partial || !absent.has(problem.error.errno))) throw problem.error;
}

function maskOf(words: readonly string[] | undefined): number {
  if (words === undefined) return stateGroups.all;
  return words.reduce((mask, word) => {
    const named = stateMask(word);
    if (named === undefined) throw new RangeError(`Cannot list sockets: "${word}" is not a state`);
    return mask | named;
  }, 0);
}

/** The value of a name in a table. @throws RangeError for an unknown name */
function named<T>(table: Readonly<Record<string, T>>, name: string, what: string): T {
  if (!Object.hasOwn(table, name)) throw new RangeError(`Cannot list sockets: "${name}" is not a ${what}`);
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

const everything: Selection = selectionOf({});

/** Parses a filter that may contain host names. @throws FilterError */
export function readFilterText(host: Host, text: string): ParsedFilter {
  const { tables, preferred } = everything;
  return parseFilter({ args: [text] }, { tables, preferred, lookups: filterLookups(host) });
}

/** Rejects a host name in a synchronous call, because looking it up takes time. @throws FilterError always */
export function refuseName({ name: text, position }: ParsedFilter["names"][number]): never {
  throw new FilterError({ kind: "name", position, expected: "an address", text });
}

/** The options that are demands of the same name. */
const demandOptions = ["memory", "info", "tos", "extended"] as const satisfies readonly Demand[];

/** The plan for a user's options. @throws RangeError for an unknown table, family or state */
export function planOf(options: SocketsOptions): Plan {
  const { filter } = options;
  return {
    selection: selectionOf(options),
    filter: filter === undefined ? undefined : { args: [filter] },
    allNetns: false,
    sources: sourcesOf({}),
    // toJSON() shows the uid of every socket. Only for UNIX sockets must it be requested.
    demands: demandSet(
      ["uid"],
      demandOptions.filter((name) => options[name]),
    ),
    bpfMapIds: [],
    serviceNames: false,
    order: { sort: [] },
    kill: false,
  };
}

/** The query context of a library call. */
export function contextOf(
  host: Host,
  { onProblem, netns }: SocketsOptions,
): QueryContext & { readonly parts: AllParts } {
  const report = onProblem ?? throwUnlessAbsent;
  return { host, parts: allParts, describe: describeBare, keep: true, netns, report };
}
