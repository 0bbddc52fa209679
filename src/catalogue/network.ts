/** The network that an address belongs to, for grouping: `peer.address/24`. */

/** How many leading bits count. */
export interface PrefixLengths {
  readonly inet: number;
  readonly inet6: number;
}

/** Bits of an IPv4 and of an IPv6 address. */
const BITS = { inet: 32, inet6: 128 } as const;

/** The IPv6 prefix length if only the IPv4 one is given: one subnet of a site. */
const USUAL_INET6 = 64;

/**
 * The prefix lengths of `/N` or `/N/M`. One number up to 32 is for IPv4, with /64 for IPv6; a larger one is for
 * IPv6, with whole addresses of IPv4.
 *
 * @returns undefined if a number is too large
 */
export function prefixLengths(first: number, second?: number): PrefixLengths | undefined {
  if (first > (second === undefined ? BITS.inet6 : BITS.inet) || (second ?? 0) > BITS.inet6) return undefined;
  if (second !== undefined) return { inet: first, inet6: second };
  return first <= BITS.inet ? { inet: first, inet6: USUAL_INET6 } : { inet: BITS.inet, inet6: first };
}

/** The 16-bit groups of an IPv6 address as our own text has it, RFC 5952. */
function inet6Groups(address: string): number[] {
  const [head = "", tail] = address.split("::");
  const groups = (text: string) =>
    text === "" ? [] : text.split(":").map((digits) => Number.parseInt(digits, 16));
  const [before, after] = [groups(head), groups(tail ?? "")];
  return [...before, ...new Array<number>(8 - before.length - after.length).fill(0), ...after];
}

/** The groups with all bits beyond `bits` set to zero. */
function masked(groups: readonly number[], width: number, bits: number): number[] {
  return groups.map((group, index) => {
    const kept = Math.min(width, Math.max(0, bits - index * width));
    return group & ~(2 ** (width - kept) - 1);
  });
}

/** Text of an IPv6 network: the groups up to the prefix's end, then `::`. */
function inet6Text(groups: readonly number[]): string {
  const end = groups.findLastIndex((group) => group !== 0) + 1;
  const shown = groups.slice(0, end).map((group) => group.toString(16));
  return end === groups.length ? shown.join(":") : `${shown.join(":")}::`;
}

/**
 * The network of an address, `10.1.2.0/24`. An IPv4 address inside an IPv6 one (`::ffff:10.1.2.3`) counts as IPv4:
 * to a listener of both it is the same client.
 *
 * @param address as the `address` columns have it
 */
export function networkOf(address: string, { inet, inet6 }: PrefixLengths): string {
  const ipv4 = /^(?:::ffff:)?(\d+\.\d+\.\d+\.\d+)$/.exec(address)?.[1];
  if (ipv4 !== undefined) return `${masked(ipv4.split(".").map(Number), 8, inet).join(".")}/${inet}`;
  if (address.includes(".")) return `${address}/${BITS.inet6}`;
  return `${inet6Text(masked(inet6Groups(address), 16, inet6))}/${inet6}`;
}
