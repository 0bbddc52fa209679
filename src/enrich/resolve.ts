/** Host names of addresses: looked up side by side, each once, and never for longer than the deadline. */

import type { Resolver } from "../host/host.ts";
import { isMappedIpv4, isUnspecifiedIpv6 } from "../model/address.ts";

/**
 * Look-ups that are under way at a time, and after how many milliseconds as many more may be. A fast resolver never
 * has more to do than it takes at a time (dnsmasq refuses beyond 150), and a slow one does not cost one wait a batch.
 */
const CONCURRENCY = 64;
const GROWTH_MS = 100;

/** An address in bytes: 4 or 16 at `at`. */
export interface AddressAt {
  readonly data: DataView;
  readonly at: number;
  readonly length: number;
}

/** Names of addresses, as far as they are known. */
export interface ResolvedHosts {
  /** The name of an address, as bytes. */
  name(data: DataView, at: number, length: number): Uint8Array | undefined;
}

/** The bytes of an address as a key, one character each: those of the IPv4 address for a mapped one. */
export function addressKey(data: DataView, at: number, length: number): string {
  const start = length === 16 && isMappedIpv4(data, at) ? at + 12 : at;
  let key = "";
  for (let index = start; index < at + length; index++) key += String.fromCharCode(data.getUint8(index));
  return key;
}

/**
 * A resolver whose look-ups together take no longer than a deadline, counted from the first of them. What has no
 * answer by then is answered with nothing, whatever becomes of it later. The addresses of a name are looked up once.
 *
 * @param deadlineMs in milliseconds
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

/** Looks up the names of addresses. */
export async function resolveHosts(
  resolver: Resolver,
  addresses: Iterable<AddressAt>,
): Promise<ResolvedHosts> {
  const keys = new Set<string>();
  for (const { data, at, length } of addresses)
    if (length === 4 || !isUnspecifiedIpv6(data, at)) keys.add(addressKey(data, at, length));
  const names = new Map<string, Uint8Array>();
  const encoder = new TextEncoder();
  const queue = keys.values();
  const worker = async (): Promise<void> => {
    for (const key of queue) {
      const name = await resolver.name(Uint8Array.from(key, (character) => character.charCodeAt(0)));
      if (name !== undefined) names.set(key, encoder.encode(name));
    }
  };
  const workers: Promise<void>[] = [];
  const start = () => workers.push(...Array.from({ length: CONCURRENCY }, worker));
  start();
  const timer = setInterval(start, GROWTH_MS);
  // Those that start meanwhile are waited for, too.
  for (const each of workers) await each;
  clearInterval(timer);
  return { name: (data, at, length) => names.get(addressKey(data, at, length)) };
}
