import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { filterReport } from "../cli/filter-report.ts";
import type { FilterSubject } from "../families/filter-subject.ts";
import { AF_INET, AF_INET6, AF_NETLINK, AF_PACKET, AF_UNIX, AF_VSOCK, AF_XDP } from "../model/family.ts";
import { netlinkProtocolNumber } from "../model/netlink-protocols.ts";
import { compilePrefilter } from "./bytecode.ts";
import { FilterError } from "./errors.ts";
import { compileFilter } from "./evaluate.ts";
import { factPredicates } from "./facts.ts";
import { formatFilter } from "./format.ts";
import { demandsOf, factsNeeded } from "./needs.ts";
import type { HostOperand } from "./operands.ts";
import { parseFilter } from "./parser.ts";
import type { FilterContext } from "./reading.ts";
import type { FilterRelation } from "./relations.ts";
import { relax } from "./relax.ts";
import { type FilterSource, sourceText } from "./source.ts";
import { type Filter, type FilterPredicate, isJoin, mapPredicates, predicatesOf } from "./tree.ts";

const KNOWN = { portRange: { low: 32768, high: 60999 } };
const RUNS = { numRuns: Number(process.env["FUZZ_RUNS"] ?? 500) };
const DEEP = 100_000;

function context(preferred: number | undefined): FilterContext {
  return {
    tables: new Set(["tcp", "udp"]),
    preferred,
    lookups: {
      port: (service, protocol) => ({ http: 80, odd: protocol === "tcp" ? 1 : 2 })[service],
      interfaceIndex: (name) => (name === "lo" ? 1 : undefined),
      netlinkProtocol: netlinkProtocolNumber,
      cgroupId: (path) => (path.startsWith("/") ? BigInt(path.length) : "Invalid cgroup2 path"),
      knowsCgroups: () => true,
    },
  };
}

const preferred = fc.constantFrom(
  undefined,
  AF_INET,
  AF_INET6,
  AF_UNIX,
  AF_PACKET,
  AF_NETLINK,
  AF_VSOCK,
  AF_XDP,
);
const u32 = fc.nat({ max: 0xffffffff });
const orAny = (arbitrary: fc.Arbitrary<number>) => fc.oneof(fc.constant(-1), arbitrary);
const port = fc.oneof(fc.constantFrom(-1, 0, 80, 65535, 65536, -5), fc.maxSafeInteger());
const relation = fc.constantFrom<FilterRelation>("=", "!=", ">=", "<=", ">", "<");
const equality = fc.constantFrom<FilterRelation>("=", "!=");

const prefix = fc.constantFrom(4, 16).chain((bytes) =>
  fc.record({
    address: fc.uint8Array({ minLength: bytes, maxLength: bytes }),
    length: fc.nat({ max: bytes * 8 }),
  }),
);
const position = fc.constant({ offset: 0, length: 0 });
const named = fc.record({
  kind: fc.constant("name" as const),
  name: fc.stringMatching(/^[g-z][a-z0-9_.-]{0,9}$/),
  family: fc.constantFrom(AF_INET, AF_INET6),
  port,
  addresses: fc.constant(undefined),
  position,
});
const unixHost = fc.record({ kind: fc.constant("unix" as const), pattern: fc.string() });
const linkHost = (address: fc.Arbitrary<number>) =>
  fc.record({ kind: fc.constant("link" as const), address, port });
const netlinkHost = (address: fc.Arbitrary<number>) =>
  fc.record({ kind: fc.constant("netlink" as const), address, port });
const vsockHost = (address: fc.Arbitrary<number>) =>
  fc.record({ kind: fc.constant("vsock" as const), address, port: orAny(u32) });
const inetHost = (address: typeof prefix | fc.Arbitrary<undefined>) =>
  fc.record({ kind: fc.constant("inet" as const), prefix: address, port });

