/** What a finding between two hosts consists of, and the rules by name. */
import type { Severity } from "../doctor/rule.ts";
import type { End } from "./ends.ts";

/** A problem between two hosts. */
export interface PairFinding {
  /** Name of the rule. */
  readonly rule: PairRuleId;
  readonly severity: Severity;
  /** What is wrong, in one sentence without a full stop. May contain strangers' text. */
  readonly title: string;
  /** The ends that show it, one of each host as far as there are two. */
  readonly ends: readonly End[];
  /** The hosts whose NAT the connection passes. */
  readonly nat?: readonly string[];
  /** How many connections show the same between the same programs. */
  readonly connections: number;
  /** The numbers behind it; keys end in the unit. */
  readonly values: Readonly<Record<string, number>>;
}

/** The rules, with why each matters and what to do. */
export const pairRules = {
  "reader-stuck": {
    why: "The bytes have arrived, and the program at that end does not read them; the network is not the cause.",
    advice: "Find out what the reading program does: it is busy, blocked or stopped.",
  },
  "reader-slow": {
    why: "The receive queue stays full, and its window lets the sender send only what was read. The network is not the cause.",
    advice: "Make the reading program faster, or accept its speed: a larger buffer only delays the wait.",
  },
  "acks-lost": {
    why: "The receiver has more bytes than the sender knows of, so that the sender sends them again. The way back is broken.",
    advice: "Check the path from the receiver to the sender: its route, and firewalls on it.",
  },
  "writer-held": {
    why: "The peer's window and the congestion window have room, and the sending host keeps the bytes.",
    advice:
      "Check SO_MAX_PACING_RATE and TCP_CORK of the writing program, and the queueing discipline: tc -s qdisc.",
  },
  "path-stuck": {
    why: "One end sends again and again, and the other receives nothing more: the packets are lost on the way.",
    advice: "Check the path between the two hosts: firewalls, the path MTU, overloaded links.",
  },
  "path-loss": {
    why: "Segments are lost in this direction only as often as they are sent again.",
    advice: "Check the path in this direction: drops of interfaces on both hosts and between them.",
  },
  "half-open": {
    why: "This end holds a connection that the other end does not have. It notices with its next data, or never.",
    advice: "Set SO_KEEPALIVE, or a time limit, in the program that still holds it.",
  },
  "syn-lost": {
    why: "The SYN was sent several times, and the host that it is for has no trace of it.",
    advice:
      "Look for a firewall between the hosts, or on the host that is called, and for a route that leads elsewhere.",
  },
  "answer-lost": {
    why: "The SYN has arrived and was answered; the answer does not come back.",
    advice: "Check the way back: another route, or a firewall that has not seen the SYN.",
  },
  "nothing-listens": {
    why: "The host is there and nothing listens on that port; even the refusal does not come back.",
    advice: "Start the service, or mend the address; a firewall hides the refusal.",
  },
  "accept-queue-full": {
    why: "The listener's queue is full, so the kernel drops the connection attempts of clients, which try again and wait.",
    advice: "Make the server accept faster, or raise its backlog and net.core.somaxconn.",
  },
  "never-closes": {
    why: "One end has closed and waits. The program at the other end has read the end of the stream, or could, and keeps its socket open.",
    advice: "The program in CLOSE-WAIT leaks the connection: it must close() when read() returns 0.",
  },
  "mss-differs": {
    why: "TCP uses the smaller size, so this connection works. Packets of other protocols, or without path MTU discovery, may not pass.",
    advice:
      "Compare the MTU of the interfaces and routes on both hosts; a tunnel or a firewall may lower the MSS on purpose.",
  },
  "options-differ": {
    why: "Both ends negotiated TCP options in their SYNs, and they disagree on the result: something between them rewrites SYNs.",
    advice: "Look for a firewall or load balancer that normalises TCP options.",
  },
} as const;

/** The name of a rule. */
export type PairRuleId = keyof typeof pairRules;

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
