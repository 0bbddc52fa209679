import { describe, expect, test } from "bun:test";
import type { FilterSubject } from "../families/filter-subject.ts";
import { AF_INET, AF_INET6, AF_NETLINK, AF_PACKET, AF_UNIX, AF_VSOCK, AF_XDP } from "../model/family.ts";
import { netlinkProtocolNumber } from "../model/netlink-protocols.ts";
import { compileFilter } from "./evaluate.ts";
import { parseFilter } from "./parser.ts";
import type { Filter } from "./tree.ts";

const KNOWN = { portRange: { low: 32768, high: 60999 } };
const NONE = new Uint8Array();

function parse(text: string): Filter {
  const lookups = {
    port: () => undefined,
    interfaceIndex: (name: string) => (name === "lo" ? 1 : undefined),
    netlinkProtocol: netlinkProtocolNumber,
    cgroupId: () => 42n,
    knowsCgroups: () => true,
  };
  return parseFilter({ args: [text] }, { tables: new Set(), preferred: undefined, lookups }).filter!;
}

function subject(family: number, facts: Partial<FilterSubject> = {}): FilterSubject {
  return {
    family,
    addresses: new DataView(new ArrayBuffer(0)),
    sourceOffset: 0,
    destinationOffset: 0,
    sourceWord: 0,
    destinationWord: 0,
    sport: 0,
    dport: 0,
    sourceName: NONE,
    named: false,
    destinationName: NONE,
    interfaceIndex: 0,
    mark: 0,
    cgroupId: 0n,
    socket: undefined,
    ...facts,
  };
}

/** An inet socket, its addresses in hex. */
function inet(source: string, sport = 0, destination = source, dport = 0): FilterSubject {
  const bytes = Uint8Array.from(Buffer.from(`ff${source}${destination}`, "hex"));
  const length = source.length / 2;
  return subject(length === 4 ? AF_INET : AF_INET6, {
    addresses: new DataView(bytes.buffer),
    sourceOffset: 1,
    destinationOffset: 1 + length,
    sport,
    dport,
  });
}

function unix(name: string, sport = 1000, dport = 1001): FilterSubject {
  return subject(AF_UNIX, { sourceName: Buffer.from(name), named: name !== "", sport, dport });
}

function holds(text: string, socket: FilterSubject): boolean {
  return compileFilter(parse(text), KNOWN)(socket);
}

/** The names of the sockets that match a filter. */
function passing<K extends string>(text: string, sockets: Readonly<Record<K, FilterSubject>>): string {
  const test = compileFilter(parse(text), KNOWN);
  return Object.keys(sockets)
    .filter((name) => test(sockets[name as K]))
    .join(" ");
}

