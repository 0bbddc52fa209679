/**
 * Joins the two ends of connections: sockets of different hosts and namespaces whose addresses are mirrored, directly or
 * through NAT. An end with more than one candidate is never joined.
 */
import type { End, EndAddress } from "./ends.ts";
import { composed, type Flow, flowKey, type NatFacts, type Translation } from "./translations.ts";

/** Both ends of a connection. */
export interface Pair {
  /** The end that is not the server. Without a listener or NAT that decides, the end with the higher port. */
  readonly client: End;
  readonly server: End;
  /** The NAT between them; undefined if the addresses of both ends are mirrored. */
  readonly translation?: Translation;
}

/** An end whose other end should be on a host of the list and is missing there. */
export interface MissingEnd {
  readonly end: End;
  readonly peerHost: string;
  /** The address and port of the other end on that host. Differs from the end's peer behind NAT. */
  readonly target: EndAddress;
  /** Whether the other end may exist and be hidden by NAT that cannot be read. */
  readonly mayBeTranslated: boolean;
}

/** The result of {@link joinEnds}. Listeners are in none of the lists. */
export interface Joined {
  readonly pairs: readonly Pair[];
  readonly missing: readonly MissingEnd[];
  /** Ends whose peer is on no host of the list. */
  readonly outside: readonly End[];
  /** Ends with more than one candidate: the same addresses are in use in several places. They are not joined. */
  readonly ambiguous: readonly End[];
  /** Ends with one candidate that may be older or newer than they are: the samples are too far apart. */
  readonly uncertain: readonly End[];
  /** The listener that a connection to an address would reach; undefined if there is none, or more than one. */
  listenerAt(address: EndAddress): End | undefined;
  /** The listener of an end's own port, in its namespace: the end is the server. */
  listenerOf(end: End): End | undefined;
  /** The host that has an address; undefined if none has it, or more than one. */
  hostAt(address: string): string | undefined;
}

/** The IP addresses of hosts. */
export type HostAddresses = ReadonlyMap<string, readonly string[]>;

/** The time during which an end is known to have existed, on our clock. */
export interface Seen {
  readonly fromMs: number;
  readonly toMs: number;
  /** How far both may be off. */
  readonly errorMs: number;
}

/** What is known besides the ends. */
export interface JoinContext {
  /** Addresses of the hosts' interfaces, in addition to those of their sockets. */
  readonly addresses?: HostAddresses;
  readonly translations?: readonly Translation[];
  /** The NAT of each host. Left out if no host was queried for it. */
  readonly nat?: ReadonlyMap<string, NatFacts>;
  /** When an end existed. Left out if all samples were taken at the same moment. */
  readonly seen?: (end: End) => Seen | undefined;
  /** The same end in an earlier sample. */
  readonly earlier?: (end: End) => End | undefined;
}

const ANY = new Set(["0.0.0.0", "::", "*"]);
/** Sockets or translations with the same addresses that are compared. With more, an end is ambiguous. */
const MOST_CANDIDATES = 16;
/**
 * Milliseconds between two connections with the same addresses and ports at least: a client in TIME-WAIT may reuse its
 * port after a second. tcp_tw_reuse in Documentation/networking/ip-sysctl.rst.
 */
const REUSE_MS = 1000;
/** Bytes by which the counters of both ends may differ: SYN and FIN are counted as data on one side. */
const COUNTER_SLACK = 2;

/** Whether an address means the same machine, wherever it is written. RFC 1122 3.2.1.3, RFC 4291 2.5.3. */
function isLoopback(address: string): boolean {
  return address === "::1" || /^127\./.test(address);
}

function isLinkLocal(address: string): boolean {
  return /^(?:fe[89ab]|169\.254\.)/i.test(address);
}

/** A machine and namespace: loopback addresses mean something else in each. */
function placeOf({ host, netns = "" }: End): string {
  return `${host} ${netns}`;
}

/** The packets that an end sends. */
function sentBy({ local, peer }: End): Flow {
  return { from: local, to: peer };
}

function reversed({ from, to }: Flow): Flow {
  return { from: to, to: from };
}