const host: fc.Arbitrary<HostOperand> = fc.oneof(
  inetHost(prefix),
  inetHost(fc.constant(undefined)),
  named,
  unixHost,
  linkHost(orAny(fc.nat({ max: 0xffff }))),
  netlinkHost(orAny(fc.nat({ max: 255 }))),
  vsockHost(orAny(u32)),
);
const none = fc.constant(-1);
const portHost: fc.Arbitrary<HostOperand> = fc.oneof(
  inetHost(fc.constant(undefined)),
  unixHost,
  linkHost(none),
  netlinkHost(none),
  vsockHost(none),
);

const factWords = Object.keys(factPredicates) as (keyof typeof factPredicates)[];
const amountOperand: fc.Arbitrary<object> = fc.record({ amount: fc.maxSafeNat() });
/** What each kind of fact takes, amounts excepted. */
const factOperands: Readonly<Record<string, fc.Arbitrary<object>>> = {
  // No pattern is a word of the grammar.
  PATTERN: fc.record({ pattern: fc.string().map((text) => `?${text}`) }),
  USER: fc.record({ uid: u32 }),
  TIMER: fc.record({ timer: fc.constantFrom("off", "on", "keepalive", "t3-rtx") }),
};

const predicate = fc.oneof(
  fc.record({
    kind: fc.constantFrom("src", "dst"),
    relation: fc.constant<FilterRelation>("="),
    operand: host,
  }),
  fc.record({ kind: fc.constantFrom("sport", "dport"), relation, operand: portHost }),
  fc.record({ kind: fc.constant("dev" as const), relation: equality, operand: fc.record({ index: u32 }) }),
  fc.record({
    kind: fc.constant("fwmark" as const),
    relation: equality,
    operand: fc.record({ mark: u32, mask: u32 }),
  }),
  fc.record({
    kind: fc.constant("cgroup" as const),
    relation: equality,
    operand: fc.string().map((name) => ({ path: `/${name}`, id: BigInt(name.length + 1) })),
  }),
  fc.constant({ kind: "autobound", relation: "=", operand: undefined } as const),
  fc.constantFrom(...factWords).chain((kind) =>
    fc.record({
      kind: fc.constant(kind),
      relation: fc.constantFrom(...factPredicates[kind].operand!.relations),
      operand: factOperands[factPredicates[kind].operandName] ?? amountOperand,
    }),
  ),
) as fc.Arbitrary<FilterPredicate>;

