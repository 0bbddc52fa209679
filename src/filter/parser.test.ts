import { describe, expect, test } from "bun:test";
import { filterReport } from "../cli/filter-report.ts";
import {
  AF_INET,
  AF_INET6,
  AF_NETLINK,
  AF_PACKET,
  AF_TIPC,
  AF_UNIX,
  AF_VSOCK,
  AF_XDP,
} from "../model/family.ts";
import { netlinkProtocolNumber } from "../model/netlink-protocols.ts";
import type { Table } from "../model/selection.ts";
import { FilterError } from "./errors.ts";
import type { NamedHost } from "./operands.ts";
import { type ParsedFilter, parseFilter } from "./parser.ts";
import type { FilterContext, Lookups } from "./reading.ts";
import { sourceText } from "./source.ts";
import { type Filter, isJoin } from "./tree.ts";

const SERVICES: Readonly<Record<string, number>> = {
  "http/tcp": 80,
  "domain/tcp": 53,
  "domain/udp": 53,
  "odd/tcp": 1,
  "odd/udp": 2,
};
const INTERFACES: Readonly<Record<string, number>> = { lo: 1, eth0: 2, "eth0:1": 2 };

const lookups: Lookups = {
  port: (service, protocol) => SERVICES[`${service}/${protocol}`],
  interfaceIndex: (name) => INTERFACES[name],
  netlinkProtocol: netlinkProtocolNumber,
  cgroupId: (path) => (path === "/x" ? 42n : "Failed to get cgroup2 ID: No such file or directory"),
  knowsCgroups: () => true,
};

function parse(
  text: string,
  preferred?: number,
  tables: Table[] = ["tcp"],
  own: Partial<Lookups> = {},
): ParsedFilter {
  const context: FilterContext = {
    tables: new Set(tables),
    preferred,
    lookups: { ...lookups, ...own },
  };
  return parseFilter({ args: text.split("¦") }, context);
}

function fails(text: string, preferred?: number, tables?: Table[], own?: Partial<Lookups>): FilterError {
  try {
    parse(text, preferred, tables, own);
  } catch (error) {
    if (error instanceof FilterError) return error;
    throw error;
  }
  throw new Error(`Parsed ${text}`);
}

/** The structure of a filter of ports, as a Lisp would write it. */
function shape(filter: Filter | undefined): string {
  if (filter === undefined) return "()";
  if (isJoin(filter)) return `(${filter.kind} ${shape(filter.left)} ${shape(filter.right)})`;
  if (filter.kind === "not") return `(not ${shape(filter.filter)})`;
  const { operand } = filter;
  return operand !== undefined && "port" in operand ? String(operand.port) : filter.kind;
}

