/** Compiles filters for the pipeline: bytecode for the kernel, and a function for the rest. */
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

/** The owners and containers of sockets. */
export interface Holders {
  /** The processes that have the socket with this inode open. */
  owners(inode: number): readonly Owner[] | undefined;
  /** The container of a socket. Undefined unless containers are looked up. */
  container?(socket: Socket): Container | undefined;
}

/** Finds the owners of sockets. */
export type FindOwners = (batches: readonly SocketBatch[]) => Holders;

/** The names that match a container: its name, its id and its label. */
function containerNames(container: Container | undefined): readonly Uint8Array[] {
  if (container === undefined) return [];
  const { name, id } = container;
  return [containerLabel(container), id, ...(name === undefined ? [] : [name])].map((text) =>
    encoder.encode(text),
  );
}

/**
 * Compiles a filter. Predicates about owners stay undecided until the owners are known.
 *
 * @param families the families of the sockets to test
 * @param portRange the ports that the kernel gives to clients; called only if the filter tests them
 * @param findOwners called only if the filter tests owners
 * @throws TypeError if the filter has host names that were not resolved
 */
export function predicateOf(
  filter: Filter,
  families: Families,
  portRange: () => readonly [low: number, high: number],
  findOwners: FindOwners,
): Predicate {
  const subjectOf = (socket: Socket) => familyOf(families, socket.kind).subject(socket);
  const known = <Holding extends object>(holding: Holding) => ({
    ...holding,
    get portRange() {
      const [low, high] = portRange();
      return { low, high };
    },
  });
  const early = relax(filter, isEarly);
  const mayPass = early && compileFilter(early, known({}));
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
    withOwners(candidates) {
      const holders = findOwners(candidates);
      const owners = (inode: number) =>
        (holders.owners(inode) ?? []).map(({ pid, stat }) => ({ pid, name: processName(stat) }));
      const container = (socket: Socket) => containerNames(holders.container?.(socket));
      const passes = compileFilter(filter, known({ owners, container }));
      return (socket) => passes(subjectOf(socket));
    },
  };
}
