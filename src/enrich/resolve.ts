/** Looks up the host names of addresses: concurrently, each address once, and within a deadline. */

import { encodeBytes } from "../bytes/text.ts";
import type { Resolver } from "../host/host.ts";
import { isMappedIpv4, isUnspecifiedIpv6 } from "../model/address.ts";

/**
 * Concurrent look-ups, and after how many milliseconds as many more may start. So a fast resolver is never overrun
 * (dnsmasq refuses more than 150), and a slow one does not cost one wait per batch.
 */
const CONCURRENCY = 64;
const GROWTH_MS = 100;

/** The bytes of an address: 4 or 16 of them at `at`. */
export interface AddressAt {
  readonly data: DataView;
  readonly at: number;
  readonly length: number;
}

/** The names that were found. */
export interface ResolvedHosts {
  /** The name of an address, as bytes. */
  name(data: DataView, at: number, length: number): Uint8Array | undefined;
}

/** A key for an address: one character per byte. An IPv4-mapped address has the key of its IPv4 address. */
export function addressKey(data: DataView, at: number, length: number): string {
  const start = length === 16 && isMappedIpv4(data, at) ? at + 12 : at;
  let key = "";
  for (let index = start; index < at + length; index++) key += String.fromCharCode(data.getUint8(index));
  return key;
}

/**
 * Limits the time of a resolver. Look-ups without an answer at the deadline find nothing. The addresses of a name are
 * looked up once.
 *
 * @param deadlineMs milliseconds from the first look-up to the end of all
 */
export function withDeadline(resolver: Resolver, deadlineMs: number): Resolver {
  let end: number | undefined;
  async function inTime<T>(lookUp: () => Promise<T>, otherwise: T): Promise<T> {
    end ??= performance.now() + deadlineMs;
    const left = end - performance.now();
    if (left <= 0) return otherwise;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const tooLate = new Promise<T>((resolve) => {
      timer = setTimeout(resolve, left, otherwise);
    });
    try {
      return await Promise.race([lookUp(), tooLate]);
    } finally {
      clearTimeout(timer);
    }
  }
  const known = new Map<string, Promise<Uint8Array[]>>();
  return {
    addresses(name, family) {
      const key = `${family} ${name}`;
      const found = known.get(key) ?? inTime(() => resolver.addresses(name, family), []);
      known.set(key, found);
      return found;
    },
    name: (address) => inTime<string | undefined>(() => resolver.name(address), undefined),
    rpcServices: () => inTime(() => resolver.rpcServices(), []),
  };
}

/** Looks up the names of addresses. The unspecified address of IPv6 has none. */
export async function resolveHosts(
  resolver: Resolver,
  addresses: Iterable<AddressAt>,
): Promise<ResolvedHosts> {
  const keys = new Set<string>();
  for (const { data, at, length } of addresses)
    if (length === 4 || !isUnspecifiedIpv6(data, at)) keys.add(addressKey(data, at, length));
  const names = new Map<string, Uint8Array>();
  const queue = keys.values();
  const worker = async (): Promise<void> => {
    for (const key of queue) {
      const name = await resolver.name(Uint8Array.from(key, (character) => character.charCodeAt(0)));
      if (name !== undefined) names.set(key, encodeBytes(name));
    }
  };
  const workers: Promise<void>[] = [];
  const start = () => workers.push(...Array.from({ length: CONCURRENCY }, worker));
  start();
  const timer = setInterval(start, GROWTH_MS);
  // The timer may add workers during the loop.
  for (const each of workers) await each;
  clearInterval(timer);
  return { name: (data, at, length) => names.get(addressKey(data, at, length)) };
}