function filters(leaf: fc.Arbitrary<FilterPredicate>): fc.Arbitrary<Filter> {
  return fc.letrec<{ filter: Filter }>((tie) => ({
    filter: fc.oneof(
      { maxDepth: 6 },
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

/** A filter without the places of its host names, which depend on how it is spelled. */
function withoutPlaces(filter: Filter): Filter {
  return mapPredicates(filter, (one) => {
    if (one.operand === undefined || !("position" in one.operand)) return one;
    return { ...one, operand: { ...one.operand, position: { offset: 0, length: 0 } } } as FilterPredicate;
  });
}

const vocabulary = (
  "src dst sport dport dev fwmark cgroup autobound and or not ! ( ) = != >= <= > < ge 80 http odd lo any * :22 " +
  "pid comm user uid rtt recvq delivery_rate timer tos 5ms 1.5k 10mbps 7 keepalive root " +
  "10/8 [::1]:80 ::/0 unix:* inet:1 inet6:* link:ip:lo netlink:rtnl vsock:3:4 /x 1/2 \\ a\\ b [::1 08 name"
).split(" ");
const word = fc.oneof({ weight: 4, arbitrary: fc.constantFrom(...vocabulary) }, fc.string());
const source: fc.Arbitrary<FilterSource> = fc.oneof(
  fc
    .array(
      fc.oneof(
        word,
        fc.array(word).map((words) => words.join(" ")),
      ),
    )
    .map((args) => ({ args })),
  fc.record({ args: fc.array(word), file: fc.uint8Array({ maxLength: 2000 }) }),
  fc.record({
    args: fc.array(word),
    file: fc
      .array(fc.array(word).map((words) => words.join(" ")))
      .map((lines) => Buffer.from(lines.join("\n"))),
  }),
);

test("any text is a filter, or a mistake with a position", () => {
  fc.assert(
    fc.property(source, preferred, (text, family) => {
      try {
        const { filter } = parseFilter(text, context(family));
        if (filter === undefined) return;
        compilePrefilter(filter);
        demandsOf(filter);
        const again = parseFilter({ args: [formatFilter(filter, family)] }, context(family)).filter!;
        expect(withoutPlaces(again)).toEqual(withoutPlaces(filter));
      } catch (error) {
        if (!(error instanceof FilterError)) throw error;
        const { length } = sourceText(text);
        expect(error.offset).toBeWithin(0, length + 1);
        expect(error.offset + error.length).toBeWithin(error.offset, length + 1);
        expect(filterReport(error, "ss").text).toEndWith("\n");
        expect([1, 255]).toContain(filterReport(error, "ss").status);
      }
    }),
    RUNS,
  );
});

test("parsing what was formatted gives the same filter", () => {
  fc.assert(
    fc.property(filters(predicate), preferred, (filter, family) => {
      const text = formatFilter(filter, family);
      const { filter: parsed, names } = parseFilter({ args: [text] }, context(family));
      expect(withoutPlaces(parsed!)).toEqual(filter);
      for (const { name, position } of names)
        expect(text.slice(position.offset)).toMatch(new RegExp(`^(inet6?:)?${name}:`));
    }),
    RUNS,
  );
});

test("a filter holds as its parts do", () => {
  const sport = fc.record({
    kind: fc.constant("sport" as const),
    relation,
    operand: inetHost(fc.constant(undefined)).map((one) => ({ ...one, port: Math.abs(one.port % 4) })),
  });
  const socket = { family: AF_INET, sport: 0 } as FilterSubject;
  const holds = (filter: Filter, subject: FilterSubject): boolean => {
    if (filter.kind === "not") return !holds(filter.filter, subject);
    if (!isJoin(filter)) return compileFilter(filter, KNOWN)(subject);
    const left = holds(filter.left, subject);
    const right = holds(filter.right, subject);
    return filter.kind === "and" ? left && right : left || right;
  };
  fc.assert(
    fc.property(filters(sport), (filter) => {
      const whole = compileFilter(filter, KNOWN);
      for (const sport of [0, 1, 2, 3, 4]) {
        const subject = { ...socket, sport };
        expect(whole(subject)).toBe(holds(filter, subject));
      }
    }),
    RUNS,
  );
});

describe("depth and length exhaust nothing", () => {
  const repeated = (text: string) => text.repeat(DEEP);
  const huge: Record<string, string> = {
    "nested parentheses": `${repeated("( ")}sport 1${repeated(" )")}`,
    negations: `${repeated("not ")}sport 1`,
    "negated parentheses": `${repeated("not ( ")}sport 1${repeated(" )")}`,
    "a chain to the left": `sport 1${repeated(" or sport 2")}`,
    "a chain to the right": `${repeated("sport 2 or ( ")}sport 1${repeated(" )")}`,
  };
  for (const [name, text] of Object.entries(huge)) {
    test(name, () => {
      const { filter } = parseFilter({ args: [text] }, context(undefined));
      const count = [...predicatesOf(filter!)].length;
      const matches = compileFilter(filter!, KNOWN);
      expect(matches({ family: AF_INET, sport: 1 } as FilterSubject)).toBe(true);
      expect(matches({ family: AF_INET, sport: 3 } as FilterSubject)).toBe(false);
      expect([...factsNeeded(filter!)]).toEqual(["port"]);
      compilePrefilter(filter!);
      expect(formatFilter(relax(filter!, () => true)!)).toBe(formatFilter(filter!));
      expect(relax(filter!, () => false)).toBeUndefined();
      const formatted = formatFilter(filter!);
      const again = parseFilter({ args: [formatted] }, context(undefined)).filter!;
      expect(formatFilter(again)).toBe(formatted);
      expect([...predicatesOf(again)].length).toBe(count);
    });
  }

  test("parentheses that are never closed, or never opened", () => {
    expect(() => parseFilter({ args: [repeated("( ")] }, context(undefined))).toThrow(FilterError);
    expect(() => parseFilter({ args: [`sport 1${repeated(" )")}`] }, context(undefined))).toThrow(
      FilterError,
    );
  });
});
