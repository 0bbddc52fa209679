/**
 * What only both ends of a connection show: where its bytes are stuck, what was sent and never arrived, and who does not
 * close. Each rule compares two samples of all hosts, taken some seconds apart, so that what is moving is not found.
 */
import { directionFinding } from "./direction-rules.ts";
import { type End, identityOf } from "./ends.ts";
import type { Joined, MissingEnd, Pair } from "./join.ts";
import { endName, type FoundPair, type PairFinding, pairRules } from "./pair-finding.ts";
import { segmentSizes } from "./segment-sizes.ts";

const optionNames = ["timestamps", "sack", "wscale", "ecn"] as const;

/** The TCP options on which two ends disagree, as words. */
function differingOptions(client: End, server: End): readonly string[] {
  const differ = <T>(mine: T | undefined, theirs: T | undefined) =>
    mine !== undefined && theirs !== undefined && mine !== theirs;
  const names: string[] = optionNames.filter((name) => differ(client.options[name], server.options[name]));
  // The scale that one end applies to what it sends is the one with which the other reads it.
  const isScaled = client.options.wscale === true && server.options.wscale === true;
  for (const [sender, receiver] of [
    [client, server],
    [server, client],
  ] as const)
    if (isScaled && differ(sender.rcvWscale, receiver.sndWscale))
      names.push(
        `window scale (${sender.host} sends ${sender.rcvWscale}, ${receiver.host} uses ${receiver.sndWscale})`,
      );
  return names;
}

/** Clients that think they are connected, while the listener's queue is too full to take the end of their handshake. */
function unacceptedFinding(before: Pair, now: Pair, joined: Joined): FoundPair | undefined {
  const { client, server } = now;
  const waits = [before, now].every(
    (pair) =>
      pair.client.state === "ESTAB" && pair.server.state === "SYN-RECV" && (pair.client.sendq ?? 0) > 0,
  );
  const listener = waits ? joined.listenerOf(server) : undefined;
  if (listener === undefined) return undefined;
  const { backlog = 0, maxBacklog = 0 } = listener;
  if (backlog <= maxBacklog) return undefined;
  return {
    rule: "accept-queue-full",
    title: `${endName(client)} is connected to ${server.host} port ${server.local.port} and gets no answer: the accept queue of ${endName(listener)} is full (${backlog} of ${maxBacklog})`,
    ends: [listener, client, server],
    connections: 1,
    values: { segmentRetransmits: client.retransmits ?? 0, backlog, maxBacklog },
  };
}

