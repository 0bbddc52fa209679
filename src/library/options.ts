/** What users of the library ask for, and the plan that is made of it. */

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

/** What messages of ss about filters begin with. */

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

const everything: Selection = selectionOf({});

/** Parses a filter that may name hosts. @throws FilterError */
export function readFilterText(host: Host, text: string): ParsedFilter {
  const { tables, preferred } = everything;
  return parseFilter({ args: [text] }, { tables, preferred, lookups: filterLookups(host) });
}

/** Refuses the name of a host, which takes time to look up. @throws FilterError always */
export function refuseName({ name: text, position }: ParsedFilter["names"][number]): never {
  throw new FilterError({ kind: "name", position, expected: "an address", text });
}

/** The options that are demands, by their names. */
const demandOptions = ["memory", "info", "tos", "extended"] as const satisfies readonly Demand[];

/** The plan of options. @throws RangeError for a word that names no table, family or state */
export function planOf(options: SocketsOptions): Plan {
  const { filter } = options;
  return {
    selection: selectionOf(options),
    filter: filter === undefined ? undefined : { args: [filter] },
    allNetns: false,
    sources: sourcesOf({}),
    // toJSON() shows the owner of a socket of any family; only UNIX sockets send it on demand.
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

/** How sockets are queried for the library. */
export function contextOf(
  host: Host,
  { onProblem, netns }: SocketsOptions,
): QueryContext & { readonly parts: AllParts } {
  const report = onProblem ?? throwUnlessAbsent;
  return { host, parts: allParts, describe: describeBare, keep: true, netns, report };
}
