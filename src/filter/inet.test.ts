/** Filters on inet sockets as the kernel sends them: evaluated here, run as bytecode by the kernel, and in two stages. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { writeField } from "../bytes/layout.ts";
import { filterReport } from "../cli/filter-report.ts";
import { allFamilies } from "../families/all.ts";
import { familyOf } from "../families/index.ts";
import {
  INET_DIAG_MESSAGE_SIZE,
  inetAttributes,
  inetDiagMessage,
} from "../families/inet/layouts/inet-diag.ts";
import { mptcpInfo } from "../families/inet/layouts/mptcp-info.ts";
import { tcpInfo } from "../families/inet/layouts/tcp-info.ts";
import { InetSocket } from "../families/inet/socket.ts";
import type { Socket } from "../families/socket.ts";
import { AF_INET, AF_INET6, AF_UNIX, IPPROTO_MPTCP, IPPROTO_TCP, IPPROTO_UDP } from "../model/family.ts";
import { SS_ESTABLISHED, SS_LISTEN } from "../model/state.ts";
import { NLMSG_HDRLEN } from "../netlink/constants.ts";
import { type AttributeToWrite, encodeMessage, u32Payload } from "../netlink/message.ts";
import { checkBytecode, runBytecode } from "../replay/bytecode.ts";
import { IPV4_BYTES, IPV6_BYTES, type Prefix } from "./addresses.ts";
import { compileBytecode, compilePrefilter } from "./bytecode.ts";
import { FilterError } from "./errors.ts";
import { compileFilter } from "./evaluate.ts";
import { factPredicates } from "./facts.ts";
import { demandsOf, factsNeeded, isEarly } from "./needs.ts";
import { parseFilter } from "./parser.ts";
import { allPredicates } from "./predicates.ts";
import type { FilterContext } from "./reading.ts";
import type { FilterRelation } from "./relations.ts";
import { relax } from "./relax.ts";
import type { Known, SocketOwner } from "./subject.ts";
import { type Filter, type FilterPredicate, isJoin, predicatesOf } from "./tree.ts";

const subjectOf = (socket: Socket) => familyOf(allFamilies, socket.kind).subject(socket);

const KNOWN: Known = { portRange: { low: 32768, high: 60999 } };
const RUNS = { numRuns: 2000 };
const encoder = new TextEncoder();

/** The values of a socket. A missing value is zero, or not sent. */
interface Made {
  readonly protocol?: number;
  readonly source?: Uint8Array;
  readonly destination?: Uint8Array;
  readonly fields?: Partial<Record<keyof typeof inetDiagMessage, number>>;
  readonly tcp?: Partial<Record<keyof typeof tcpInfo, number>>;
  /** How much of struct tcp_info is sent. */
  readonly tcpBytes?: number;
  readonly mptcp?: Partial<Record<keyof typeof mptcpInfo, number>>;
  readonly attributes?: readonly AttributeToWrite[];
}

function struct(
  layout: typeof tcpInfo | typeof mptcpInfo,
  values: Readonly<Record<string, number>>,
  bytes = 280,
) {
  const payload = new Uint8Array(280);
  for (const [name, value] of Object.entries(values))
    writeField(layout[name as keyof typeof layout], new DataView(payload.buffer), 0, value);
  return { type: inetAttributes.info.id, payload: payload.subarray(0, bytes) };
}

/** A socket in the datagram that it came in. */
function make({ protocol = IPPROTO_TCP, fields = {}, attributes = [], ...made }: Made): InetSocket {
  const { source = new Uint8Array(IPV4_BYTES), destination = new Uint8Array(source.length) } = made;
  const payload = new Uint8Array(INET_DIAG_MESSAGE_SIZE);
  const data = new DataView(payload.buffer);
  writeField(inetDiagMessage.familyNumber, data, 0, source.length === IPV4_BYTES ? AF_INET : AF_INET6);
  writeField(inetDiagMessage.stateNumber, data, 0, SS_ESTABLISHED);
  for (const [name, value] of Object.entries(fields))
    writeField(inetDiagMessage[name as keyof typeof inetDiagMessage], data, 0, value);
  payload.set(source, inetDiagMessage.source.offset);
  payload.set(destination, inetDiagMessage.destination.offset);
  const header = { type: 20, flags: 0, sequence: 1, portId: 0 };
  const message = encodeMessage(header, payload, [
    ...(made.tcp === undefined ? [] : [struct(tcpInfo, made.tcp, made.tcpBytes)]),
    ...(made.mptcp === undefined ? [] : [struct(mptcpInfo, made.mptcp)]),
    ...attributes,
  ]);
  const origin = { protocol, describe: () => ({}) };
  return new InetSocket(new DataView(message.buffer), NLMSG_HDRLEN, message.length - NLMSG_HDRLEN, origin);
}

