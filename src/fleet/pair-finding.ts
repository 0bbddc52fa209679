/** What a finding between two hosts consists of, and the rules by name. */
import type { Rule, Severity } from "../doctor/rule.ts";
import type { End, EndAddress } from "./ends.ts";

/** A socket that a host should have and does not have. */
export interface AbsentEnd {
  readonly host: string;
  /** The address that it would have. */
  readonly local: EndAddress;
  /** The peer's address as that host would see it; undefined for a listener, and behind NAT. */
  readonly peer?: EndAddress;
}

/** A problem between two hosts. */
export interface PairFinding {
  /** Name of the rule. */
  readonly rule: PairRuleId;
  readonly severity: Severity;
  /** What is wrong, in one sentence without a full stop. May contain strangers' text. */
  readonly title: string;
  /** The ends that show it, one of each host as far as there are two. */
  readonly ends: readonly End[];
  /** The other end, if its host does not have it. */
  readonly absent?: AbsentEnd;
  /** The hosts whose NAT the connection passes. */
  readonly nat?: readonly string[];
  /** How many connections show the same between the same programs. */
  readonly connections: number;
  /** The numbers behind it; keys end in the unit. */
  readonly values: Readonly<Record<string, number>>;
}

/** A rule about both ends. */
interface PairRule {
  /** Of all its findings. */
  readonly severity: Severity;
  /** What it looks for. */
  readonly title: string;
  /** Why it matters. */
  readonly why: string;
  /** What to do. */
  readonly advice: string;
  /** Facts of both ends that its evidence shows beside queues and retransmissions. */
  readonly facts?: readonly EndFact[];
}

/** A fact of an end that some rules show. */
export type EndFact =
  | "acked"
  | "received"
  | "window"
  | "buffer"
  | "window-limit"
  | "drops"
  | "mss"
  | "announced-mss"
  | "path-mtu"
  | "options";