describe("grammar", () => {
  test.each([
    ["", "()"],
    [" \t", "()"],
    ["sport 1", "1"],
    ["sport 1 and sport 2 or sport 3", "(or (and 1 2) 3)"],
    ["sport 1 or sport 2 and sport 3", "(and (or 1 2) 3)"],
    ["sport 1 or sport 2 sport 3", "(and (or 1 2) 3)"],
    ["sport 1 || sport 2 | sport 3 & sport 4 && sport 5", "(and (and (or (or 1 2) 3) 4) 5)"],
    ["sport 1 or ( sport 2 and sport 3 )", "(or 1 (and 2 3))"],
    ["not sport 1 and sport 2", "(and (not 1) 2)"],
    ["! ! sport 1 ! sport 2", "(and (not (not 1)) (not 2))"],
    ["not ( sport 1 or sport 2 ) or not sport 3", "(or (not (or 1 2)) (not 3))"],
    ["( ( sport 1 ) ) ( sport 2 )", "(and 1 2)"],
    ["autobound autobound or sport 1", "(or (and autobound autobound) 1)"],
    ["sport¦1¦or¦dport¦2", "(or 1 2)"],
  ])("%s", (text, expected) => {
    expect(shape(parse(text).filter)).toBe(expected);
  });

  test("relations have their spellings", () => {
    const spellings = "= == eq != ne neq >= ge geq <= le leq > gt < lt".split(" ");
    const relations = spellings.map(
      (word) => (parse(`sport ${word} 5`).filter as { relation?: string }).relation,
    );
    expect(relations.join(" ")).toBe("= = = != != != >= >= >= <= <= <= > > < <");
  });

  test.each<[text: string, offset: number, length: number, expected: RegExp]>([
    ["or", 0, 2, /^a predicate$/],
    [")", 0, 1, /^a predicate$/],
    ["( )", 2, 1, /^a predicate$/],
    ["sport", 5, 0, /^=, !=, >=, <=, >, < or a port$/],
    ["sport =", 7, 0, /^a port$/],
    ["sport = = 80", 8, 1, /^a port$/],
    ["sport 80 =", 9, 1, /^a predicate$/],
    ["sport 80 81", 9, 2, /^a predicate$/],
    ["sport 80 and", 12, 0, /^a predicate$/],
    ["sport 80 or or", 12, 2, /^a predicate$/],
    ["sport 80 )", 9, 1, /^a predicate$/],
    ["( sport 80", 10, 0, /^\)$/],
    ["not", 3, 0, /^a predicate$/],
    ["src != 1.2.3.4", 4, 2, /^= or a host$/],
    ["dev >= 1", 4, 2, /^=, != or an interface$/],
    ["sport sport", 6, 5, /a port$/],
    ["autobound sport", 15, 0, /a port$/],
    ["80", 0, 2, /^a predicate$/],
    ["8080", 0, 4, /^a predicate$/],
    ["\\", 0, 1, /^a predicate$/],
    ["sport 80 \\", 9, 1, /^a predicate$/],
  ])("refuses %j", (text, offset, length, expected) => {
    const error = fails(text);
    expect(filterReport(error, "ss").text).toBe(
      'ss: bison bellows (while parsing filter): "syntax error!" Sorry.\n',
    );
    expect(error).toMatchObject({ code: "filter", kind: "syntax", offset, length });
    expect(filterReport(error, "ss")).toMatchObject({ status: 255, usage: true });
    expect(error.expected).toMatch(expected);
    expect(error.message).toContain(`offset ${offset}: expected`);
  });

  test("messages begin with the program's name", () => {
    const context: FilterContext = { tables: new Set(), preferred: undefined, lookups };
    expect(() => parseFilter({ args: ["sport"] }, context)).toThrow(FilterError);
    try {
      parseFilter({ args: ["sport"] }, context);
    } catch (error) {
      expect(filterReport(error as FilterError, "sockscope").text).toStartWith("sockscope: bison bellows");
    }
  });
});

describe("operands are converted while they are read", () => {
  test.each([
    ["zz/ sport", "an inet prefix is expected", 0],
    ["sport 80 state established", '"state" does not look like a port', 9],
    ["sport = zz =", '"zz" does not look like a port', 8],
    ["dev lo zz", "Cannot parse device.", 7],
    ["dev lo and ( zz", "Cannot parse device.", 13],
    ["fwmark 1 or zz", "Cannot parse mark zz.", 12],
    ["autobound zz/", "an inet prefix is expected", 10],
    ["cgroup /x /y", "Cannot parse cgroup /y.", 10],
  ])("%s", (text, report, offset) => {
    const error = fails(text);
    expect(filterReport(error, "ss").text).toContain(report);
    expect(error.offset).toBe(offset);
    expect(filterReport(error, "ss")).toMatchObject({ status: 1, usage: false });
    expect(sourceText({ args: [text] }).slice(error.offset, error.offset + error.length)).not.toContain(" ");
  });

  test("a mistake of grammar comes before a bad operand behind it", () => {
    expect(filterReport(fails("or zz"), "ss").status).toBe(255);
    expect(filterReport(fails("80 zz"), "ss").status).toBe(255);
  });
});

