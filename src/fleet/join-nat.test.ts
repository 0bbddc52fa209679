import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { type End, endColumns, identityOf, readEnd } from "./ends.ts";
import { joinEnds, type Seen } from "./join.ts";
import type { NatFacts, Translation } from "./translations.ts";

type Facts = Readonly<Record<string, unknown>>;

/** An address with its port, from `10.0.0.1:80`. */
function at(text: string) {
  const colon = text.lastIndexOf(":");
  return { address: text.slice(0, colon), port: Number(text.slice(colon + 1)) };
}

function end(host: string, local: string, peer: string, facts: Facts = {}): End {
  const row: Facts = {
    state: "ESTAB",
    "local.address": at(local).address,
    "local.port": at(local).port,
    "peer.address": at(peer).address,
    "peer.port": at(peer).port,
    cookie: `${host} ${local} ${peer}`,
    ...facts,
  };
  return readEnd(
    host,
    endColumns.map((name) => (row[name] ?? null) as never),
  )!;
}

/** A translation, as `from to` before and after. */
function nat(host: string, before: string, after: string): Translation {
  const flow = (text: string) => {
    const [from, to] = text.split(" ") as [string, string];
    return { from: at(from), to: at(to) };
  };
  return { hosts: new Set([host]), before: flow(before), after: flow(after) };
}

const plain: NatFacts = { forwards: false, readable: true };
const router: NatFacts = { forwards: true, readable: true };
const hidden: NatFacts = { forwards: true, readable: false };