const context: FilterContext = {
  tables: new Set(["tcp"]),
  preferred: undefined,
  lookups: {
    port: (service) => ({ ssh: 22, https: 443 })[service],
    interfaceIndex: (name) => (name === "lo" ? 1 : undefined),
    netlinkProtocol: () => undefined,
    cgroupId: () => 42n,
    knowsCgroups: () => true,
    userId: (name) => ({ root: 0, "www-data": 33 })[name],
  },
};

function parse(text: string): Filter {
  return parseFilter({ args: [text] }, context).filter!;
}

function holds(text: string, socket: InetSocket, known = KNOWN): boolean {
  return compileFilter(parse(text), known)(subjectOf(socket));
}

function mistake(text: string): FilterError {
  try {
    parse(text);
  } catch (error) {
    if (error instanceof FilterError) return error;
    throw error;
  }
  throw new Error(`Parsed ${text}`);
}

describe("facts", () => {
  const busy = make({
    fields: { rqueue: 3000, wqueue: 5, uid: 33, inode: 77, timerNumber: 2, expires: 5000 },
    tcp: {
      rtt: 50_000,
      minRtt: 49_999,
      lastDataSent: 30_000,
      retrans: 0,
      totalRetrans: 7,
      deliveryRate: 125_000,
      bytesSent: 2 ** 40,
      sndCwnd: 10,
    },
    attributes: [
      { type: inetAttributes.congestion.id, payload: encoder.encode("bbr\0") },
      { type: inetAttributes.tos.id, payload: Uint8Array.of(0x10) },
    ],
  });

  test.each([
    "rtt 50ms",
    "rtt = 50000us",
    "rtt == 0.05s",
    "rtt ge 50ms and rtt le 50MS",
    "rtt > 49.999ms and rtt < 1m",
    "rtt != 51ms",
    "not rtt 51ms",
    "minrtt < 50ms",
    "lastsnd 30s",
    "lastsnd > 29999ms and lastsnd < 0.5m and lastsnd < 1h or lastsnd = 0.5m",
    "retrans 0",
    "retrans_total > 0",
    "delivery_rate 1mbps",
    "delivery_rate = 1000kbps",
    "delivery_rate < 1Gbps",
    "bytes_sent = 1024g",
    "bytes_sent > 1023g",
    "cwnd 10",
    "cwnd 0xa",
    "recvq > 0",
    "recvq < 3k",
    "sendq 5",
    "cong bbr",
    "cong = B?R",
    "cong != cubic",
    "timer keepalive",
    "timer != on",
    "tos 0x10",
    "uid 33",
    "user www-data",
    "user 33",
    "user != root",
    "inode 77",
  ])("%s holds", (text) => {
    expect(holds(text, busy)).toBe(true);
    expect(holds(`not ( ${text} )`, busy)).toBe(false);
  });

  test.each([
    "rtt != 50ms",
    "rtt > 50ms",
    "rtt < 50ms",
    "retrans > 0",
    "recvq ge 3k",
    "cong reno",
    "cong bb",
    "timer off",
    "user root",
    "delivery_rate > 1mbps",
  ])("%s does not hold", (text) => expect(holds(text, busy)).toBe(false));

  test("an absent fact is neither equal nor unequal, neither greater nor less", () => {
    const amounts: Readonly<Record<string, string>> = { TIME: "1s", SIZE: "1", RATE: "1bps", COUNT: "1" };
    const bare = make({ protocol: IPPROTO_UDP });
    const always = new Set(["recvq", "sendq", "timer"]);
    for (const [word, row] of Object.entries(factPredicates)) {
      const operand =
        amounts[row.operandName] ?? { PID: "1", PATTERN: "?*", USER: "0", TIMER: "on" }[row.operandName];
      const held = row.operand!.relations.filter((relation) => holds(`${word} ${relation} ${operand}`, bare));
      if (always.has(word)) expect(held).not.toEqual([]);
      else expect([word, ...held]).toEqual([word]);
      expect(holds(`not ${word} = ${operand}`, bare)).toBe(true);
    }
  });

  test("an unmeasured value is absent; a count of zero is a value", () => {
    const fresh = make({ tcp: { minRtt: 0xffffffff, sndSsthresh: 0x7fffffff } });
    for (const word of ["rtt", "minrtt", "rto"]) expect(holds(`${word} >= 0us`, fresh)).toBe(false);
    expect(holds("ssthresh >= 0", fresh)).toBe(false);
    expect(holds("delivery_rate >= 0bps", fresh)).toBe(false);
    expect(holds("retrans = 0 and lost = 0 and bytes_sent = 0", fresh)).toBe(true);
  });

  test("a value that an older kernel did not send is absent", () => {
    const old = make({ tcp: { rtt: 1000 }, tcpBytes: 104 });
    expect(holds("rtt = 1ms", old)).toBe(true);
    expect(holds("bytes_sent >= 0", old)).toBe(false);
  });

  test("a listener has no values of a connection", () => {
    const listener = make({
      fields: { stateNumber: SS_LISTEN, rqueue: 3 },
      tcp: { unacked: 3, sacked: 128 },
    });
    expect(holds("unacked >= 0", listener)).toBe(false);
    expect(holds("recvq = 3", listener)).toBe(true);
  });

  test("MPTCP has some of the same numbers", () => {
    const socket = make({ protocol: IPPROTO_MPTCP, mptcp: { bytesAcked: 5000, lastDataRecv: 1500 } });
    expect(holds("bytes_acked 5000 and lastrcv 1.5s", socket)).toBe(true);
    expect(holds("rtt >= 0us", socket)).toBe(false);
  });

  test("a socket without a file has no owner unless the kernel reports one", () => {
    expect(holds("user root", make({}))).toBe(false);
    expect(holds("user root", make({ fields: { inode: 5 } }))).toBe(true);
    expect(holds("uid 33", make({ fields: { uid: 33 } }))).toBe(true);
    expect(holds("timer off", make({}))).toBe(true);
  });

  test.each([
    ["rtt > 50", "a time such as 50ms (units: us, ms, s, m, h)"],
    ["rtt > 1.0001us", "a time such as 50ms (units: us, ms, s, m, h)"],
    ["rtt > -1ms", "a time such as 50ms (units: us, ms, s, m, h)"],
    ["delivery_rate > 1m", "a rate such as 10mbps (units: bps, kbps, mbps, gbps, tbps)"],
    ["recvq > 1t", "a number of bytes such as 1500 or 64k (k, m, g: powers of 1024)"],
    ["retrans > 1.5", "a number"],
    [`retrans > ${"9".repeat(99_999)}`, "a number"],
    ["user nobody-here", "a user"],
    ["timer foo", "one of off, on, keepalive, timewait, persist, delack, t3-rtx"],
    ["comm \\", "a process name or a pattern"],
  ])("%.40s is refused", (text, expected) => {
    const error = mistake(text);
    expect(error.expected).toBe(expected);
    expect(filterReport(error, "ss").status).toBe(1);
    expect(filterReport(error, "ss").text).toStartWith(`Error: ${expected} is expected rather than "`);
    expect(text.slice(error.offset)).toBe(text.split(" ").at(-1)!);
  });

  test.each([
    ["pid > 5", "=, != or a number"],
    ["comm", "=, != or a process name or a pattern"],
    ["user ge 5", "=, != or a user"],
    ["rtt", "=, !=, >=, <=, >, < or a time such as 50ms (units: us, ms, s, m, h)"],
    ["rtt > or", "a time such as 50ms (units: us, ms, s, m, h)"],
  ])("%s cannot be", (text, expected) => {
    const error = mistake(text);
    expect(error.expected).toBe(expected);
    expect(filterReport(error, "ss").text).toContain("syntax error");
  });
});