/** The rules, with why each matters and what to do. */
export const pairRules = {
  "reader-stuck": {
    severity: "warning",
    title: "A program does not read what has arrived, and the other end waits",
    why: "The bytes have arrived, and the program at that end does not read them. The network is not the cause.",
    advice: "Find out what the reading program does: it is busy, blocked or stopped.",
    facts: ["window"],
  },
  "reader-slow": {
    severity: "warning",
    title: "A program reads slower than the other end writes",
    why: "The receive queue stays full, so the reader's window stops the writer. The network is not the cause.",
    advice: "Make the reading program faster, or accept its speed: a larger buffer only delays the wait.",
    facts: ["window", "buffer"],
  },
  "buffer-small": {
    severity: "warning",
    title: "A small receive buffer holds the other end back",
    why: "The reader keeps up, but its buffer holds too little for one round trip. The network is not the cause.",
    advice:
      "Remove SO_RCVBUF from the reading program, so that the kernel sizes the buffer, or raise it; net.ipv4.tcp_rmem has the default and the limit.",
    facts: ["window", "buffer", "window-limit"],
  },
  "memory-pressure": {
    severity: "warning",
    title: "A host is short of memory for TCP, and holds the other end back",
    why: "The reader keeps up. Its host takes only a few segments at a time, or drops them, because memory for TCP is short.",
    advice:
      "On the reader's host, compare /proc/net/sockstat with net.ipv4.tcp_mem, and check the memory limit of the program's control group.",
    facts: ["window", "buffer", "window-limit", "drops"],
  },
  "acks-lost": {
    severity: "critical",
    title: "Bytes arrive, and their acknowledgements do not come back",
    why: "The receiver has more bytes than the sender knows of, so the sender sends them again. The way back is broken.",
    advice: "Check the path from the receiver to the sender: its route, and firewalls on it.",
    facts: ["acked", "received"],
  },
  "writer-held": {
    severity: "warning",
    title: "A host does not send what both windows allow",
    why: "The peer's window and the congestion window have room, and the sending host keeps the bytes.",
    advice:
      "Check SO_MAX_PACING_RATE and TCP_CORK of the writing program, and the host's queueing disciplines (tc -s qdisc).",
    facts: ["window"],
  },
  "path-stuck": {
    severity: "critical",
    title: "One end sends again and again, and nothing arrives",
    why: "One end sends again and again, and the other receives nothing more: the packets are lost on the way.",
    advice: "Check the path between the two hosts: firewalls, the path MTU, overloaded links.",
    facts: ["acked", "received"],
  },
  "path-loss": {
    severity: "warning",
    title: "Segments are lost in one direction",
    why: "Segments that are sent again and had not arrived before were lost in this direction.",
    advice: "Check the path in this direction: drops of interfaces on both hosts and between them.",
    facts: ["drops"],
  },
  "half-open": {
    severity: "warning",
    title: "One end holds a connection that the other host does not have",
    why: "This end holds a connection that the other host does not have. It notices with its next data, or never.",
    advice: "Set SO_KEEPALIVE, or a time limit, in the program that still holds it.",
  },
  "syn-lost": {
    severity: "critical",
    title: "SYNs do not arrive at a host that has a listener for them",
    why: "The SYN was sent several times, and the host that it is for has no trace of it.",
    advice:
      "Look for a firewall between the hosts or on the listener's host, and for a route that leads elsewhere.",
  },
  "answer-lost": {
    severity: "critical",
    title: "The answer to a SYN does not come back",
    why: "The SYN has arrived and was answered; the answer does not come back.",
    advice: "Check the way back: another route, or a firewall that has not seen the SYN.",
  },
  "nothing-listens": {
    severity: "critical",
    title: "SYNs are sent to a port on which nothing listens",
    why: "The host is up, and nothing listens on that port. The refusal does not come back either.",
    advice: "Start the service, or correct the address. A firewall hides the refusal.",
  },
  "accept-queue-full": {
    severity: "critical",
    title: "A full accept queue makes clients of another host wait",
    why: "The listener's queue is full, so the kernel drops the connection attempts of clients, which try again and wait.",
    advice: "Make the server accept faster, or raise its backlog and net.core.somaxconn.",
  },
  "never-closes": {
    severity: "warning",
    title: "One end has closed, and the program at the other end does not",
    why: "One end has closed and waits. The program at the other end keeps its socket open.",
    advice: "The program in CLOSE-WAIT leaks the connection: it must close() when read() returns 0.",
  },
  "mss-differs": {
    severity: "info",
    title: "The ends use or announce different segment sizes",
    why: "TCP uses the smaller size, so this connection works. Packets of other protocols, or without path MTU discovery, may not pass.",
    advice:
      "Compare the MTU of the interfaces and routes on both hosts. A tunnel or a firewall may lower the MSS on purpose.",
    facts: ["mss", "announced-mss", "path-mtu"],
  },
  "options-differ": {
    severity: "warning",
    title: "The ends disagree on TCP options",
    why: "Each end derives the options from the two SYNs, and the results differ: something between them rewrites SYNs.",
    advice: "Look for a firewall or load balancer that normalises TCP options.",
    facts: ["options"],
  },
} as const satisfies Record<string, PairRule>;

/** The facts that the evidence of a rule shows. */
export function factsOf(rule: PairRuleId): readonly EndFact[] {
  const { facts = [] }: PairRule = pairRules[rule];
  return facts;
}

/** The name of a rule. */
export type PairRuleId = keyof typeof pairRules;

/** What the rules read, for --explain. */
const READS = ["the TCP sockets of all hosts that --host names, both ends of each connection joined"];

/** The rules in the form of those that read one host, for --list-rules and --explain. They are not checked this way. */
export const pairRuleList: readonly Rule[] = Object.entries(pairRules).map(
  ([id, { severity, title, why, advice }]) => ({
    id,
    title,
    severity,
    reads: READS,
    thresholds: {},
    why,
    advice: [{ text: advice.replace(/\.$/, "") }],
    rate: true,
    page: "docs/fleet.md",
    check: () => [],
  }),
);

/** The names of all rules. */
export const pairRuleIds: readonly string[] = Object.keys(pairRules);

/** What a rule finds. The severity is that of the rule. */
export type FoundPair = Omit<PairFinding, "severity">;

/** The same end in both samples. */
export interface Moved {
  readonly before: End;
  readonly now: End;
}

/** An end as titles name it: its processes and its host. */
export function endName({ host, netns, process }: End): string {
  const where = netns === undefined ? host : `${host} (${netns})`;
  return process === undefined || process === "" ? where : `${process} on ${where}`;
}

/** A number of bytes as titles write it. */
export function bytes(count: number): string {
  return `${count.toLocaleString("en")} ${count === 1 ? "byte" : "bytes"}`;
}