describe("joinEnds() through NAT", () => {
  const client = end("a", "172.17.0.2:40000", "10.0.0.9:80", { netns: "c1" });
  const server = end("d", "10.0.0.9:80", "10.0.0.1:61000");
  const masquerade = nat("a", "172.17.0.2:40000 10.0.0.9:80", "10.0.0.1:61000 10.0.0.9:80");
  const context = { translations: [masquerade], nat: new Map([["a", router]]) };

  test("joins both ends, and keeps the translation", () => {
    const { pairs } = joinEnds([server, client], context);
    expect(pairs).toEqual([{ client, server, translation: masquerade }]);
  });

  test("a client elsewhere with the same addresses is not joined instead, nor does it disturb", () => {
    const other = end("b", "172.17.0.2:40000", "10.0.0.9:80", { netns: "c1" });
    const { pairs, ambiguous } = joinEnds([server, other, client], context);
    expect(pairs.map((pair) => pair.client)).toEqual([client]);
    expect(ambiguous).toEqual([other]);
  });

  test("an end behind its own host's NAT is not joined with the mirrored one", () => {
    const mirrored = end("d", "10.0.0.9:80", "172.17.0.2:40000");
    const { pairs, outside } = joinEnds([client, mirrored], context);
    expect(pairs).toEqual([]);
    expect(outside).toEqual([]);
    expect(joinEnds([client, mirrored, server], context).pairs).toEqual([
      { client, server, translation: masquerade },
    ]);
  });

  test("two clients that one translation on a third host may mean are ambiguous", () => {
    const gateway = { ...masquerade, hosts: new Set(["gw"]) };
    const twin = end("b", "172.17.0.2:40000", "10.0.0.9:80");
    const { pairs, ambiguous } = joinEnds([client, twin, server], { translations: [gateway] });
    expect(pairs).toEqual([]);
    expect(ambiguous).toHaveLength(3);
    expect(joinEnds([client, server], { translations: [gateway] }).pairs).toHaveLength(1);
  });

  test("hosts with one private address behind gateways of their own", () => {
    const site = (name: string, port: number, outer: string) => ({
      inner: end(`${name}-web`, `192.168.0.5:${port}`, "203.0.113.9:443"),
      far: end("cloud", "203.0.113.9:443", outer),
      gateway: nat(`${name}-gw`, `192.168.0.5:${port} 203.0.113.9:443`, `${outer} 203.0.113.9:443`),
    });
    const ends = (sites: readonly ReturnType<typeof site>[]) =>
      sites.flatMap(({ inner, far }) => [inner, far]);
    const join = (...sites: readonly ReturnType<typeof site>[]) =>
      joinEnds(ends(sites), { translations: sites.map(({ gateway }) => gateway) });
    const [one, other] = [site("s1", 40000, "198.51.100.1:5000"), site("s2", 40001, "198.51.100.2:5000")];
    expect(join(one, other).pairs).toMatchObject([
      { client: one.inner, server: one.far },
      { client: other.inner, server: other.far },
    ]);
    // With the same port, nothing says which gateway has which host behind it.
    const twin = site("s2", 40000, "198.51.100.2:5000");
    expect(join(one, twin)).toMatchObject({ pairs: [], missing: [], outside: [] });
    expect(join(one, twin).ambiguous).toHaveLength(4);
  });

  test("two gateways with the same table are one NAT", () => {
    const both = ["gw1", "gw2"].map((host) => ({ ...masquerade, hosts: new Set([host]) }));
    expect(joinEnds([client, server], { translations: both }).pairs).toHaveLength(1);
  });

  test("follows NATs that stand behind each other", () => {
    const second = nat("lb", "10.0.0.1:61000 10.0.0.9:80", "10.0.0.5:62000 10.0.0.10:8080");
    const backend = end("e", "10.0.0.10:8080", "10.0.0.5:62000");
    const { pairs } = joinEnds([client, backend], { translations: [second, masquerade] });
    expect(pairs).toMatchObject([{ client, server: backend }]);
    expect([...pairs[0]!.translation!.hosts]).toEqual(["a", "lb"]);
  });

  test("a missing end is looked for where the translation leads", () => {
    const listener = end("c", "0.0.0.0:8080", "0.0.0.0:0", { state: "LISTEN" });
    const caller = end("a", "10.0.0.1:5000", "10.0.0.5:80", { state: "SYN-SENT" });
    const forwarded = nat("lb", "10.0.0.1:5000 10.0.0.5:80", "10.0.0.5:6000 10.0.0.7:8080");
    const addresses = new Map([
      ["lb", ["10.0.0.5"]],
      ["c", ["10.0.0.7"]],
    ]);
    const { missing, listenerAt } = joinEnds([caller, listener], { addresses, translations: [forwarded] });
    expect(missing).toMatchObject([{ end: caller, peerHost: "c", target: at("10.0.0.7:8080") }]);
    expect(listenerAt(missing[0]!.target)).toBe(listener);
  });

  test.each([
    ["its host forwards and cannot be read", hidden, [], true],
    ["its host did not answer", undefined, [], true],
    ["its host forwards, and has no translation of it", router, [], false],
    ["its host does not forward", plain, [], false],
    [
      "the client's port is connected to another place",
      plain,
      [end("a", "10.0.0.1:61000", "10.0.0.8:80")],
      true,
    ],
  ] as const)("a server's end without a client: %s", (_, facts, more, expected) => {
    const listener = end("d", "0.0.0.0:80", "0.0.0.0:0", { state: "LISTEN" });
    const { missing } = joinEnds([server, listener, ...more], {
      addresses: new Map([["a", ["10.0.0.1"]]]),
      nat: new Map([["d", plain], ...(facts === undefined ? [] : [["a", facts] as const])]),
    });
    expect(missing.find((each) => each.end === server)?.mayBeTranslated).toBe(expected);
  });

  test("among random clients with the same private addresses, each pair is right and none is missing", () => {
    const connection = fc.record({
      host: fc.nat(3),
      port: fc.integer({ min: 40000, max: 40005 }),
      kind: fc.constantFrom("plain", "own", "gateway"),
    });
    fc.assert(
      fc.property(
        fc.uniqueArray(connection, { selector: ({ host, port }) => `${host} ${port}`, maxLength: 24 }),
        (connections) => {
          const ends: End[] = [];
          const translations: Translation[] = [];
          const truth = new Set<string>();
          connections.forEach(({ host, port, kind }, index) => {
            const outer = `10.0.${kind === "gateway" ? 9 : 1}.${host}:${50000 + index}`;
            // Hosts behind the gateway have addresses of their own, those with containers all the same.
            const local =
              kind === "plain" ? outer : `${kind === "own" ? "172.17.0.2" : `192.168.0.${host}`}:${port}`;
            const mine = end(`h${host}`, local, "10.0.0.9:80");
            const theirs = end("db", "10.0.0.9:80", outer);
            ends.push(mine, theirs);
            if (kind !== "plain")
              translations.push(
                nat(kind === "own" ? `h${host}` : "gw", `${local} 10.0.0.9:80`, `${outer} 10.0.0.9:80`),
              );
            truth.add(`${identityOf(mine)} ${identityOf(theirs)}`);
          });
          const { pairs } = joinEnds(ends, { translations });
          expect(
            new Set(pairs.map((pair) => `${identityOf(pair.client)} ${identityOf(pair.server)}`)),
          ).toEqual(truth);
        },
      ),
    );
  });
});