describe("hosts", () => {
  const inet = (address: string | undefined, length: number, port: number) => ({
    kind: "inet",
    prefix:
      address === undefined ? undefined : { address: Uint8Array.from(Buffer.from(address, "hex")), length },
    port,
  });
  const any = inet(undefined, 0, -1);
  const zero6 = "0".repeat(32);

  const read: [text: string, preferred: number | undefined, host: unknown, family?: number][] = [
    ["src 1.2.3.4", undefined, inet("01020304", 32, -1)],
    ["src = 1.2.3.4:80", undefined, inet("01020304", 32, 80)],
    ["src 1/8:http", undefined, inet("01000000", 8, 80)],
    ["src [127.0.0.1/8]:80", undefined, inet("7f000001", 8, 80)],
    ["src [::1]:80", undefined, inet(`${zero6.slice(1)}1`, 128, 80)],
    ["src [::1]80", undefined, inet(`${zero6.slice(1)}1`, 128, 80)],
    ["src ::/96", undefined, inet(zero6, 96, -1)],
    ["src f00::/8:80", undefined, inet(`0f00${zero6.slice(4)}`, 8, 80)],
    ["src 8080", undefined, inet("00001f90", 32, -1)],
    ["src *", undefined, any],
    ["src :", undefined, any],
    ["src *:*:*", undefined, any],
    ["src **", undefined, any],
    ["src []", undefined, any],
    ["src [*]:5", undefined, inet(undefined, 0, 5)],
    ["src *80", undefined, inet(undefined, 0, 80)],
    ["src 1.2.3.4:*x", undefined, inet("01020304", 32, -1)],
    ["src :-5", undefined, inet(undefined, 0, -5)],
    ["src any", undefined, any],
    ["src default:5", undefined, inet(undefined, 0, 5)],
    ["src all", AF_INET, inet("00000000", 0, -1), AF_INET],
    ["src any", AF_INET6, inet(zero6, 0, -1), AF_INET6],
    ["src *:5", AF_INET6, inet(undefined, 0, 5), AF_INET6],
    ["src :5", AF_XDP, inet(undefined, 0, 5), AF_XDP],
    ["src any", AF_XDP, any, AF_XDP],
    ["src 1.2.3.4", AF_XDP, inet("01020304", 32, -1), AF_XDP],
    ["src 1:2", AF_TIPC, inet("01000000", 32, 2), AF_TIPC],
    ["src inet:1", undefined, inet("01000000", 32, -1), AF_INET],
    ["src inet6:*:80", AF_UNIX, inet(undefined, 0, 80), AF_INET6],
    ["sport 0x50", undefined, inet(undefined, 0, 80)],
    ["sport 70000", undefined, inet(undefined, 0, 70000)],
    ["sport :http", undefined, inet(undefined, 0, 80)],
    ["sport *x", undefined, any],
    ["sport \\", undefined, any],
    ["sport [80]:90", undefined, inet(undefined, 0, 80)],
    ["sport inet6::80", undefined, inet(undefined, 0, 80), AF_INET6],
    ["src unix:", undefined, { kind: "unix", pattern: "" }, AF_UNIX],
    ["src /run/*:1", AF_UNIX, { kind: "unix", pattern: "/run/*:1" }, AF_UNIX],
    ["sport = 5", AF_UNIX, { kind: "unix", pattern: "5" }, AF_UNIX],
    ["src link:IPv4", undefined, { kind: "link", address: 0x800, port: -1 }, AF_PACKET],
    ["src 802.1q:lo", AF_PACKET, { kind: "link", address: 0x8100, port: 1 }, AF_PACKET],
    ["src :7", AF_PACKET, { kind: "link", address: -1, port: 7 }, AF_PACKET],
    ["src ip:eth0:1", AF_PACKET, { kind: "link", address: 0x800, port: 2 }, AF_PACKET],
    ["sport :lo", AF_PACKET, { kind: "link", address: -1, port: 1 }, AF_PACKET],
    ["src rtnl:kernel", AF_NETLINK, { kind: "netlink", address: 0, port: 0 }, AF_NETLINK],
    ["src 0x10:-5", AF_NETLINK, { kind: "netlink", address: 16, port: -5 }, AF_NETLINK],
    ["sport kernel", AF_NETLINK, { kind: "netlink", address: -1, port: 0 }, AF_NETLINK],
    ["src 3:1024", AF_VSOCK, { kind: "vsock", address: 3, port: 1024 }, AF_VSOCK],
    ["src vsock::5", undefined, { kind: "vsock", address: -1, port: 5 }, AF_VSOCK],
    ["sport 4294967295", AF_VSOCK, { kind: "vsock", address: -1, port: 4294967295 }, AF_VSOCK],
  ];
  for (const [text, preferred, host, family] of read) {
    test(`${text}, preferring ${preferred}`, () => {
      const parsed = parse(text, preferred);
      expect((parsed.filter as { operand?: unknown }).operand).toEqual(host);
      expect(parsed.family).toBe(family);
    });
  }

  test.each<[text: string, preferred: number | undefined, reason: string | undefined]>([
    ["src [::1", undefined, undefined],
    ["sport [80", undefined, undefined],
    ["src ::1", undefined, 'an inet prefix is expected rather than ":"'],
    ["src 2001:db8::2", undefined, 'an inet prefix is expected rather than "2001:db8:"'],
    ["src 1.2.3.4", AF_INET6, 'an inet prefix is expected rather than "1.2.3.4"'],
    ["src inet:[::1]", undefined, 'an inet prefix is expected rather than "::1"'],
    ["src 10.0.0.1/33", undefined, 'an inet prefix is expected rather than "10.0.0.1/33"'],
    ["src 999.1.1.1", undefined, 'an inet prefix is expected rather than "999.1.1.1"'],
    ["src 256", AF_INET6, 'an inet prefix is expected rather than "256"'],
    ["src 1.2.3.4/8", AF_XDP, 'an inet prefix is expected rather than "1.2.3.4/8"'],
    ["src [::1]", AF_XDP, 'an inet prefix is expected rather than "::1"'],
    ["src name", AF_XDP, 'an inet prefix is expected rather than "name"'],
    ["src @*", undefined, 'an inet prefix is expected rather than "@*"'],
    ["src [::]/0", undefined, '"/0" does not look like a port'],
    ["src 1/99:nosuch", undefined, '"nosuch" does not look like a port'],
    ["sport ::80", undefined, '":80" does not look like a port'],
    ["sport 08", undefined, '"08" does not look like a port'],
    ["src link:x", undefined, undefined],
    ["src *:nosuch0", AF_PACKET, undefined],
    ["src 65536", AF_PACKET, undefined],
    ["sport ip:lo", AF_PACKET, undefined],
    ["src RTNL", AF_NETLINK, undefined],
    ["src 256", AF_NETLINK, undefined],
    ["src rtnl:nosuch", AF_NETLINK, undefined],
    ["src x", AF_VSOCK, undefined],
    ["src 3:", AF_VSOCK, undefined],
    ["sport 4294967296", AF_VSOCK, undefined],
  ])("%s, preferring %p, is refused", (text, preferred, reason) => {
    const { text: report, status } = filterReport(fails(text, preferred), "ss");
    expect(report).toBe(
      `${reason === undefined ? "" : `Error: ${reason}.\n`}Cannot parse dst/src address.\n`,
    );
    expect(status).toBe(1);
  });

  test("a host's family is preferred from there on, and the last one stays", () => {
    const { filter, family } = parse("src unix:a or src b or src inet:1 or src 2");
    expect(family).toBe(AF_INET);
    expect(JSON.stringify(filter)).toContain('"pattern":"b"');
    expect(fails("src inet:1.2.3.4 or src [::1]").offset).toBe(24);
    expect(parse("src 1.2.3.4 or src [::1]").family).toBeUndefined();
  });

  test("services are looked up for the tables that are selected", () => {
    const port = (text: string, tables: Table[]) =>
      (parse(text, undefined, tables).filter as { operand?: { port?: number } }).operand?.port;
    expect(port("sport domain", ["udp"])).toBe(53);
    expect(port("sport domain", ["udp", "tcp"])).toBe(53);
    expect(port("sport odd", ["tcp"])).toBe(1);
    expect(port("sport odd", ["udp"])).toBe(2);
    expect(filterReport(fails("sport odd", undefined, ["udp", "tcp"]), "ss").text).toBe(
      'Error: ambiguous port "odd".\nCannot parse dst/src address.\n',
    );
    expect(filterReport(fails("sport http", undefined, ["sctp"]), "ss").text).toStartWith(
      'Error: "http" does not look',
    );
  });

  test("RPC programs are looked up like services, and may have several ports", () => {
    const registered = { tcp: { "rpc.nfs": [2049], "rpc.mountd": [53, 4001] }, udp: { "rpc.nfs": [2049] } };
    const rpcPorts = (name: string, protocol: "tcp" | "udp") =>
      (registered[protocol] as Record<string, number[]>)[name] ?? [];
    const port = (text: string, ...tables: Table[]) => parse(text, undefined, tables, { rpcPorts }).filter;
    expect(shape(port("sport rpc.nfs", "tcp", "udp"))).toBe("2049");
    expect(shape(port("sport rpc.nfs", "udp"))).toBe("2049");
    const failure = (text: string, ...tables: Table[]) =>
      filterReport(fails(text, undefined, tables, { rpcPorts }), "ss").text;
    expect(failure("sport rpc.mountd", "tcp")).toStartWith('Error: ambiguous port "rpc.mountd".');
    for (const tables of [["udp"], ["mptcp"], ["raw"]] as const)
      expect(failure("sport rpc.mountd", ...tables)).toStartWith('Error: "rpc.mountd" does not look');
  });

  test("host names are left to be resolved", () => {
    const { filter, names } = parse("src [localhost]:80 or dst inet6:a-b.c");
    expect(names).toEqual([
      {
        kind: "name",
        name: "localhost",
        family: undefined,
        port: 80,
        addresses: undefined,
        position: { offset: 4, length: 14 },
      },
      {
        kind: "name",
        name: "a-b.c",
        family: AF_INET6,
        port: -1,
        addresses: undefined,
        position: { offset: 26, length: 11 },
      },
    ]);
    expect(filter).toMatchObject({ left: { operand: names[0] }, right: { operand: names[1] } });
    const before: NamedHost[] = [];
    const context: FilterContext = { tables: new Set(), preferred: undefined, lookups };
    expect(() => parseFilter({ args: ["src localhost zz or"] }, context, before)).toThrow(FilterError);
    expect(before.map(({ name }) => name)).toEqual(["localhost", "zz"]);
  });
});

