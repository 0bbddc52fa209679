/**
 * What only both ends of a connection show: where its bytes are stuck, what was sent and never arrived, and who does not
 * close. Each rule compares two samples of all hosts, taken some seconds apart, so that what is moving is not found.
 */
import type { Severity } from "../doctor/rule.ts";
import { type End, identityOf } from "./ends.ts";
import type { Joined, MissingEnd, Pair } from "./join.ts";

/** A problem between two hosts. */
export interface PairFinding {
  /** Name of the rule. */
  readonly rule: PairRuleId;
  readonly severity: Severity;
  /** What is wrong, in one sentence without a full stop. May contain strangers' text. */
  readonly title: string;
  /** The ends that show it, one of each host as far as there are two. */
  readonly ends: readonly End[];
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
  "path-stuck": {
    why: "One end sends and sends again, and the other has received nothing more: the packets, or their acknowledgements, are lost on the way.",
    advice: "Look at the path between the two hosts: firewalls, the path MTU, overloaded links.",
  },
  "path-loss": {
    why: "Segments are lost in this direction only as often as they are sent again.",
    advice: "Look at the path in this direction: drops of interfaces on both hosts and between them.",
  },
  "half-open": {
    why: "This end believes in a connection that the other end does not have. It notices with its next data, or never.",
    advice: "Set SO_KEEPALIVE, or a time limit, in the program that still holds it.",
  },
  "syn-lost": {
    why: "The SYN was sent several times, and the host that it is for has no trace of it.",
    advice:
      "Look for a firewall between the hosts, or on the host that is called, and for a route that leads elsewhere.",
  },
  "answer-lost": {
    why: "The SYN has arrived and was answered; the answer does not come back.",
    advice: "Look at the way back: another route, or a firewall that has not seen the SYN.",
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
    why: "One end has closed and waits; the program at the other end was told so and keeps its socket open.",
    advice: "The program in CLOSE-WAIT leaks the connection: it must close() when read() returns 0.",
  },
  "options-differ": {
    why: "Both ends negotiated TCP options in their SYNs, and they disagree on the result: something between them rewrites SYNs.",
    advice: "Look for a firewall or load balancer that normalises TCP options.",
  },
} as const;

/** The name of a rule. */
export type PairRuleId = keyof typeof pairRules;

/** Bytes from which a queue counts as stuck: less is a request on its way. */
const STUCK_BYTES = 4096;
/** Segments sent again between two samples that count as loss. */
const LOST_SEGMENTS = 3;
/** Retransmissions of one segment without an answer. */
const STUCK_RETRANSMITS = 2;

/** The same end in both samples. */
interface Moved {
  readonly before: End;
  readonly now: End;
}

function endName({ host, netns, process }: End): string {
  const where = netns === undefined ? host : `${host} (${netns})`;
  return process === undefined || process === "" ? where : `${process} on ${where}`;
}

function bytes(count: number): string {
  return `${count.toLocaleString("en")} ${count === 1 ? "byte" : "bytes"}`;
}

/** Grown by, or 0 where one of the samples has no number. */
function growth(before: number | undefined, now: number | undefined): number {
  return before === undefined || now === undefined ? 0 : Math.max(0, now - before);
}

/** Bytes that wait in the receive queue of an end that did not take any between the samples. */
function unread({ before, now }: Moved): number {
  const [then = 0, waiting = 0] = [before.recvq, now.recvq];
  return waiting >= STUCK_BYTES && then >= STUCK_BYTES && waiting >= then ? waiting : 0;
}

/** What one direction of a connection shows. */
function directionFinding(sender: Moved, receiver: Moved): PairFinding | undefined {
  if (sender.now.state.startsWith("SYN-")) return undefined;
  const ends = [sender.now, receiver.now];
  const waiting = unread(receiver);
  const queued = sender.now.sendq ?? 0;
  if (waiting > 0) {
    const more = queued >= STUCK_BYTES ? `, and ${bytes(queued)} more wait on ${sender.now.host}` : "";
    return {
      rule: "reader-stuck",
      severity: "warning",
      title: `${endName(receiver.now)} does not read: ${bytes(waiting)} wait in its receive queue${more}`,
      ends: [receiver.now, sender.now],
      connections: 1,
      values: {
        receiveQueueBytes: waiting,
        sendQueueBytes: queued,
        windowBytes: sender.now.sndWndBytes ?? 0,
      },
    };
  }
  const resent = growth(sender.before.totalRetrans, sender.now.totalRetrans);
  const arrived = growth(receiver.before.bytesReceived, receiver.now.bytesReceived);
  const values = { retransmits: resent, sendQueueBytes: queued, arrivedBytes: arrived };
  if (
    queued > 0 &&
    (sender.before.sendq ?? 0) > 0 &&
    arrived === 0 &&
    (sender.now.retransmits ?? 0) >= STUCK_RETRANSMITS
  )
    return {
      rule: "path-stuck",
      severity: "critical",
      title: `${bytes(queued)} from ${endName(sender.now)} do not reach ${endName(receiver.now)}: they are on the way, and nothing arrives`,
      ends,
      connections: 1,
      values,
    };
  if (resent < LOST_SEGMENTS) return undefined;
  return {
    rule: "path-loss",
    severity: "warning",
    title: `segments from ${endName(sender.now)} to ${endName(receiver.now)} are lost: ${resent} were sent again`,
    ends,
    connections: 1,
    values,
  };
}

const optionNames = ["timestamps", "sack", "wscale"] as const;

