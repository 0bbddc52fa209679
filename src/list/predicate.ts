/** Filters as the pipeline takes them: in the kernel as far as it goes, and beside it. */
import { filterLookups } from "../enrich/filter-lookups.ts";
import { once } from "../enrich/once.ts";
import { type Owner, processName } from "../enrich/processes.ts";
import { compilePrefilter } from "../filter/bytecode.ts";
import { compilePredicate } from "../filter/evaluate.ts";
import { detailsNeeded, isEarly } from "../filter/needs.ts";
import type { Lookups } from "../filter/operands.ts";
import { subjectOf } from "../filter/subjects.ts";
import { type Filter, predicatesOf } from "../filter/tree.ts";
import { parseUsers } from "../filter/users.ts";
import { weaken } from "../filter/weaken.ts";
import type { Host } from "../host/host.ts";
import type { Predicate, SocketBatch } from "./query.ts";

const decoder = new TextDecoder();

/** Looks for the owners of sockets. @returns who gives those of an inode */
export type FindOwners = (batches: readonly SocketBatch[]) => (inode: number) => readonly Owner[] | undefined;

/** What the words of a filter are looked up in. */
export function lookupsOf(host: Host): Lookups {
  const users = once(() => {
    try {
      return parseUsers(decoder.decode(host.files.read("/etc/passwd")));
    } catch {
      return new Map<string, number>();
    }
  });
  return { ...filterLookups(host), userId: (name) => users().get(name) };
}

/**
 * A filter as the pipeline needs it: what only owners decide is left open until these are known.
 *
 * @param findOwners is asked only if the filter is about owners
 * @throws TypeError if the filter has host names that were not resolved
 */
export function predicateOf(
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