describe("owners", () => {
  const owner = (pid: number, name: string): SocketOwner => ({ pid, name: encoder.encode(name) });
  const known: Known = {
    ...KNOWN,
    owners: (inode) => (inode === 77 ? [owner(10, "nginx"), owner(11, "nginx: worker")] : []),
  };
  const socket = make({ fields: { inode: 77 } });

  test.each([
    ["pid 10", true],
    ["pid = 11", true],
    ["pid 12", false],
    ["pid != 12", true],
    ["pid != 10", false],
    ["comm nginx", true],
    ["comm n*", true],
    ["comm *\\ worker", true],
    ["comm apache", false],
    ["comm != apache", true],
    ["comm != nginx", false],
  ])("%s: %j", (text, expected) => expect(holds(text, socket, known)).toBe(expected));

  test("an unknown owner matches neither `=` nor `!=`", () => {
    for (const lonely of [make({ fields: { inode: 78 } }), make({})])
      for (const text of ["pid 10", "pid != 10", "comm *", "comm != x"])
        expect(holds(text, lonely, known)).toBe(false);
    expect(holds("pid 10", socket)).toBe(false);
  });
});

describe("Sockscope's keywords leave ss's filters as they are", () => {
  test("a keyword in the place of an operand is an operand", () => {
    for (const word of Object.keys(factPredicates)) {
      const { filter, names } = parseFilter({ args: [`dst ${word} or src = ${word}`] }, context);
      expect(names.map(({ name }) => name)).toEqual([word, word]);
      expect(Array.from(predicatesOf(filter!), ({ kind }) => kind)).toEqual(["dst", "src"]);
      const unix = parseFilter({ args: [`src ${word}`] }, { ...context, preferred: AF_UNIX }).filter;
      expect(unix).toMatchObject({ kind: "src", operand: { kind: "unix", pattern: word } });
    }
  });

  test("none of them is a keyword of ss", () => {
    const reserved = "state exclude excl not and or eq ne neq ge geq le leq gt lt".split(" ");
    for (const word of Object.keys(factPredicates)) expect(reserved).not.toContain(word);
    expect(Object.keys(allPredicates)).toHaveLength(8 + Object.keys(factPredicates).length);
  });
});