/** What a pair shows in both samples. */
function* pairFindings(before: Pair, now: Pair): Generator<PairFinding> {
  const client = { before: before.client, now: now.client };
  const server = { before: before.server, now: now.server };
  for (const [sender, receiver] of [
    [client, server],
    [server, client],
  ] as const) {
    const found = directionFinding(sender, receiver);
    if (found !== undefined) yield found;
    const states = [sender.before, sender.now].every(({ state }) => state === "FIN-WAIT-2");
    if (states && [receiver.before, receiver.now].every(({ state }) => state === "CLOSE-WAIT"))
      yield {
        rule: "never-closes",
        severity: "warning",
        title: `${endName(receiver.now)} does not close its connection to ${endName(sender.now)}, which has closed`,
        ends: [receiver.now, sender.now],
        connections: 1,
        values: {},
      };
  }
  if (
    client.now.state === "SYN-SENT" &&
    client.before.state === "SYN-SENT" &&
    server.now.state === "SYN-RECV"
  )
    yield {
      rule: "answer-lost",
      severity: "critical",
      title: `${now.server.host} has the SYN of ${endName(client.now)} and answers, and the answer does not arrive`,
      ends: [client.now, server.now],
      connections: 1,
      values: { synRetransmits: client.now.retransmits ?? 0 },
    };
  const established = client.now.state === "ESTAB" && server.now.state === "ESTAB";
  const differing = optionNames.filter((name) => {
    const [mine, theirs] = [client.now.options[name], server.now.options[name]];
    return mine !== undefined && theirs !== undefined && mine !== theirs;
  });
  if (established && differing.length > 0)
    yield {
      rule: "options-differ",
      severity: "warning",
      title: `${endName(client.now)} and ${endName(server.now)} disagree on TCP options: ${differing.join(", ")}`,
      ends: [client.now, server.now],
      connections: 1,
      values: {},
    };
}

/** States of an end that may still send or receive. */
const live = new Set(["ESTAB", "CLOSE-WAIT", "FIN-WAIT-1", "FIN-WAIT-2"]);

/** What an end shows whose other end its host does not have, in both samples. */
function missingFinding(
  before: End,
  { end: now, peerHost, target, mayBeTranslated }: MissingEnd,
  joined: Joined,
): PairFinding | undefined {
  if (mayBeTranslated) return undefined;
  const common = { ends: [now], connections: 1 } as const;
  const to = `${peerHost} port ${target.port}`;
  if (now.state === "SYN-SENT" && before.state === "SYN-SENT") {
    const listener = joined.listenerAt(target);
    const values = { synRetransmits: now.retransmits ?? 0 };
    if (listener === undefined)
      return {
        ...common,
        rule: "nothing-listens",
        severity: "critical",
        title: `${endName(now)} calls ${to}, where nothing listens`,
        values,
      };
    const { backlog = 0, maxBacklog = 0 } = listener;
    if (backlog > maxBacklog)
      return {
        ...common,
        rule: "accept-queue-full",
        severity: "critical",
        title: `${endName(now)} calls ${to} without success: the accept queue of ${endName(listener)} is full (${backlog} of ${maxBacklog})`,
        ends: [listener, now],
        values: { ...values, backlog, maxBacklog },
      };
    return {
      ...common,
      rule: "syn-lost",
      severity: "critical",
      title: `${peerHost} has seen nothing of the SYNs that ${endName(now)} sends to its port ${target.port}`,
      ends: [now, listener],
      values,
    };
  }
  if (!live.has(now.state) || now.state !== before.state) return undefined;
  return {
    ...common,
    rule: "half-open",
    severity: "warning",
    title: `${endName(now)} holds a connection to ${to} that ${peerHost} does not have`,
    values: { sendQueueBytes: now.sendq ?? 0 },
  };
}

/** What two findings have in common if they are one problem: the rule, the hosts, the programs and the server's port. */
function subjectOf({ rule, ends }: PairFinding): string {
  const ports = ends.flatMap(({ local, peer }) => [local.port, peer.port]);
  const names = ends.map(({ host, netns = "", process = "" }) => [host, netns, process].join(" "));
  return [rule, ...names, Math.min(...ports.filter((port) => port > 0))].join("|");
}

const bySeverity = { critical: 0, warning: 1, info: 2 } as const;

/**
 * What is wrong between hosts.
 *
 * @param before the first sample
 * @param now the second
 * @returns findings, the worst first; connections of the same programs with the same problem are one finding
 */
export function findBetween(before: Joined, now: Joined): readonly PairFinding[] {
  const earlier = new Map(before.pairs.map((pair) => [identityOf(pair.client), pair]));
  const missingBefore = new Map(before.missing.map((each) => [identityOf(each.end), each]));
  const found: PairFinding[] = [];
  for (const pair of now.pairs) {
    const then = earlier.get(identityOf(pair.client));
    if (then !== undefined && identityOf(then.server) === identityOf(pair.server))
      found.push(...pairFindings(then, pair));
  }
  for (const each of now.missing) {
    const then = missingBefore.get(identityOf(each.end));
    if (then === undefined || then.peerHost !== each.peerHost) continue;
    const finding = missingFinding(then.end, each, now);
    if (finding !== undefined) found.push(finding);
  }
  const subjects = Map.groupBy(found, subjectOf);
  return Array.from(subjects.values(), (same) => ({ ...same[0]!, connections: same.length })).sort(
    (a, b) => bySeverity[a.severity] - bySeverity[b.severity] || b.connections - a.connections,
  );
}
