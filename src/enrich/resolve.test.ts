import { describe, expect, test } from "bun:test";
import type { Resolver } from "../host/host.ts";
import { type AddressAt, resolveHosts, withDeadline } from "./resolve.ts";

const decoder = new TextDecoder();

function at(...bytes: number[]): AddressAt {
  return { data: new DataView(Uint8Array.from(bytes).buffer), at: 0, length: bytes.length };
}

const mapped = at(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 0, 2, 1);
const unspecified = at(...Array(16).fill(0));

/** A resolver that answers each address with its bytes, and records the questions. */
function echo(): Resolver & { readonly queries: string[] } {
  const queries: string[] = [];
  return {
    queries,
    addresses: async () => [Uint8Array.of(192, 0, 2, 1)],
    async name(address) {
      queries.push(address.join("."));
      return `host-${address.join("-")}`;
    },
    rpcServices: async () => [],
  };
}

/** A resolver that never answers. */
const silent: Resolver = {
  addresses: () => new Promise(() => undefined),
  name: () => new Promise(() => undefined),
  rpcServices: () => new Promise(() => undefined),
};

function nameOf({ data, at, length }: AddressAt, hosts: Awaited<ReturnType<typeof resolveHosts>>) {
  const name = hosts.name(data, at, length);
  return name && decoder.decode(name);
}

describe("resolveHosts()", () => {
  test("looks up each address once, a mapped one as IPv4, and not the unspecified one of IPv6", async () => {
    const resolver = echo();
    const hosts = await resolveHosts(resolver, [at(192, 0, 2, 1), mapped, unspecified, at(192, 0, 2, 1)]);
    expect(resolver.queries).toEqual(["192.0.2.1"]);
    expect(nameOf(mapped, hosts)).toBe("host-192-0-2-1");
    expect(nameOf(unspecified, hosts)).toBeUndefined();
  });

  test("looks up concurrently: all look-ups start before the first is answered", async () => {
    const open: (() => void)[] = [];
    const count = 300;
    const resolver: Resolver = {
      ...silent,
      name: () =>
        new Promise((resolve) => {
          open.push(() => resolve("host"));
          if (open.length === count) for (const answer of open) answer();
        }),
    };
    const addresses = Array.from({ length: count }, (_, index) => at(10, 0, index >> 8, index & 0xff));
    const hosts = await resolveHosts(resolver, addresses);
    expect(addresses.every((each) => nameOf(each, hosts) === "host")).toBe(true);
  });
});

describe("withDeadline()", () => {
  test("returns nothing after the deadline", async () => {
    const resolver = withDeadline(silent, 1);
    expect(await resolver.name(Uint8Array.of(192, 0, 2, 1))).toBeUndefined();
    expect(await resolver.addresses("example.org", undefined)).toEqual([]);
  });

  test("looks up the addresses of a name once", async () => {
    let queries = 0;
    const resolver = withDeadline({ ...echo(), addresses: async () => [Uint8Array.of(++queries)] }, 10_000);
    for (let time = 0; time < 2; time++)
      expect(await resolver.addresses("example.org", 2)).toEqual([Uint8Array.of(1)]);
    expect(await resolver.addresses("example.org", undefined)).toEqual([Uint8Array.of(2)]);
  });

  test("starts no look-up after the deadline", async () => {
    const inner = echo();
    const resolver = withDeadline(inner, 0);
    expect(await resolver.name(Uint8Array.of(192, 0, 2, 1))).toBeUndefined();
    expect(inner.queries).toEqual([]);
  });

  test("keeps the names that came in time", async () => {
    const inner = echo();
    const half: Resolver = {
      ...inner,
      name: (address) => (address[3] === 1 ? inner.name(address) : silent.name(address)),
    };
    const hosts = await resolveHosts(withDeadline(half, 50), [at(192, 0, 2, 1), at(192, 0, 2, 2)]);
    expect(nameOf(at(192, 0, 2, 1), hosts)).toBe("host-192-0-2-1");
    expect(nameOf(at(192, 0, 2, 2), hosts)).toBeUndefined();
  });

  test("passes on the answers of a resolver in time, and its errors", async () => {
    const resolver = withDeadline(echo(), 10_000);
    expect(await resolver.addresses("example.org", undefined)).toEqual([Uint8Array.of(192, 0, 2, 1)]);
    const failing = withDeadline({ ...silent, name: () => Promise.reject(new Error("broken")) }, 10_000);
    expect(failing.name(Uint8Array.of(192, 0, 2, 1))).rejects.toThrow("broken");
  });
});
