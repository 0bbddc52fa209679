/** Reading a plan's filter in each network namespace that it looks into: interfaces differ between them. */
import type { RpcNames } from "../enrich/rpc.ts";
import type { Families } from "../families/index.ts";
import { FilterError } from "../filter/errors.ts";
import { type ParsedFilter, parseFilter } from "../filter/parser.ts";
import { readFilter } from "../filter/resolve.ts";
import { type FilterSource, sourceText } from "../filter/source.ts";
import { filterLookups } from "../lookup/filter-lookups.ts";
import { localPortRange } from "../lookup/names.ts";
import type { Place } from "../lookup/places.ts";
import type { Selection } from "../model/selection.ts";
import { type FindOwners, predicateOf } from "./predicate.ts";
import type { Predicate } from "./query.ts";

/** A network namespace with the filter as it holds there. */
export interface FilteredPlace extends Place {
  /** The selection, narrowed to the family that the filter names. */
  readonly selection: Selection;
  /** The compiled filter; undefined for none. */
  readonly predicate: Predicate | undefined;
}

/** What a filter is read with. */
export interface FilterReading {
  readonly selection: Selection;
  /** The families of the sockets that it selects. */
  readonly families: Families;
  /** Path of ip_local_port_range. */
  readonly portRange: string;
  /** Finds the owners of sockets, if the filter is about owners. */
  readonly findOwners: FindOwners;
  /** Looks up RPC programs, if the filter may have the name of one; left out: there are none. */
  readonly rpcNames?: (() => Promise<RpcNames>) | undefined;
}

function contextOf({ host }: Place, { selection: { tables, preferred } }: FilterReading) {
  return { tables, preferred, lookups: filterLookups(host) };
}

function filtered(place: Place, { filter, family }: ParsedFilter, reading: FilterReading): FilteredPlace {
  const { selection, families, portRange, findOwners } = reading;
  return {
    ...place,
    selection:
      family === undefined ? selection : { ...selection, families: new Set([family]), preferred: family },
    predicate: filter && predicateOf(filter, families, localPortRange(place.host, portRange), findOwners),
  };
}

/** One place at least, or what is wrong with the filter in all of them. */
function atLeastOne(
  found: readonly FilteredPlace[],
  problem: unknown,
): readonly [FilteredPlace, ...FilteredPlace[]] {
  const [first, ...rest] = found;
  if (first === undefined) throw problem;
  return [first, ...rest];
}

/**
 * Reads a filter in each place, looking up host names. A place is left out where the filter names an interface that is
 * not there.
 *
 * @throws FilterError if the filter is wrong in all places
 */
export async function filterPlaces(
  places: readonly Place[],
  source: FilterSource,
  reading: FilterReading,
): Promise<readonly [FilteredPlace, ...FilteredPlace[]]> {
  const found: FilteredPlace[] = [];
  let problem: unknown;
  const rpc = sourceText(source).includes("rpc.") ? await reading.rpcNames?.() : undefined;
  for (const place of places) {
    const context = contextOf(place, reading);
    const lookups = { ...context.lookups, ...(rpc && { rpcPorts: rpc.ports }) };
    try {
      const parsed = await readFilter(source, { ...context, lookups }, place.host.resolver);
      found.push(filtered(place, parsed, reading));
    } catch (error) {
      if (!(error instanceof FilterError)) throw error;
      problem ??= error;
    }
  }
  return atLeastOne(found, problem);
}

/**
 * {@link filterPlaces} for a filter without names of hosts, which take time to look up.
 *
 * @param onName is called for the first name of a host, and throws
 */
export function filterPlacesNow(
  places: readonly Place[],
  source: FilterSource,
  reading: FilterReading,
  onName: (name: ParsedFilter["names"][number]) => never,
): readonly [FilteredPlace, ...FilteredPlace[]] {
  const found: FilteredPlace[] = [];
  let problem: unknown;
  for (const place of places) {
    try {
      const parsed = parseFilter(source, contextOf(place, reading));
      const [name] = parsed.names;
      if (name !== undefined) onName(name);
      found.push(filtered(place, parsed, reading));
    } catch (error) {
      if (!(error instanceof FilterError)) throw error;
      problem ??= error;
    }
  }
  return atLeastOne(found, problem);
}