describe("needs", () => {
  test.each<[string, string[]]>([
    ["sport 1", []],
    ["recvq > 0 or inode 5", []],
    ["rtt > 5ms", ["info"]],
    ["cong bbr", ["info"]],
    ["tos 0", ["tos"]],
    ["not ( sport 1 or tclass 5 and lost > 0 )", ["info", "tos"]],
    ["pid 5", []],
  ])("%s requests %j", (text, expected) =>
    expect<string[]>([...demandsOf(parse(text))].sort()).toEqual(expected),
  );

  test("only predicates on owners need owners", () => {
    const late = Object.keys(factPredicates).filter((word) => {
      const row = factPredicates[word as keyof typeof factPredicates];
      return (row.facts as () => readonly string[])().includes("owners");
    });
    expect(late).toEqual(["pid", "comm"]);
    expect(isEarly(parse("pid 5") as FilterPredicate)).toBe(false);
    expect(isEarly(parse("rtt 5s") as FilterPredicate)).toBe(true);
    expect([...factsNeeded(parse("pid 5 and sport 1"))]).toEqual(["owners", "port"]);
  });
});

// Few different values, so that filters match sockets often.
const ADDRESSES4 = ["0a000001", "0a000002", "00000000", "0a010001", "ffffffff"];
const ADDRESSES6 = [
  "0".repeat(32),
  `${"0".repeat(31)}1`,
  `${"0".repeat(20)}ffff0a000001`,
  `${"0".repeat(20)}ffff00000000`,
  `0a000001${"0".repeat(24)}`,
  `20010db8${"0".repeat(23)}1`,
];
const PORTS = [0, 1, 22, 443, 40000, 65535];

const bytesOf = (hex: string) => Uint8Array.from(Buffer.from(hex, "hex"));
const address = (hexes: readonly string[]) => fc.constantFrom(...hexes).map(bytesOf);
const addressPair = fc.oneof(
  fc.tuple(address(ADDRESSES4), address(ADDRESSES4)),
  fc.tuple(address(ADDRESSES6), address(ADDRESSES6)),
);
const u64Payload = (value: bigint) => new Uint8Array(BigUint64Array.of(value).buffer);