describe("addresses", () => {
  const zeros = (bytes: number) => "00".repeat(bytes);
  const sockets = {
    any4: inet(zeros(4)),
    ten: inet("0a000001"),
    any6: inet(zeros(16)),
    one: inet(`${zeros(15)}01`),
    mapped: inet(`${zeros(10)}ffff0a000001`),
    likeTen: inet(`0a000001${zeros(12)}`),
    likeTenOn: inet(`0a00000100010000${zeros(8)}`),
    mappedAny: inet(`${zeros(10)}ffff${zeros(4)}`),
    low: inet("0000ffff"),
    compatible: inet(`${zeros(12)}0a000001`),
  };

  // The sockets that Debian's ss lists. It read them from a file, so that the kernel did not filter them.
  test.each([
    ["src 0.0.0.0", "any4 any6 one mapped mappedAny compatible"],
    ["src 10.0.0.1", "ten mapped likeTen likeTenOn"],
    ["src 10/8", "ten mapped likeTen likeTenOn"],
    ["src 10.0.0.1/31", "ten mapped likeTen likeTenOn"],
    ["src [a00:1::]", "ten likeTen"],
    ["src a00::/12", "ten likeTen likeTenOn"],
    ["src [::ffff:10.0.0.1]", "mapped"],
    ["src ::ffff:0:0/96", "mapped mappedAny"],
    ["src ::/96", "any4 any6 one compatible"],
    ["src ::/80", "any4 any6 one mapped mappedAny compatible"],
    ["src ::/16", "any4 any6 one mapped mappedAny low compatible"],
    ["src [::]", "any4 any6"],
    ["src 0.0.0.0/0", Object.keys(sockets).join(" ")],
    ["src ::/0", Object.keys(sockets).join(" ")],
    ["not src 0/1", ""],
  ])("%s", (text, expected) => {
    expect(passing(text, sockets)).toBe(expected);
  });

  test("distinguishes source from destination; port and address must both match", () => {
    const socket = inet("0a000001", 80, "0a000002", 443);
    expect(holds("src 10.0.0.1:80 dst 10.0.0.2:443", socket)).toBe(true);
    expect(holds("src 10.0.0.2", socket)).toBe(false);
    expect(holds("dst 10.0.0.1", socket)).toBe(false);
    expect(holds("src 10.0.0.1:443", socket)).toBe(false);
    expect(holds("dst :443 and src :80", socket)).toBe(true);
  });

  test("a resolved name matches each of its addresses; an unresolved one is an error", () => {
    const named = parse("src name:80") as Extract<Filter, { kind: "src" }>;
    expect(() => compileFilter(named, KNOWN)).toThrow(TypeError);
    const addresses = [Uint8Array.of(10, 0, 0, 1), Uint8Array.of(127, 0, 0, 1)];
    const test = compileFilter({ ...named, operand: { ...named.operand, addresses } } as Filter, KNOWN);
    expect(test(inet("0a000001", 80))).toBe(true);
    expect(test(inet("7f000001", 80))).toBe(true);
    expect(test(inet("7f000002", 80))).toBe(false);
    expect(test(inet("7f000001", 81))).toBe(false);
  });

  test("a protocol or a missing unix name counts as the first word of an address", () => {
    expect(holds("src 0.0.0.0", subject(AF_NETLINK))).toBe(true);
    expect(holds("src 16.0/16", subject(AF_NETLINK, { sourceWord: 16 }))).toBe(true);
    expect(holds("src 0.8.0.0", subject(AF_PACKET, { sourceWord: 0x800 }))).toBe(true);
    expect(holds("src [8::]", subject(AF_PACKET, { sourceWord: 0x800 }))).toBe(true);
    expect(holds("src 0.0.0.0", unix(""))).toBe(true);
    expect(holds("src 0.0.0.0", unix("/run/x"))).toBe(false);
    expect(holds("src 0/0", unix("/run/x"))).toBe(true);
    expect(holds("dst 0.0.0.0", unix("/run/x"))).toBe(true);
  });
});

describe("ports", () => {
  const sockets = { zero: inet("00000000", 0), web: inet("00000000", 80), top: inet("00000000", 65535) };
  test.each([
    ["sport = 80", "web"],
    ["sport != 80", "zero top"],
    ["sport > 80", "top"],
    ["sport >= 80", "web top"],
    ["sport < 80", "zero"],
    ["sport <= 80", "zero web"],
    ["sport = *", "zero web top"],
    ["sport != *", ""],
    ["sport >= *", "zero web top"],
    ["sport > *", "zero web top"],
    ["sport <= *", ""],
    ["sport < *", ""],
    ["sport = 65616", ""],
    ["sport <= 65616", "zero web top"],
    ["sport >= 70000", ""],
    ["sport = :-5", ""],
    ["sport > :-5", "zero web top"],
  ])("%s", (text, expected) => {
    expect(passing(text, sockets)).toBe(expected);
  });

  test("ports of other families are their numbers", () => {
    expect(holds("src :1000 and dport = 1001", unix("/x"))).toBe(true);
    expect(holds("sport > 4294967294", unix("/x", 4294967295))).toBe(true);
    expect(holds("sport = 63", subject(AF_XDP, { sport: 63 }))).toBe(true);
    expect(holds("dport ge 0", subject(AF_NETLINK, { dport: -1 }))).toBe(false);
  });
});

describe("unix", () => {
  test.each<[text: string, name: string, expected: boolean]>([
    ["src unix:/run/*", "/run/a/b", true],
    ["src unix:/RUN/*", "/run/a", true],
    ["src unix:/run/*", "/tmp/run/", false],
    ["src unix:@*", "\0abstract", true],
    ["src unix:@a@b", "\0a\0b", true],
    ["src unix:", "", true],
    ["src unix:", "x", false],
    ["src unix:*", "", true],
    ["src unix:?*", "", false],
    ["dst unix:*", "/x", true],
    ["dst unix:?*", "/x", false],
    ["sport = unix:/x", "/x", true],
    ["sport != unix:/x", "/x", false],
    ["sport > unix:/x", "/y", true],
    ["sport >= unix:/x", "/y", true],
    ["sport < unix:/x", "/x", false],
    ["sport <= unix:/x", "/x", false],
    ["autobound", "", true],
    ["autobound", "\x0000a1f", true],
    ["autobound", "@00a1f", true],
    ["autobound", "@00A1F", false],
    ["autobound", "@000000", false],
    ["autobound", "/00a1f", false],
  ])("%s on %j is %p", (text, name, expected) => {
    expect(holds(text, unix(name))).toBe(expected);
  });

  test("compares the peer's name if it is known", () => {
    const socket = subject(AF_UNIX, { destinationName: Buffer.from("/run/peer") });
    expect(holds("dst unix:*peer", socket)).toBe(true);
    expect(holds("src unix:*peer", socket)).toBe(false);
  });
});