function usesLoopback({ local, peer }: End): boolean {
  return isLoopback(local.address) || isLoopback(peer.address);
}

/** A flow as it is known to an end: loopback addresses get its place. */
function keyAt(end: End, flow: Flow): string {
  return usesLoopback(end) ? `${placeOf(end)} ${flowKey(flow)}` : flowKey(flow);
}

function addressKey({ address, port }: EndAddress): string {
  return `${address} ${port}`;
}

function addTo<K, V>(map: Map<K, V[]>, key: K, value: V): void {
  const list = map.get(key);
  if (list === undefined) map.set(key, [value]);
  else list.push(value);
}

/** The hosts that have each address: as they say, and as the local addresses of their sockets show. */
function ownersOf(ends: readonly End[], addresses: HostAddresses): ReadonlyMap<string, ReadonlySet<string>> {
  const owners = new Map<string, Set<string>>();
  const add = (address: string, host: string) => {
    if (ANY.has(address) || isLoopback(address) || isLinkLocal(address)) return;
    const hosts = owners.get(address);
    if (hosts === undefined) owners.set(address, new Set([host]));
    else hosts.add(host);
  };
  for (const { local, host } of ends) add(local.address, host);
  for (const [host, list] of addresses) for (const address of list) add(address, host);
  return owners;
}

/** A translation as it concerns one end. */
interface Match {
  readonly translation: Translation;
  readonly role: "client" | "server";
  /** Whether the NAT is on the end's own host, through which all of the end's packets pass. */
  readonly own: boolean;
}

/** Finds the translations that concern an end. */
function matcher(translations: readonly Translation[]): (end: End) => readonly Match[] {
  const clients = new Map<string, Translation[]>();
  const servers = new Map<string, Translation[]>();
  for (const translation of translations) {
    addTo(clients, flowKey(translation.before), translation);
    addTo(servers, flowKey(reversed(translation.after)), translation);
  }
  return (end) => {
    if (translations.length === 0) return [];
    const key = flowKey(sentBy(end));
    const found = (["client", "server"] as const).flatMap((role) => {
      const list = (role === "client" ? clients : servers).get(key) ?? [];
      return list
        .slice(0, MOST_CANDIDATES)
        .map((translation) => ({ translation, role, own: translation.hosts.has(end.host) }));
    });
    const own = found.filter((match) => match.own);
    return own.length > 0 || usesLoopback(end) ? own : found;
  };
}

/** A possible other end. */
interface Candidate {
  readonly end: End;
  readonly translation: Translation | undefined;
  readonly role: "client" | "server" | undefined;
}

/** Whether two translations are one: high-available gateways share their tables. */
function isSameTranslation(a: Translation, b: Translation): boolean {
  return flowKey(a.before) === flowKey(b.before) && flowKey(a.after) === flowKey(b.after);
}

/** The address of the other end behind NAT; undefined if translations disagree. */
function farAddress(end: End, matches: readonly Match[]): EndAddress | undefined {
  const far = matches.map(({ translation: { before, after }, role }) =>
    role === "client" ? after.to : before.from,
  );
  const first = far[0] ?? end.peer;
  return far.every((each) => addressKey(each) === addressKey(first)) ? first : undefined;
}

/** Whether a counter is above another, as far as both are known. */
function exceeds(count: number | undefined, limit: number | undefined): boolean {
  return count !== undefined && limit !== undefined && count > limit + COUNTER_SLACK;
}

/** Whether the time and the counters of two ends allow that they are one connection. */
function compatibility(a: End, b: End, { seen, earlier }: JoinContext): "same" | "uncertain" | "different" {
  const [first, second] = [seen?.(a), seen?.(b)];
  if (first === undefined || second === undefined) return "same";
  const errorMs = first.errorMs + second.errorMs;
  const apartMs = Math.max(first.fromMs, second.fromMs) - Math.min(first.toMs, second.toMs);
  if (apartMs + errorMs > REUSE_MS) return "uncertain";
  for (const [sender, receiver, from, to] of [
    [a, b, first, second],
    [b, a, second, first],
  ] as const) {
    // What was acknowledged at an earlier moment must have arrived by now, and what had arrived must have been sent.
    if (from.fromMs + errorMs < to.toMs && exceeds(earlier?.(sender)?.bytesAcked, receiver.bytesReceived))
      return "different";
    if (to.fromMs + errorMs < from.toMs && exceeds(earlier?.(receiver)?.bytesReceived, sender.bytesSent))
      return "different";
  }
  return "same";
}

