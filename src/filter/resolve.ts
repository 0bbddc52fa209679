/** Looks up the host names of a filter. */
import { FilterError } from "./errors.ts";
import type { NamedHost } from "./operands.ts";
import { type ParsedFilter, parseFilter } from "./parser.ts";
import type { FilterContext } from "./reading.ts";
import type { FilterSource } from "./source.ts";
import { type FilterPredicate, mapPredicates } from "./tree.ts";

/** Finds the addresses of host names. */
export interface HostResolver {
  /** Addresses of a name, 4 or 16 bytes each. @param family AF_*; undefined: IPv4 addresses, then IPv6 addresses */
  addresses(name: string, family: number | undefined): Promise<readonly Uint8Array[]>;
}

/** Looks up names in order. @throws FilterError for the first name without an address */
async function lookUp(
  names: readonly NamedHost[],
  resolver: HostResolver,
): Promise<Map<NamedHost, readonly Uint8Array[]>> {
  const found = new Map<NamedHost, readonly Uint8Array[]>();
  for (const host of names) {
    const addresses = await resolver.addresses(host.name, host.family);
    if (addresses.length === 0) {
      const { position, name: text } = host;
      throw new FilterError({ kind: "address", position, expected: "an address", text });
    }
    found.set(host, addresses);
  }
  return found;
}

/** Gives each host name of a filter its addresses. @throws FilterError for the first name without an address */
export async function resolveHosts(parsed: ParsedFilter, resolver: HostResolver): Promise<ParsedFilter> {
  if (parsed.filter === undefined || parsed.names.length === 0) return parsed;
  const found = await lookUp(parsed.names, resolver);
  const resolve = (predicate: FilterPredicate): FilterPredicate => {
    const { operand } = predicate;
    const addresses = found.get(operand as NamedHost);
    return addresses === undefined
      ? predicate
      : ({ ...predicate, operand: { ...operand, addresses } } as FilterPredicate);
  };
  return { ...parsed, filter: mapPredicates(parsed.filter, resolve) };
}

/**
 * Parses a filter and looks up its host names.
 *
 * @throws FilterError for the first mistake from the left, as ss does: a name without an address is reported before a
 *   mistake behind it
 */
export async function readFilter(
  source: FilterSource,
  context: FilterContext,
  resolver: HostResolver,
): Promise<ParsedFilter> {
  const names: NamedHost[] = [];
  let parsed: ParsedFilter;
  try {
    parsed = parseFilter(source, context, names);
  } catch (error) {
    if (error instanceof FilterError) await lookUp(names, resolver);
    throw error;
  }
  return await resolveHosts(parsed, resolver);
}
