/** Parses a plan's filter once per network namespace, because interface indexes differ between them. */

import { once } from "../enrich/once.ts";
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

/** A network namespace with the filter compiled for it. */
export interface FilteredPlace extends Place {
  /** The selection, narrowed to the family that the filter names. */
  readonly selection: Selection;
  /** The compiled filter; undefined for none. */
  readonly predicate: Predicate | undefined;
}

/** Inputs for parsing a filter. */
export interface FilterReading {
  readonly selection: Selection;
  /** The families of the sockets that it selects. */
  readonly families: Families;
  /** Path of ip_local_port_range. */
  readonly portRange: string;
  /** Finds the owners of sockets. Called only if the filter tests owners. */
  readonly findOwners: FindOwners;
  /** Looks up the names of RPC programs in the filter. Default: no RPC names. */
  readonly rpcNames?: (() => Promise<RpcNames>) | undefined;
}

function contextOf({ host }: Place, { selection: { tables, preferred } }: FilterReading) {
  return { tables, preferred, lookups: filterLookups(host) };
}

function filtered(place: Place, { filter, family }: ParsedFilter, reading: FilterReading): FilteredPlace {
  const { selection, families, portRange, findOwners } = reading;
  const range = once(() => localPortRange(place.host, portRange));
  return {
    ...place,
    selection:
      family === undefined ? selection : { ...selection, families: new Set([family]), preferred: family },
    predicate: filter && predicateOf(filter, families, range, findOwners),
  };
}

/** The places, if there is at least one. @throws FilterError if the filter is wrong in every place */
function atLeastOne(
  found: readonly FilteredPlace[],
  problem: unknown,
): readonly [FilteredPlace, ...FilteredPlace[]] {
  const [first, ...rest] = found;
  if (first === undefined) throw problem;
  return [first, ...rest];
}

/**
 * Parses a filter for each place, and looks up its host names. Leaves out a place without an interface that the filter
 * names.
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
 * Like {@link filterPlaces}, for a filter without host names, which would take time to look up.
 *
 * @param onName called for the first host name; must throw
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