/** What a pair shows in both samples. */
function* pairFindings(before: Pair, now: Pair, elapsedUs: number, joined: Joined): Generator<FoundPair> {
  const client = { before: before.client, now: now.client };
  const server = { before: before.server, now: now.server };
  const unaccepted = unacceptedFinding(before, now, joined);
  if (unaccepted !== undefined) {
    yield unaccepted;
    return;
  }
  for (const [sender, receiver] of [
    [client, server],
    [server, client],
  ] as const) {
    const found = directionFinding(sender, receiver, elapsedUs);
    if (found !== undefined) yield found;
    const states = [sender.before, sender.now].every(({ state }) => state === "FIN-WAIT-2");
    if (states && [receiver.before, receiver.now].every(({ state }) => state === "CLOSE-WAIT"))
      yield {
        rule: "never-closes",
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
      title: `${now.server.host} has the SYN of ${endName(client.now)} and answers, and the answer does not arrive`,
      ends: [client.now, server.now],
      connections: 1,
      values: { synRetransmits: client.now.retransmits ?? 0 },
    };
  const established = client.now.state === "ESTAB" && server.now.state === "ESTAB";
  const differing = established ? differingOptions(client.now, server.now) : [];
  if (differing.length > 0)
    yield {
      rule: "options-differ",
      title: `${endName(client.now)} and ${endName(server.now)} disagree on TCP options: ${differing.join(", ")}`,
      ends: [client.now, server.now],
      connections: 1,
      values: {},
    };
  const sizes = established ? segmentSizes(now) : undefined;
  if (sizes !== undefined)
    yield {
      rule: "mss-differs",
      title: sizes,
      ends: [client.now, server.now],
      connections: 1,
      values: {
        clientMssBytes: client.now.sndMssBytes ?? 0,
        serverMssBytes: server.now.sndMssBytes ?? 0,
        clientAnnouncedBytes: client.now.advmssBytes ?? 0,
        serverAnnouncedBytes: server.now.advmssBytes ?? 0,
        clientPathMtuBytes: client.now.pmtuBytes ?? 0,
        serverPathMtuBytes: server.now.pmtuBytes ?? 0,
      },
    };
}

/** States of an end that may still send or receive. */
const live = new Set(["ESTAB", "CLOSE-WAIT", "FIN-WAIT-1", "FIN-WAIT-2"]);

/** What an end shows whose other end its host does not have, in both samples. */
function missingFinding(
  before: End,
  { end: now, peerHost, target, mayBeTranslated }: MissingEnd,
  joined: Joined,
): FoundPair | undefined {
  if (mayBeTranslated) return undefined;
  const common = { ends: [now], connections: 1 } as const;
  const isTranslated = target.address !== now.peer.address || target.port !== now.peer.port;
  const absent = { host: peerHost, local: target, ...(isTranslated ? {} : { peer: now.local }) };
  const to = `${peerHost} port ${target.port}`;
  if (now.state === "SYN-SENT" && before.state === "SYN-SENT") {
    const listener = joined.listenerAt(target);
    const values = { synRetransmits: now.retransmits ?? 0 };
    if (listener === undefined)
      return {
        ...common,
        rule: "nothing-listens",
        title: `${endName(now)} connects to ${to}, where nothing listens`,
        absent: { host: peerHost, local: target },
        values,
      };
    const { backlog = 0, maxBacklog = 0 } = listener;
    if (backlog > maxBacklog)
      return {
        ...common,
        rule: "accept-queue-full",
        title: `${endName(now)} connects to ${to} without success: the accept queue of ${endName(listener)} is full (${backlog} of ${maxBacklog})`,
        ends: [listener, now],
        values: { ...values, backlog, maxBacklog },
      };
    return {
      ...common,
      rule: "syn-lost",
      title: `${peerHost} has seen none of the SYNs that ${endName(now)} sends to its port ${target.port}`,
      ends: [now, listener],
      values,
    };
  }
  if (!live.has(now.state) || now.state !== before.state) return undefined;
  return {
    ...common,
    rule: "half-open",
    absent,
    title: `${endName(now)} holds a connection to ${to} that ${peerHost} does not have`,
    values: { sendQueueBytes: now.sendq ?? 0 },
  };
}

/** What two findings have in common if they are one problem: the rule, the hosts, the programs and the server's port. */
function subjectOf({ rule, ends }: FoundPair): string {
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
 * @param seconds the time between them
 * @returns findings, the worst first; connections of the same programs with the same problem are one finding
 */
export function findBetween(before: Joined, now: Joined, seconds: number): readonly PairFinding[] {
  const earlier = new Map(before.pairs.map((pair) => [identityOf(pair.client), pair]));
  const missingBefore = new Map(before.missing.map((each) => [identityOf(each.end), each]));
  const found: FoundPair[] = [];
  for (const pair of now.pairs) {
    const then = earlier.get(identityOf(pair.client));
    if (then === undefined || identityOf(then.server) !== identityOf(pair.server)) continue;
    const nat = pair.translation === undefined ? {} : { nat: [...pair.translation.hosts] };
    for (const finding of pairFindings(then, pair, seconds * 1e6, now)) found.push({ ...finding, ...nat });
  }
  for (const each of now.missing) {
    const then = missingBefore.get(identityOf(each.end));
    if (then === undefined || then.peerHost !== each.peerHost) continue;
    const finding = missingFinding(then.end, each, now);
    if (finding !== undefined) found.push(finding);
  }
  const subjects = Map.groupBy(found, subjectOf);
  const findings = Array.from(subjects.values(), (same) => ({
    ...same[0]!,
    severity: pairRules[same[0]!.rule].severity,
    connections: same.length,
  }));
  findings.sort((a, b) => bySeverity[a.severity] - bySeverity[b.severity] || b.connections - a.connections);
  // Findings of one rule and severity stand together, where the worst of them would stand.
  const together = Map.groupBy(findings, ({ rule, severity }) => `${severity} ${rule}`);
  return [...together.values()].flat();
}