describe("other operands", () => {
  test.each<[text: string, operand: unknown]>([
    ["dev lo", { index: 1 }],
    ["dev != 0", { index: 0 }],
    ["dev 0x63", { index: 99 }],
    ["dev 4294967295", { index: 4294967295 }],
    ["dev lo:", { index: 1 }],
    ["dev eth0:7", { index: 2 }],
    ["dev if5", { index: 5 }],
    ["dev if5x", { index: 5 }],
    ["dev if-1", { index: 4294967295 }],
    ["fwmark 1", { mark: 1, mask: 0xffffffff }],
    ["fwmark = 0xff/0xf", { mark: 255, mask: 15 }],
    ["fwmark 010", { mark: 8, mask: 0xffffffff }],
    ["fwmark -1", { mark: 0xffffffff, mask: 0xffffffff }],
    ["fwmark 4294967296", { mark: 0, mask: 0xffffffff }],
    ["fwmark 99999999999999999999999", { mark: 0xffffffff, mask: 0xffffffff }],
    ["fwmark 0x8000000000000000", { mark: 0xffffffff, mask: 0xffffffff }],
    ["fwmark -0x8000000000000001", { mark: 0, mask: 0xffffffff }],
    ["fwmark 1zz", { mark: 1, mask: 0xffffffff }],
    ["fwmark 1/2/3", { mark: 1, mask: 2 }],
    ["cgroup /x", { path: "/x", id: 42n }],
  ])("%s", (text, operand) => {
    expect((parse(text).filter as { operand?: unknown }).operand).toEqual(operand);
  });

  test.each([
    ["dev nosuch", "Cannot parse device.\n"],
    ["dev -5", "Cannot parse device.\n"],
    ["dev 4294967296", "Cannot parse device.\n"],
    ["dev if0", "Cannot parse device.\n"],
    ["dev \\", "Cannot parse device.\n"],
    ["fwmark zz", "Cannot parse mark zz.\n"],
    ["fwmark 1zz/2", "Cannot parse mark 1zz/2.\n"],
    ["fwmark 1/", "Cannot parse mark 1/.\n"],
    ["fwmark /1", "Cannot parse mark /1.\n"],
    ["cgroup /y", "Failed to get cgroup2 ID: No such file or directory\nCannot parse cgroup /y.\n"],
  ])("%s is refused", (text, report) => {
    const error = fails(text);
    expect(filterReport(error, "ss")).toEqual({ text: report, status: 1, usage: false });
  });

  test("a kernel that knows no cgroups is found out when the predicate is read", () => {
    const own = { knowsCgroups: () => false };
    const error = fails("cgroup /x or", undefined, undefined, own);
    expect(filterReport(error, "ss").text).toBe(
      "It looks like such filter is not supported! Too old kernel?\n",
    );
    expect(filterReport(error, "ss")).toMatchObject({ status: 255, usage: false });
    expect(filterReport(fails("cgroup /y", undefined, undefined, own), "ss").status).toBe(1);
  });
});
