/** Filters as the pipeline takes them: in the kernel as far as it goes, and beside it. */
import { type Container, containerLabel } from "../enrich/containers.ts";
import { type Owner, processName } from "../enrich/processes.ts";
import { type Families, familyOf } from "../families/index.ts";
import type { Socket } from "../families/socket.ts";
import { compilePrefilter, isExact } from "../filter/bytecode.ts";
import { compileFilter } from "../filter/evaluate.ts";
import { demandsOf, isEarly } from "../filter/needs.ts";
import { relax } from "../filter/relax.ts";
import { type Filter, predicatesOf } from "../filter/tree.ts";
import type { Predicate, SocketBatch } from "./query.ts";

const encoder = new TextEncoder();

/** Who holds sockets. */
export interface Holders {
  /** Who has the socket of an inode open. */
  owners(inode: number): readonly Owner[] | undefined;
  /** The container of a socket, where that is looked for. */
  container?(socket: Socket): Container | undefined;
}

/** Looks for those who hold sockets. */
export type FindOwners = (batches: readonly SocketBatch[]) => Holders;

/** What a container goes by. */
function containerNames(container: Container | undefined): readonly Uint8Array[] {
  if (container === undefined) return [];
  const { name, id } = container;
  return [containerLabel(container), id, ...(name === undefined ? [] : [name])].map((text) =>
    encoder.encode(text),
  );
}

/**
 * A filter as the pipeline needs it: what only owners decide is left open until these are known.
 *
 * @param families those of the sockets that it will be given
 * @param findOwners is asked only if the filter is about owners
 * @throws TypeError if the filter has host names that were not resolved
 */
export function predicateOf(
  filter: Filter,
  families: Families,
  portRange: readonly [low: number, high: number],
  findOwners: FindOwners,
): Predicate {
  const subjectOf = (socket: Socket) => familyOf(families, socket.kind).subject(socket);
  const [low, high] = portRange;
  const known = { portRange: { low, high } };
  const early = relax(filter, isEarly);
  const mayPass = early && compileFilter(early, known);
  const bytecode = compilePrefilter(filter);
  const predicate: Predicate = {
    bytecode,
    exact: bytecode !== undefined && isExact(filter),
    demands: demandsOf(filter),
    accepts: (socket) => mayPass?.(subjectOf(socket)) ?? true,
  };
  if ([...predicatesOf(filter)].every(isEarly)) return predicate;
  return {
    ...predicate,
    settle(candidates) {
      const holders = findOwners(candidates);
      const owners = (inode: number) =>
        (holders.owners(inode) ?? []).map(({ pid, stat }) => ({ pid, name: processName(stat) }));
      const container = (socket: Socket) => containerNames(holders.container?.(socket));
      const passes = compileFilter(filter, { ...known, owners, container });
      return (socket) => passes(subjectOf(socket));
    },
  };
}