/** Random sockets, with marks, cgroups and a tcp_info or without. */
const inetSocket = fc
  .record({
    addresses: addressPair,
    sport: fc.constantFrom(...PORTS),
    dport: fc.constantFrom(...PORTS),
    interfaceIndex: fc.nat({ max: 2 }),
    mark: fc.option(fc.constantFrom(0, 1, 0xff, 0xffffffff)),
    cgroup: fc.option(fc.constantFrom(0n, 42n)),
    rtt: fc.option(fc.constantFrom(0, 1000, 2000)),
    rqueue: fc.nat({ max: 3 }),
  })
  .map(({ addresses: [source, destination], mark, cgroup, rtt, ...fields }) =>
    make({
      source,
      destination,
      fields,
      ...(rtt === null ? {} : { tcp: { rtt } }),
      attributes: [
        ...(mark === null ? [] : [{ type: inetAttributes.mark.id, payload: u32Payload(mark) }]),
        ...(cgroup === null ? [] : [{ type: inetAttributes.cgroupId.id, payload: u64Payload(cgroup) }]),
      ],
    }),
  );

const prefix: fc.Arbitrary<Prefix> = fc
  .oneof(address(ADDRESSES4), address(ADDRESSES6))
  .chain((one) => fc.record({ address: fc.constant(one), length: fc.nat({ max: one.length * 8 }) }));
const relation = fc.constantFrom<FilterRelation>("=", "!=", ">=", "<=", ">", "<");
const equality = fc.constantFrom<FilterRelation>("=", "!=");
const hostKind = fc.constant("inet" as const);

/** Predicates that the kernel supports. For `autobound` only the kernel knows who chose the port. */
const kernelPredicate = fc.oneof(
  fc.record({
    kind: fc.constantFrom("src", "dst"),
    relation: fc.constant("="),
    operand: fc.record({
      kind: hostKind,
      prefix: fc.option(prefix, { nil: undefined }),
      port: fc.constantFrom(-1, ...PORTS),
    }),
  }),
  fc.record({
    kind: fc.constantFrom("sport", "dport"),
    relation,
    operand: fc.record({ kind: hostKind, prefix: fc.constant(undefined), port: fc.constantFrom(...PORTS) }),
  }),
  fc.record({
    kind: fc.constant("fwmark"),
    relation: equality,
    operand: fc.record({ mark: fc.constantFrom(0, 1, 0xffffffff), mask: fc.constantFrom(1, 0xffffffff) }),
  }),
  fc.record({
    kind: fc.constant("cgroup"),
    relation: equality,
    operand: fc.record({ path: fc.constant("/x"), id: fc.constantFrom(0n, 42n) }),
  }),
) as fc.Arbitrary<FilterPredicate>;

/** Predicates that the kernel does not support, ss's and ours. */
const otherPredicate = fc.oneof(
  fc.record({
    kind: fc.constant("dev"),
    relation: equality,
    operand: fc.record({ index: fc.nat({ max: 2 }) }),
  }),
  fc.record({
    kind: fc.constant("rtt"),
    relation,
    operand: fc.record({ amount: fc.constantFrom(1000, 1500) }),
  }),
  fc.record({ kind: fc.constant("recvq"), relation, operand: fc.record({ amount: fc.nat({ max: 3 }) }) }),
  fc.record({
    kind: fc.constant("pid"),
    relation: equality,
    operand: fc.record({ amount: fc.constant(10) }),
  }),
) as fc.Arbitrary<FilterPredicate>;

function filters(leaf: fc.Arbitrary<FilterPredicate>): fc.Arbitrary<Filter> {
  return fc.letrec<{ filter: Filter }>((tie) => ({
    filter: fc.oneof(
      { maxDepth: 5 },
      leaf,
      fc.record({ kind: fc.constant("not" as const), filter: tie("filter") }),
      fc.record({
        kind: fc.constantFrom("and" as const, "or" as const),
        left: tie("filter"),
        right: tie("filter"),
      }),
    ),
  })).filter;
}

