/**
 * The predicates: one row says which relations a keyword takes, how its operand is read and written, what it
 * reads of a socket and how it is tested. Scanner, parser, formatter, evaluation and needs only know the rows. Here
 * are ss's; `facts` has ours.
 */
import { factPredicates } from "./facts.ts";
import {
  type AllOperands,
  ANY,
  type Host,
  type Operands,
  readCgroup,
  readDevice,
  readHost,
  readMark,
  requireCgroups,
} from "./operands.ts";
import { EQUALITY, type OperandRow, ORDER, type PredicateRow } from "./row.ts";
import {
  autoboundTest,
  cgroupTest,
  destination,
  deviceTest,
  hostComparison,
  markTest,
  source,
} from "./socket-tests.ts";
import type { Fact } from "./subject.ts";
import type { AnyKeyword, Keyword } from "./tree.ts";
import { writeHost, writeMark, writeWord } from "./writing.ts";

/** What each kind of host reads for its address, besides the port. */
const hostFacts: Readonly<Record<Host["kind"], readonly Fact[]>> = {
  // An address is also compared with netlink and packet protocols, and with the lack of a unix name.
  inet: ["address", "word", "name"],
  name: ["address", "word", "name"],
  unix: ["name"],
  link: ["word"],
  netlink: ["word"],
  vsock: ["word"],
};

const hostOperand: OperandRow<Host> = {
  expects: "a host",
  relations: ["="],
  read: (word, reading) => readHost(word, reading, false),
  write: (host, writing) => writeHost(host, writing, false),
};

const portOperand: OperandRow<Host> = {
  expects: "a port",
  relations: ORDER,
  read: (word, reading) => readHost(word, reading, true),
  write: (host, writing) => writeHost(host, writing, true),
};

function factsOfHost(host: Host): readonly Fact[] {
  const port = host.kind !== "unix" && host.port !== ANY;
  const address = host.kind !== "inet" || host.prefix !== undefined;
  return [...(port ? (["port"] as const) : []), ...(address ? hostFacts[host.kind] : [])];
}

/** `sport` of a unix socket is its name if hosts are names, and its inode otherwise. */
function factsOfPort(host: Host): readonly Fact[] {
  return host.kind === "unix" ? ["name", "port"] : ["port"];
}

/** The predicates that ss has. */
export const predicates: { readonly [K in Keyword]: PredicateRow<Operands[K]> } = {
  src: { operand: hostOperand, facts: factsOfHost, test: hostComparison(source) },
  dst: { operand: hostOperand, facts: factsOfHost, test: hostComparison(destination) },
  sport: { operand: portOperand, facts: factsOfPort, test: hostComparison(source) },
  dport: { operand: portOperand, facts: factsOfPort, test: hostComparison(destination) },
  dev: {
    operand: {
      expects: "an interface",
      relations: EQUALITY,
      read: readDevice,
      write: ({ index }) => String(index),
    },
    facts: () => ["interfaceIndex"],
    test: deviceTest,
  },
  fwmark: {
    operand: { expects: "a mark", relations: EQUALITY, read: readMark, write: writeMark },
    facts: () => ["mark"],
    test: markTest,
  },
  cgroup: {
    operand: {
      expects: "the path of a control group",
      relations: EQUALITY,
      read: readCgroup,
      require: requireCgroups,
      write: ({ path }) => writeWord(path),
    },
    facts: () => ["cgroupId"],
    test: cgroupTest,
  },
  autobound: {
    facts: () => ["name", "word", "port", "portRange"],
    test: (_operand, _comparison, { portRange }) => autoboundTest(portRange),
  },
};

/** All predicates by keyword. */
export const allPredicates: { readonly [K in AnyKeyword]: PredicateRow<AllOperands[K]> } = {
  ...predicates,
  ...factPredicates,
};

/** Tells ss's keywords, which are no operands anywhere, from other words. */
export function isKeyword(word: string): word is Keyword {
  return Object.hasOwn(predicates, word);
}

/** Tells our own keywords, which are keywords only where a predicate can begin, from other words. */
export function isFactKeyword(word: string): word is keyof typeof factPredicates {
  return Object.hasOwn(factPredicates, word);
}
