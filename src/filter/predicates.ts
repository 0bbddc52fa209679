/**
 * The table of predicates. A row says which relations a keyword takes, how its operand is read and written, which facts
 * of a socket it reads and how they are tested. Lexer, parser, formatter and compilers work from these rows. Sockscope's
 * own predicates are in `facts`.
 */
import { factPredicates } from "./facts.ts";
import { ANY } from "./number-hosts.ts";
import type { HostOperand, SsOperands } from "./operands.ts";
import { readHost } from "./read-host.ts";
import { readCgroup, readDevice, readMark, requireCgroups } from "./read-operands.ts";
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
import type { FilterKeyword, FilterOperands, SsKeyword } from "./tree.ts";
import { writeHost, writeMark, writeWord } from "./writing.ts";

/** The facts that each kind of host reads for its address. */
const hostFacts: Partial<Record<HostOperand["kind"], readonly Fact[]>> = {
  // As in ss, addresses are also compared with the protocols of netlink and packet sockets, and match unnamed unix ones.
  inet: ["address", "word", "name"],
  name: ["address", "word", "name"],
  unix: ["name"],
};
const numberHostFacts: readonly Fact[] = ["word"];

const hostOperand: OperandRow<HostOperand> = {
  expects: "a host",
  relations: ["="],
  read: (word, reading) => readHost(word, reading, false),
  write: (host, writing) => writeHost(host, writing, false),
};

const portOperand: OperandRow<HostOperand> = {
  expects: "a port",
  relations: ORDER,
  read: (word, reading) => readHost(word, reading, true),
  write: (host, writing) => writeHost(host, writing, true),
};

function factsOfHost(host: HostOperand): readonly Fact[] {
  const port = host.kind !== "unix" && host.port !== ANY;
  const address = host.kind !== "inet" || host.prefix !== undefined;
  return [
    ...(port ? (["port"] as const) : []),
    ...(address ? (hostFacts[host.kind] ?? numberHostFacts) : []),
  ];
}

/** `sport` of a unix socket is its name if the operand is a pattern, and its inode otherwise. */
function factsOfPort(host: HostOperand): readonly Fact[] {
  return host.kind === "unix" ? ["name", "port"] : ["port"];
}

/** ss's predicates. */
export const predicates: { readonly [K in SsKeyword]: PredicateRow<SsOperands[K]> } = {
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

/** All predicates by keyword: ss's and Sockscope's own. */
export const allPredicates: { readonly [K in FilterKeyword]: PredicateRow<FilterOperands[K]> } = {
  ...predicates,
  ...factPredicates,
};

/** Whether a word is a keyword of ss. Such a word is never an operand. */
export function isKeyword(word: string): word is SsKeyword {
  return Object.hasOwn(predicates, word);
}

/** Whether a word is a keyword of Sockscope's own. It is one only where a predicate can begin. */
export function isFactKeyword(word: string): word is keyof typeof factPredicates {
  return Object.hasOwn(factPredicates, word);
}