describe("joinEnds() in time", () => {
  const client = end("a", "10.0.0.1:40000", "10.0.0.2:80", { "tcpInfo.bytesAcked": 500 });
  const server = end("b", "10.0.0.2:80", "10.0.0.1:40000", { "tcpInfo.bytesReceived": 900 });
  const listOf = (times: Readonly<Record<string, Seen>>, earlier?: End) => {
    const { pairs, uncertain, ambiguous } = joinEnds([client, server], {
      seen: (each) => times[each.host],
      earlier: (each) => (each === client ? earlier : undefined),
    });
    return { pairs: pairs.length, uncertain: uncertain.length, ambiguous: ambiguous.length };
  };
  const seen = (fromMs: number, toMs: number, errorMs = 10): Seen => ({ fromMs, toMs, errorMs });

  test("ends that existed at the same time are joined", () => {
    expect(listOf({ a: seen(0, 2000), b: seen(1500, 3500) })).toMatchObject({ pairs: 1 });
    expect(listOf({ a: seen(0, 0), b: seen(900, 900) })).toMatchObject({ pairs: 1 });
  });

  test("ends that may be of two connections after each other are uncertain", () => {
    expect(listOf({ a: seen(0, 0), b: seen(5000, 5000) })).toMatchObject({ pairs: 0, uncertain: 2 });
    expect(listOf({ a: seen(0, 100), b: seen(500, 900, 800) })).toMatchObject({ pairs: 0, uncertain: 2 });
    // They overlap for longer than the clocks may be off.
    expect(listOf({ a: seen(0, 4000, 1000), b: seen(500, 4500, 1000) })).toMatchObject({ pairs: 1 });
  });

  test("a port that is used again within the error of the clocks is uncertain", () => {
    expect(listOf({ a: seen(0, 2000), b: seen(2400, 4400, 10) })).toMatchObject({ pairs: 1 });
    expect(listOf({ a: seen(0, 2000), b: seen(2400, 4400, 600) })).toMatchObject({ pairs: 0, uncertain: 2 });
    expect(listOf({ a: seen(0, 2000), b: seen(3100, 5100, 10) })).toMatchObject({ pairs: 0, uncertain: 2 });
  });

  test("what had arrived before must have been sent since", () => {
    const times = { a: seen(0, 2000), b: seen(0, 2000) };
    const received = (bytes: number) =>
      joinEnds([{ ...client, bytesSent: 700 }, server], {
        seen: (each) => times[each.host as "a" | "b"],
        earlier: (each) => (each === server ? { ...server, bytesReceived: bytes } : undefined),
      });
    expect(received(700).pairs).toHaveLength(1);
    // Mirrored addresses at two sites, each with its other end on no host of the list.
    expect(received(710)).toMatchObject({ pairs: [], missing: [] });
    expect(received(710).ambiguous).toHaveLength(2);
  });

  test("what was acknowledged before must have arrived since", () => {
    const times = { a: seen(0, 2000), b: seen(0, 2000) };
    expect(listOf(times, client)).toMatchObject({ pairs: 1 });
    const before = end("a", "10.0.0.1:40000", "10.0.0.2:80", { "tcpInfo.bytesAcked": 5000 });
    expect(listOf(times, before)).toMatchObject({ pairs: 0, ambiguous: 2 });
  });
});