/** Whether the states and counters of a client's and a server's end allow that they are one connection. */
function mayBeOneConnection(client: End, server: End): boolean {
  if (client.state.startsWith("SYN-") !== server.state.startsWith("SYN-")) return false;
  return (
    !exceeds(client.bytesAcked, server.bytesReceived) && !exceeds(server.bytesAcked, client.bytesReceived)
  );
}

/** Joins ends. */
export function joinEnds(ends: readonly End[], context: JoinContext = {}): Joined {
  const { addresses = new Map(), nat } = context;
  const connections = ends.filter(
    ({ state, local, peer }) =>
      state !== "LISTEN" &&
      state !== "UNCONN" &&
      // A socket can be connected to itself.
      addressKey(local) !== addressKey(peer),
  );
  const byKey = new Map<string, End[]>();
  for (const end of connections) addTo(byKey, keyAt(end, sentBy(end)), end);
  const plainKeys = context.translations === undefined ? byKey : new Map<string, End[]>();
  if (plainKeys !== byKey) for (const end of connections) addTo(plainKeys, flowKey(sentBy(end)), end);
  const arrives = (flow: Flow) => plainKeys.has(flowKey(reversed(flow)));
  const matchesOf = matcher(composed(context.translations ?? [], arrives));
  const matches = new Map<End, readonly Match[]>();
  for (const end of connections) {
    const found = matchesOf(end);
    if (found.length > 0) matches.set(end, found);
  }

  /** The ends that may be the other one. */
  function candidatesOf(end: End): Candidate[] {
    const own = matches.get(end) ?? [];
    const found = new Map<End, Candidate>();
    if (!own.some((match) => match.own)) {
      for (const other of byKey.get(keyAt(end, reversed(sentBy(end)))) ?? [])
        if (!(matches.get(other) ?? []).some((match) => match.own))
          found.set(other, { end: other, translation: undefined, role: undefined });
    }
    for (const { translation, role, own: ownNat } of own) {
      const sent = role === "client" ? reversed(translation.after) : translation.before;
      for (const other of plainKeys.get(flowKey(sent)) ?? []) {
        const theirs = (matches.get(other) ?? []).find(
          (match) =>
            match.role !== role &&
            (match.translation === translation ||
              (!match.own && !ownNat && isSameTranslation(match.translation, translation))),
        );
        if (theirs !== undefined) found.set(other, { end: other, translation, role });
      }
    }
    const all = [...found.values()];
    // An end behind its own host's NAT uses that entry, so that an end elsewhere with the same addresses does not.
    const sure = all.filter(({ end: other, translation }) => translation?.hosts.has(other.host));
    return sure.length > 0 ? sure : all;
  }

  const listeners = new Map<number, End[]>();
  for (const end of ends) if (end.state === "LISTEN") addTo(listeners, end.local.port, end);
  const listenerOf = (end: End) =>
    (listeners.get(end.local.port) ?? []).find(
      (each) =>
        placeOf(each) === placeOf(end) &&
        (ANY.has(each.local.address) || each.local.address === end.local.address),
    );
  const listens = (end: End) => listenerOf(end) !== undefined;
  /** A listener, the NAT or a well-known port decides which end is the server. */
  function pairOf(end: End, { end: other, translation, role }: Candidate): Pair {
    const serves = listens(end);
    const isServer =
      role !== undefined
        ? role === "server"
        : serves === listens(other)
          ? end.local.port < other.local.port
          : serves;
    return {
      ...(isServer ? { client: other, server: end } : { client: end, server: other }),
      ...(translation === undefined ? {} : { translation }),
    };
  }

  const pairs: Pair[] = [];
  const ambiguous: End[] = [];
  const uncertain: End[] = [];
  const alone: End[] = [];
  const done = new Set<End>();
  for (const end of connections) {
    if (done.has(end)) continue;
    const isTranslated = (matches.get(end) ?? []).some(({ own }) => own);
    const same = byKey.get(keyAt(end, sentBy(end)))!;
    if (same.length > MOST_CANDIDATES) {
      ambiguous.push(end);
      continue;
    }
    const candidates = candidatesOf(end);
    const [only] = candidates;
    if (only === undefined) (same.length > 1 && !isTranslated ? ambiguous : alone).push(end);
    else {
      const back = candidates.length === 1 ? candidatesOf(only.end) : [];
      if (back.length !== 1 || back[0]!.end !== end) ambiguous.push(end);
      else {
        const verdict = compatibility(end, only.end, context);
        if (verdict === "same") pairs.push(pairOf(end, only));
        else (verdict === "uncertain" ? uncertain : ambiguous).push(end, only.end);
        done.add(end).add(only.end);
      }
    }
  }

  const owners = ownersOf(ends, addresses);
  const aloneAt = Map.groupBy(alone, ({ local }) => addressKey(local));
  const alonePeers = new Set(alone.map(({ peer }) => addressKey(peer)));
  /** Pairs of addresses between which connections are not translated. */
  const direct = new Set(
    pairs
      .filter(({ translation }) => translation === undefined)
      .map(({ client, server }) => `${client.local.address} ${server.local.address}`),
  );
  /** Whether a host may translate addresses in a way that is not known. */
  const mayTranslate = (host: string) => {
    const facts = nat?.get(host);
    return facts === undefined || (facts.forwards && !facts.readable);
  };
  /** Addresses of the hosts' own namespaces. Those of containers may be in use elsewhere, too. */
  const hostAddresses = new Set([...addresses.values()].flat());
  for (const { netns, local } of ends) if (netns === undefined) hostAddresses.add(local.address);
  /** Whether NAT that cannot be read may hide the other end. */
  function mayBeTranslated(end: End, peerHost: string): boolean {
    if (nat === undefined || matches.has(end)) return false;
    if (mayTranslate(peerHost)) return true;
    const isDirect = [end.local, end.peer].some((from, index, both) =>
      direct.has(`${from.address} ${both[1 - index]!.address}`),
    );
    if (!isDirect && !hostAddresses.has(end.peer.address)) return true;
    // The client's port leads to another place at the other host: one of both addresses has been changed.
    if (listens(end)) return (aloneAt.get(addressKey(end.peer)) ?? []).some(({ host }) => host === peerHost);
    if (alonePeers.has(addressKey(end.local))) return true;
    // A NAT that is on no host of the list, or cannot be read, may stand before the client.
    if (isDirect) return false;
    return (aloneAt.get(addressKey(end.peer)) ?? []).some((other) => {
      const clients = owners.get(other.peer.address) ?? [];
      return [...clients].every(mayTranslate) && mayBeOneConnection(end, other);
    });
  }
  const missing: MissingEnd[] = [];
  const outside: End[] = [];
  for (const end of alone) {
    const target = farAddress(end, matches.get(end) ?? []);
    const hosts = target === undefined ? undefined : owners.get(target.address);
    if (target === undefined || (hosts !== undefined && hosts.size > 1)) ambiguous.push(end);
    else if (hosts === undefined) outside.push(end);
    else {
      const peerHost = [...hosts][0]!;
      missing.push({ end, peerHost, target, mayBeTranslated: mayBeTranslated(end, peerHost) });
    }
  }
  return {
    pairs,
    missing,
    outside,
    ambiguous,
    uncertain,
    listenerOf,
    hostAt(address) {
      const hosts = owners.get(address);
      return hosts?.size === 1 ? [...hosts][0] : undefined;
    },
    listenerAt({ address, port }) {
      const hosts = owners.get(address) ?? new Set<string>();
      const found = (listeners.get(port) ?? []).filter(
        ({ host, local }) => local.address === address || (ANY.has(local.address) && hosts.has(host)),
      );
      return found.length === 1 ? found[0] : undefined;
    },
  };
}
