/** Joins the two ends of connections: sockets of different hosts and namespaces whose addresses are mirrored. */
import type { End, EndAddress } from "./ends.ts";

/** Both ends of a connection. */
export interface Pair {
  /** The end with the higher port, which is most often the client; the listener's port is at the other. */
  readonly client: End;
  readonly server: End;
}

/** What became of the ends. Listeners are in none of the lists. */
export interface Joined {
  readonly pairs: readonly Pair[];
  /** Ends without another one, whose peer's address belongs to an asked host. */
  readonly missing: readonly { readonly end: End; readonly peerHost: string }[];
  /** Ends whose peer is no asked host. */
  readonly outside: readonly End[];
  /** Ends with more than one candidate: the same addresses are in use in several places. They are not joined. */
  readonly ambiguous: readonly End[];
  /** The listener that a connection to an address would reach; undefined if there is none, or more than one. */
  listenerAt(address: EndAddress): End | undefined;
}

/** The IP addresses of hosts. */
export type HostAddresses = ReadonlyMap<string, readonly string[]>;

const ANY = new Set(["0.0.0.0", "::", "*"]);

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

/** The connection as this end names it. */
function keyOf(end: End, from: EndAddress, to: EndAddress): string {
  const key = `${from.address} ${from.port} ${to.address} ${to.port}`;
  return isLoopback(from.address) || isLoopback(to.address) ? `${placeOf(end)} ${key}` : key;
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

/** The client: a listener of its host or a well-known port makes the other end the server. */
function pairOf(a: End, b: End, listens: (end: End) => boolean): Pair {
  const aServes = listens(a);
  const isServer = aServes === listens(b) ? a.local.port < b.local.port : aServes;
  return isServer ? { client: b, server: a } : { client: a, server: b };
}

/**
 * Joins ends. An end is never guessed: with more than one candidate on either side it stays ambiguous.
 *
 * @param addresses what the hosts say of themselves, in addition to what their sockets show
 */
export function joinEnds(ends: readonly End[], addresses: HostAddresses = new Map()): Joined {
  const connections = ends.filter(({ state }) => state !== "LISTEN" && state !== "UNCONN");
  const byKey = new Map<string, End[]>();
  for (const end of connections) addTo(byKey, keyOf(end, end.local, end.peer), end);
  const owners = ownersOf(ends, addresses);
  const listeners = new Map<number, End[]>();
  for (const end of ends) if (end.state === "LISTEN") addTo(listeners, end.local.port, end);
  const listens = (end: End) =>
    (listeners.get(end.local.port) ?? []).some(
      (each) =>
        placeOf(each) === placeOf(end) &&
        (ANY.has(each.local.address) || each.local.address === end.local.address),
    );

  const pairs: Pair[] = [];
  const missing: { end: End; peerHost: string }[] = [];
  const outside: End[] = [];
  const ambiguous: End[] = [];
  const joined = new Set<End>();
  for (const end of connections) {
    // A socket can be connected to itself.
    const isBoth = end.local.address === end.peer.address && end.local.port === end.peer.port;
    if (isBoth || joined.has(end)) continue;
    const same = byKey.get(keyOf(end, end.local, end.peer))!;
    const others = (byKey.get(keyOf(end, end.peer, end.local)) ?? []).filter((each) => each !== end);
    if (others.length === 1 && same.length === 1) {
      joined.add(end).add(others[0]!);
      pairs.push(pairOf(end, others[0]!, listens));
    } else if (others.length > 0 || same.length > 1) ambiguous.push(end);
    else {
      const hosts = owners.get(end.peer.address) ?? new Set<string>();
      if (hosts.size === 1) missing.push({ end, peerHost: [...hosts][0]! });
      else if (hosts.size > 1) ambiguous.push(end);
      else outside.push(end);
    }
  }
  return {
    pairs,
    missing,
    outside,
    ambiguous,
    listenerAt({ address, port }) {
      const hosts = owners.get(address) ?? new Set<string>();
      const found = (listeners.get(port) ?? []).filter(
        ({ host, local }) => local.address === address || (ANY.has(local.address) && hosts.has(host)),
      );
      return found.length === 1 ? found[0] : undefined;
    },
  };
}
