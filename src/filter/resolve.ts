/** Host names to addresses. */
import { FilterError, operandProblem } from "./errors.ts";
import { type FilterContext, type NamedHost, notAnAddress } from "./operands.ts";
import { type ParsedFilter, parseFilter } from "./parser.ts";
import { mapPredicates, type Predicate } from "./tree.ts";
import type { FilterSource } from "./words.ts";

/** Who knows the addresses of host names. */
export interface HostResolver {
  /** Addresses of a name (4 or 16 bytes each) of one family (AF_*), or of IPv4 and then IPv6. */
  addresses(name: string, family: number | undefined): Promise<readonly Uint8Array[]>;
}

/** Addresses of names, asked for in order. @throws FilterError for the first that has none */
async function lookUp(
  names: readonly NamedHost[],
  resolver: HostResolver,
): Promise<Map<NamedHost, readonly Uint8Array[]>> {
  const found = new Map<NamedHost, readonly Uint8Array[]>();
  for (const host of names) {
    const addresses = await resolver.addresses(host.name, host.family);
    if (addresses.length === 0)
      throw new FilterError(operandProblem(host.place, "an address", notAnAddress(host.name)));
    found.set(host, addresses);
  }
  return found;
}

/** Gives each host name of a filter its addresses. @throws FilterError for the first that has none */
export async function resolveHosts(parsed: ParsedFilter, resolver: HostResolver): Promise<ParsedFilter> {
  if (parsed.filter === undefined || parsed.names.length === 0) return parsed;
  const found = await lookUp(parsed.names, resolver);
  const resolve = (predicate: Predicate): Predicate => {
    const { operand } = predicate;
    if (operand === undefined || !("kind" in operand) || operand.kind !== "name") return predicate;
    const addresses = found.get(operand);
    return { ...predicate, operand: { ...operand, addresses } } as Predicate;
  };
  return { ...parsed, filter: mapPredicates(parsed.filter, resolve) };
}

/**
 * Parses a filter and resolves its host names.
 *
 * @throws FilterError for the first mistake from the left, as ss does: a name without address comes before a
 *   mistake that stands behind it
 */
export async function readFilter(
  source: FilterSource,
  context: FilterContext,
  resolver: HostResolver,
): Promise<ParsedFilter> {
  let parsed: ParsedFilter;
  try {
    parsed = parseFilter(source, context);
  } catch (error) {
    if (error instanceof FilterError) await lookUp(error.names, resolver);
    throw error;
  }
  return await resolveHosts(parsed, resolver);
}