/** Whether the kernel, given a program, would send a socket. */
function sends(program: Uint8Array, socket: InetSocket): boolean {
  const view = new DataView(program.buffer, program.byteOffset, program.byteLength);
  expect(checkBytecode(view)).toBe(true);
  return runBytecode(view, socket.data, socket.offset, socket.offset + socket.length);
}

/** The first bits of an address. Bytes that a shorter address lacks are zero. */
function leading(bytes: Uint8Array, bits: number): string {
  const padded = Uint8Array.from({ length: IPV6_BYTES }, (_, index) => bytes[index] ?? 0);
  return Array.from(padded, (byte) => byte.toString(2).padStart(8, "0"))
    .join("")
    .slice(0, bits);
}

/**
 * Whether a filter compares an address with one of another family whose bytes happen to agree: there ss, and so we,
 * find a match. The kernel does not, because it compares the family first. This is the only difference.
 */
function comparesBytesAcrossFamilies(filter: Filter, socket: InetSocket): boolean {
  return Array.from(predicatesOf(filter)).some(({ kind, operand }) => {
    if ((kind !== "src" && kind !== "dst") || operand.kind !== "inet" || operand.prefix === undefined)
      return false;
    const { address: wanted, length } = operand.prefix;
    const at = kind === "src" ? socket.sourceOffset : socket.destinationOffset;
    const own = new Uint8Array(socket.data.buffer, at, socket.addressLength);
    return own.length !== wanted.length && leading(own, length) === leading(wanted, length);
  });
}

test("the kernel sends exactly the sockets that match", () => {
  let agreed = 0;
  fc.assert(
    fc.property(filters(kernelPredicate), inetSocket, (filter, socket) => {
      fc.pre(!comparesBytesAcrossFamilies(filter, socket));
      const passes = compileFilter(filter, KNOWN)(subjectOf(socket));
      expect(sends(compileBytecode(filter)!, socket)).toBe(passes);
      if (passes) agreed++;
    }),
    RUNS,
  );
  expect(agreed).toBeGreaterThan(RUNS.numRuns / 10);
});

test("addresses of different families: ss compares their bytes, the kernel does not", () => {
  const loopback6 = make({ source: bytesOf(ADDRESSES6[1]!) });
  const filter = parse("src 0.0.0.0");
  expect(comparesBytesAcrossFamilies(filter, loopback6)).toBe(true);
  expect(compileFilter(filter, KNOWN)(subjectOf(loopback6))).toBe(true);
  expect(sends(compileBytecode(filter)!, loopback6)).toBe(false);
});

test("for a filter with predicates of ours the kernel sends every socket that may match", () => {
  let spared = 0;
  const known = { ...KNOWN, owners: () => [{ pid: 10, name: encoder.encode("x") }] };
  fc.assert(
    fc.property(filters(fc.oneof(kernelPredicate, otherPredicate)), inetSocket, (filter, socket) => {
      fc.pre(!comparesBytesAcrossFamilies(filter, socket));
      const program = compilePrefilter(filter);
      if (program === undefined || sends(program, socket)) return;
      expect(compileFilter(filter, known)(subjectOf(socket))).toBe(false);
      spared++;
    }),
    RUNS,
  );
  expect(spared).toBeGreaterThan(RUNS.numRuns / 20);
});

