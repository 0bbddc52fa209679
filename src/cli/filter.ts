/** The filter of a command line: what it makes of the selection, and what is said of a wrong one. */
import { filterLookups } from "../enrich/filter-lookups.ts";
import { localPortRange } from "../enrich/names.ts";
import { once } from "../enrich/once.ts";
import { type Owner, processName } from "../enrich/processes.ts";
import { compilePrefilter } from "../filter/bytecode.ts";
import { pointOut, printable } from "../filter/caret.ts";
import type { FilterError } from "../filter/errors.ts";
import { compilePredicate } from "../filter/evaluate.ts";
import { detailsNeeded, isEarly } from "../filter/needs.ts";
import type { Lookups } from "../filter/operands.ts";
import { readFilter } from "../filter/resolve.ts";
import { subjectOf } from "../filter/subjects.ts";
import { type Filter, predicatesOf } from "../filter/tree.ts";
import { parseUsers } from "../filter/users.ts";
import { weaken } from "../filter/weaken.ts";
import type { FilterSource } from "../filter/words.ts";
import type { Host } from "../host/host.ts";
import type { Selection } from "../model/selection.ts";
import type { Predicate, SocketBatch } from "../query.ts";
import { usage } from "./help.ts";
import { narrowToFamily } from "./select.ts";
import type { World } from "./world.ts";

/** A selection as a filter has left it. */
export interface Filtered {
  readonly selection: Selection;
  readonly predicate: Predicate | undefined;
}

/** Looks for the owners of sockets. @returns who gives those of an inode */
export type FindOwners = (batches: readonly SocketBatch[]) => (inode: number) => readonly Owner[] | undefined;

/** Columns of a terminal that does not tell its width. */
const USUAL_COLUMNS = 80;

const decoder = new TextDecoder();

/** What the words of a filter are looked up in. */
function lookupsOf(host: Host): Lookups {
  const users = once(() => {
    try {
      return parseUsers(decoder.decode(host.files.read("/etc/passwd")));
    } catch {
      return new Map<string, number>();
    }
  });
  return { ...filterLookups(host), userId: (name) => users().get(name) };
}

/** A filter as the pipeline needs it: what only owners decide is left open until these are known. */
function predicateOf(
  filter: Filter,
  portRange: readonly [low: number, high: number],
  findOwners: FindOwners,
): Predicate {
  const [low, high] = portRange;
  const known = { portRange: { low, high } };
  const early = weaken(filter, isEarly);
  const mayPass = early && compilePredicate(early, known);
  const predicate: Predicate = {
    bytecode: compilePrefilter(filter),
    details: detailsNeeded(filter),
    accepts: (socket) => mayPass?.(subjectOf(socket)) ?? true,
  };
  if ([...predicatesOf(filter)].every(isEarly)) return predicate;
  return {
    ...predicate,
    settle(candidates) {
      const ownersOf = findOwners(candidates);
      const owners = (inode: number) =>
        (ownersOf(inode) ?? []).map(({ pid, stat }) => ({ pid, name: processName(stat) }));
      const passes = compilePredicate(filter, { ...known, owners });
      return (socket) => passes(subjectOf(socket));
    },
  };
}

/**
 * Reads the filter.
 *
 * @param portRangePath where ip_local_port_range stands
 * @param findOwners is asked only if the filter is about owners
 * @throws FilterError
 */
export async function applyFilter(
  { program }: World,
  host: Host,
  selection: Selection,
  source: FilterSource,
  portRangePath: string,
  findOwners: FindOwners,
): Promise<Filtered> {
  const { tables, preferred } = selection;
  const context = { program, tables, preferred, lookups: lookupsOf(host) };
  const { filter, family } = await readFilter(source, context, host.resolver);
  const narrowed = family === undefined ? selection : narrowToFamily(selection, family);
  if (filter === undefined) return { selection: narrowed, predicate: undefined };
  const portRange = localPortRange(host, portRangePath);
  return { selection: narrowed, predicate: predicateOf(filter, portRange, findOwners) };
}

/** What a wrong filter is answered with: ss's words, and on a terminal the place and what was expected there. */
export function filterComplaint(world: World, error: FilterError, source: FilterSource): string {
  const { terminalColumns } = world.stderr;
  const help = error.usage ? usage(world) : "";
  if (terminalColumns === undefined) return `${error.report}${help}`;
  const line = pointOut(source, error, terminalColumns || USUAL_COLUMNS, (text) => Bun.stringWidth(text));
  return `${printable(error.report)}${help}${line} expected ${error.expected}\n`;
}