describe("link, netlink, vsock", () => {
  const netlink = subject(AF_NETLINK, { sourceWord: 16, sport: 77, dport: -1 });
  const packet = subject(AF_PACKET, { sourceWord: 0x800, sport: 1, interfaceIndex: 1 });
  const vsock = subject(AF_VSOCK, { sourceWord: 3, sport: 0xfffffffe, destinationWord: 2, dport: 1024 });
  test.each<[text: string, socket: FilterSubject, expected: boolean]>([
    ["src netlink:genl", netlink, true],
    ["src netlink:genl:77", netlink, true],
    ["src netlink:rtnl", netlink, false],
    ["src netlink::78", netlink, false],
    ["dst netlink:rtnl", netlink, true],
    ["dst netlink:genl", netlink, false],
    ["sport netlink:77", netlink, true],
    ["autobound", netlink, false],
    ["autobound", subject(AF_NETLINK, { sport: -5 }), true],
    ["src link:ip", packet, true],
    ["src link:ip:lo", packet, true],
    ["src link:*:2", packet, false],
    ["src link:arp", packet, false],
    ["sport link:lo", packet, true],
    ["dev lo", packet, true],
    ["autobound", packet, false],
    ["autobound", subject(AF_PACKET), true],
    ["src link:*", netlink, false],
    ["dst netlink:rtnl", subject(AF_UNIX), false],
    ["src vsock:3", vsock, true],
    ["src vsock:4", vsock, false],
    ["src vsock:3:4294967294", vsock, true],
    ["src vsock:3:5", vsock, false],
    ["dst vsock:2:1024", vsock, true],
    ["sport vsock:4294967294", vsock, true],
    ["sport > vsock:1024", vsock, true],
    ["sport <= vsock:1024", vsock, false],
    ["dport < vsock:1025", vsock, true],
    ["dport != vsock:1024", vsock, false],
    ["autobound", vsock, true],
    ["autobound", subject(AF_VSOCK, { sport: 1023 }), false],
  ])("%s", (text, socket, expected) => {
    expect(holds(text, socket)).toBe(expected);
  });
});

test("dev, fwmark, cgroup and autobound read their facts", () => {
  const socket = subject(AF_INET, { interfaceIndex: 1, mark: 0xfffffff1, cgroupId: 42n, sport: 32768 });
  for (const text of [
    "dev lo",
    "dev != 2",
    "fwmark 0xfffffff1",
    "fwmark 1/1",
    "fwmark 0xf0000000/0xf0000000",
  ])
    expect([text, holds(text, socket)]).toEqual([text, true]);
  for (const text of ["cgroup /x", "not cgroup != /x", "autobound"])
    expect([text, holds(text, socket)]).toEqual([text, true]);
  for (const text of ["dev 0", "fwmark 1", "fwmark 3/1", "cgroup != /x"])
    expect([text, holds(text, socket)]).toEqual([text, false]);
  expect(holds("autobound", subject(AF_INET, { sport: 61000 }))).toBe(false);
  expect(holds("autobound", subject(AF_INET6, { sport: 60999 }))).toBe(true);
});

test("and, or and not combine", () => {
  const table: Record<string, string> = {
    "sport 1 and sport 2": "",
    "sport 1 or sport 2": "1 2",
    "sport 1 or sport 2 and dport 9": "2",
    "sport 1 or ( sport 2 and dport 9 )": "1 2",
    "not ( sport 1 or sport 2 )": "3",
    "not sport 1 and not sport 2": "3",
    "not ( sport != 1 and sport != 2 ) or sport 3": "1 2 3",
    "not not sport 3": "3",
  };
  const sockets = {
    "1": inet("00000000", 1),
    "2": inet("00000000", 2, "00000000", 9),
    "3": inet("00000000", 3),
  };
  for (const [text, expected] of Object.entries(table))
    expect([text, passing(text, sockets)]).toEqual([text, expected]);
});

test("a filter reads only the facts that decide", () => {
  const socket = subject(AF_INET, { sport: 1 });
  Object.defineProperty(socket, "mark", {
    get: () => {
      throw new Error("Read");
    },
  });
  expect(holds("sport 1 or fwmark 1", socket)).toBe(true);
  expect(holds("sport 2 and fwmark 1", socket)).toBe(false);
});