test("a relaxed filter matches every socket that the whole filter matches, and as few others as possible", () => {
  const leaf = fc.record({
    kind: fc.constant("sport" as const),
    relation: fc.constant("=" as const),
    operand: fc.record({ kind: hostKind, prefix: fc.constant(undefined), port: fc.nat({ max: 3 }) }),
  });
  /** The value of a filter whose predicates have the given values. */
  const value = (filter: Filter, values: readonly boolean[]): boolean => {
    if (filter.kind === "not") return !value(filter.filter, values);
    if (isJoin(filter)) {
      const sides = [value(filter.left, values), value(filter.right, values)];
      return filter.kind === "and" ? sides.every(Boolean) : sides.some(Boolean);
    }
    return values[(filter.operand as { port: number }).port]!;
  };
  const bits = (number: number) => [0, 1, 2, 3].map((bit) => (number >> bit) % 2 === 1);
  fc.assert(
    fc.property(filters(leaf as fc.Arbitrary<FilterPredicate>), (filter) => {
      const isKnown = ({ operand }: FilterPredicate) => (operand as { port: number }).port < 2;
      const weaker = relax(filter, isKnown);
      expect(weaker === undefined || [...predicatesOf(weaker)].every(isKnown)).toBe(true);
      const ports = Array.from(predicatesOf(filter), ({ operand }) => (operand as { port: number }).port);
      const once = new Set(ports).size === ports.length;
      for (let known = 0; known < 4; known++) {
        const whole = [0, 4, 8, 12].map((unknown) => value(filter, bits(known + unknown)));
        const passes = weaker === undefined || value(weaker, bits(known));
        if (whole.some(Boolean)) expect(passes).toBe(true);
        // If no predicate occurs twice, the relaxed filter rejects as many sockets as possible.
        else if (once) expect(passes).toBe(false);
      }
    }),
    RUNS,
  );
});

test.each([
  ["sport 22 and rtt > 5ms", "sport 22"],
  ["rtt > 5ms", undefined],
  ["rtt > 5ms and sport 22 and dev lo and dst 10/8", "sport 22 and dst 10/8"],
  ["rtt > 5ms or sport 22", undefined],
  ["( rtt > 5ms or sport 22 ) dport 1", "dport 1"],
  ["not ( rtt > 5ms or sport 22 )", "not sport 22"],
  ["not ( rtt > 5ms and sport 22 )", undefined],
  ["not ( pid 5 or not sport 22 )", "not not sport 22"],
])("%s is sent to the kernel as %s", (text, sent) => {
  const program = compilePrefilter(parse(text));
  expect(program).toEqual(sent === undefined ? undefined : compileBytecode(parse(sent))!);
});

test("a filter with only ss's keywords is compiled as ss does, or not at all", () => {
  expect(compilePrefilter(parse("sport 22 and dev lo"))).toBeUndefined();
  expect(compilePrefilter(parse("sport 22"))).toEqual(compileBytecode(parse("sport 22"))!);
});

describe("common filters", () => {
  const ten = bytesOf("0a000001");
  const sockets = {
    hadoop: make({ source: ten, fields: { sport: 40000, dport: 50010 } }),
    grafana: make({ fields: { sport: 3030, stateNumber: SS_LISTEN } }),
    elastic: make({ destination: ten, fields: { sport: 40001, dport: 9200 } }),
    ssh: make({
      source: ten,
      destination: bytesOf("c0000201"),
      fields: { sport: 22, dport: 5000, interfaceIndex: 1 },
    }),
    web: make({ source: bytesOf(ADDRESSES6[5]!), fields: { sport: 50000, dport: 443 } }),
  };

  test.each([
    ["dst :50010", "hadoop"],
    ["src :3030", "grafana"],
    ["dst :9200", "elastic"],
    ["dst 10.0.0.0/8", "elastic"],
    ["( sport = :ssh or dport = :443 )", "ssh web"],
    ["not dev lo", "hadoop grafana elastic web"],
    ["sport gt 1024 and not dst 10/8", "hadoop grafana web"],
  ])("%s", (text, expected) => {
    const filter = parse(text);
    const passes = compileFilter(filter, KNOWN);
    const program = compileBytecode(filter);
    const passing = Object.entries(sockets).filter(([, socket]) => passes(subjectOf(socket)));
    expect(passing.map(([name]) => name).join(" ")).toBe(expected);
    expect(program === undefined).toBe(text.includes("dev"));
    if (program === undefined) return;
    const sent = Object.entries(sockets).filter(([, socket]) => sends(program, socket));
    expect(sent.map(([name]) => name).join(" ")).toBe(expected);
  });
});

test("each word is read once, whatever their number", () => {
  let lookups = 0;
  const counting = { ...context, lookups: { ...context.lookups, userId: () => ++lookups } };
  const count = 20_000;
  const text = `( user a ) or not ( user b ) ${"or user c ".repeat(count)}`;
  const { filter } = parseFilter({ args: [text] }, counting);
  expect(lookups).toBe(count + 2);
  expect([...predicatesOf(filter!)]).toHaveLength(count + 2);
});
