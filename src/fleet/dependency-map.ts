/** Who depends on whom: the TCP connections of hosts as edges from clients to services. */
import { type End, identityOf } from "./ends.ts";
import type { Joined } from "./join.ts";

/** A client or a service: a container or a program of a host, or an address on no host of the list. */
export interface MapNode {
  readonly id: string;
  /** The host, with its namespace if it is not the host's own; undefined for what is outside. */
  readonly host: string | undefined;
  /** The container, the program, or an address. Strangers' text. */
  readonly name: string;
}

/** Connections from one node to a port of another. */
export interface MapEdge {
  /** Ids of nodes. */
  readonly client: string;
  readonly service: string;
  /** The port of the service. */
  readonly port: number;
  connections: number;
  /** Bytes per second from the client to the service, and back. */
  sentBytesPerSecond: number;
  receivedBytesPerSecond: number;
  /** Segments sent again per second, in both directions. */
  retransmitsPerSecond: number;
  /** Median of the smoothed round trip times in microseconds; undefined if none is known. */
  rttUs: number | undefined;
}

/** Nodes and edges, the edges with most bytes first, then those with most connections. */
export interface DependencyMap {
  readonly nodes: readonly MapNode[];
  readonly edges: readonly MapEdge[];
}

/** The host of nodes that are on no host of the list. All clients there are one node, since they are many. */
const OUTSIDE = "outside";
/** The name of that node. */
export const CLIENTS = "clients";

/** The program of an owner list: its first word, without process ids. */
function programOf(process: string): string {
  return process.split(",")[0]!.replace(/\(.*$/, "").trim();
}

function nodeOf({ host, netns, container, process, local, state }: End): MapNode {
  const where = netns === undefined ? host : `${host} (${netns})`;
  const owner = container ?? (process === undefined || process === "" ? undefined : programOf(process));
  const name = owner ?? (state === "TIME-WAIT" ? "closed connections" : `port ${local.port}`);
  return { id: `${where} ${name}`, host: where, name };
}

/** The service of an end. A connection that is not accepted yet has no owner, so that its listener's counts. */
function serviceNode(end: End, joined: Joined): MapNode {
  const isOwned = (end.process ?? "") !== "" || end.container !== undefined;
  return nodeOf(isOwned ? end : (joined.listenerOf(end) ?? end));
}

function clientNode(end: End): MapNode {
  // A client's port is one of many, and says nothing.
  const { host, name, id } = nodeOf(end);
  return name === `port ${end.local.port}` ? { id: `${host} -`, host, name: "-" } : { id, host, name };
}

/** A service that is known by its port alone. */
function portNode(host: string, port: number): MapNode {
  return { id: `${host} port ${port}`, host, name: `port ${port}` };
}

function outsideNode(name: string): MapNode {
  return { id: `${OUTSIDE} ${name}`, host: undefined, name };
}

/** What an end has done per second since the first sample. */
function speeds(end: End, earlier: ReadonlyMap<string, End>, seconds: number) {
  const before = earlier.get(identityOf(end));
  const per = (name: "bytesAcked" | "bytesReceived" | "totalRetrans") => {
    const [then, now] = [before?.[name], end[name]];
    return then === undefined || now === undefined || seconds <= 0 ? 0 : Math.max(0, now - then) / seconds;
  };
  return { sent: per("bytesAcked"), received: per("bytesReceived"), retransmits: per("totalRetrans") };
}

const live: ReadonlySet<string> = new Set([
  "ESTAB",
  "CLOSE-WAIT",
  "FIN-WAIT-1",
  "FIN-WAIT-2",
  "SYN-SENT",
  "SYN-RECV",
]);

/** Edges in the order of their bytes, then of their connections, then of their names. */
export function byTraffic(a: MapEdge, b: MapEdge): number {
  const bytes = (edge: MapEdge) => edge.sentBytesPerSecond + edge.receivedBytesPerSecond;
  const name = ({ client, service, port }: MapEdge) => `${client} ${service} ${port}`;
  return bytes(b) - bytes(a) || b.connections - a.connections || (name(a) < name(b) ? -1 : 1);
}

/** The upper median; undefined if there is no value. */
export function median(values: readonly number[]): number | undefined {
  return values.toSorted((a, b) => a - b)[values.length >> 1];
}

/**
 * Makes the map.
 *
 * @param before the ends of a first sample, for rates
 * @param now the second sample, joined
 * @param seconds the time between them
 */
export function dependencyMap(before: readonly End[], now: Joined, seconds: number): DependencyMap {
  const earlier = new Map(before.map((end) => [identityOf(end), end]));
  const nodes = new Map<string, MapNode>();
  const edges = new Map<string, MapEdge & { rtts: number[] }>();

  function add(
    client: MapNode,
    service: MapNode,
    port: number,
    end: End,
    ofClient: boolean,
    other?: End,
  ): void {
    nodes.set(client.id, client);
    nodes.set(service.id, service);
    const key = JSON.stringify([client.id, service.id, port]);
    let edge = edges.get(key);
    if (edge === undefined) {
      edge = {
        client: client.id,
        service: service.id,
        port,
        connections: 0,
        sentBytesPerSecond: 0,
        receivedBytesPerSecond: 0,
        retransmitsPerSecond: 0,
        rttUs: undefined,
        rtts: [],
      };
      edges.set(key, edge);
    }
    const { sent, received, retransmits } = speeds(end, earlier, seconds);
    edge.connections++;
    edge.sentBytesPerSecond += ofClient ? sent : received;
    edge.receivedBytesPerSecond += ofClient ? received : sent;
    edge.retransmitsPerSecond += retransmits;
    if (other !== undefined) edge.retransmitsPerSecond += speeds(other, earlier, seconds).retransmits;
    if (end.rttUs) edge.rtts.push(end.rttUs);
  }

  for (const { client, server } of now.pairs) {
    if (!live.has(client.state) && !live.has(server.state)) continue;
    add(clientNode(client), serviceNode(server, now), server.local.port, client, true, server);
  }
  for (const { end, peerHost, target } of now.missing) {
    if (!live.has(end.state)) continue;
    if (now.listenerOf(end) !== undefined) {
      const client = { id: `${peerHost} -`, host: peerHost, name: "-" };
      add(client, serviceNode(end, now), end.local.port, end, false);
      continue;
    }
    const { port } = target;
    const listener = now.listenerAt(target);
    add(
      clientNode(end),
      listener === undefined ? portNode(peerHost, port) : nodeOf(listener),
      port,
      end,
      true,
    );
  }
  for (const end of [...now.outside, ...now.ambiguous, ...now.uncertain]) {
    if (!live.has(end.state)) continue;
    if (now.listenerOf(end) !== undefined) {
      add(outsideNode(CLIENTS), serviceNode(end, now), end.local.port, end, false);
      continue;
    }
    const { address, port } = end.peer;
    // A NAT on that host may lead to a namespace that is not listed.
    const host = now.hostAt(address);
    add(clientNode(end), host === undefined ? outsideNode(address) : portNode(host, port), port, end, true);
  }
  return {
    nodes: [...nodes.values()],
    edges: Array.from(edges.values(), ({ rtts, ...edge }) => ({ ...edge, rttUs: median(rtts) })).sort(
      byTraffic,
    ),
  };
}
