/** Folds a dependency map: nodes that play the same part on several hosts become one, such as four web servers. */
import {
  byTraffic,
  CLIENTS,
  type DependencyMap,
  type MapEdge,
  type MapNode,
  median,
} from "./dependency-map.ts";
import { writeHosts } from "./host-list.ts";

/** How often parts are distinguished by those of their neighbours. Tiers behind each other need as many rounds. */
const ROUNDS = 8;

/**
 * The part that each node plays, by its id: nodes with one name and the same neighbours play the same part. Addresses
 * outside have no name.
 */
function partsOf({ nodes, edges }: DependencyMap): ReadonlyMap<string, string> {
  let parts = new Map(
    nodes.map(({ id, host, name }) => [id, host !== undefined || name === CLIENTS ? name : ""]),
  );
  for (let round = 0; round < ROUNDS; round++) {
    const neighbours = new Map<string, Set<string>>(nodes.map(({ id }) => [id, new Set()]));
    for (const { client, service, port } of edges) {
      neighbours.get(client)!.add(JSON.stringify(["to", parts.get(service), port]));
      neighbours.get(service)!.add(JSON.stringify(["from", parts.get(client), port]));
    }
    const numbers = new Map<string, string>();
    const next = new Map(
      nodes.map(({ id, host }) => {
        const key = JSON.stringify([host === undefined, parts.get(id), [...neighbours.get(id)!].sort()]);
        const number = numbers.get(key) ?? String(numbers.size);
        numbers.set(key, number);
        return [id, number];
      }),
    );
    const isStable = round > 0 && numbers.size === new Set(parts.values()).size;
    parts = next;
    if (isStable) break;
  }
  return parts;
}

/** Several nodes in one. */
function foldedNode(nodes: readonly MapNode[]): MapNode {
  const [first] = nodes as readonly [MapNode, ...MapNode[]];
  if (nodes.length === 1) return first;
  const { id, host, name } = first;
  if (host === undefined) return { id, host, name: `${nodes.length} addresses` };
  const hosts = new Set(nodes.map((node) => node.host ?? ""));
  return { id, host: writeHosts([...hosts].sort()), name };
}

/** Folds a map. The round trip time of an edge is the median of those that it stands for. */
export function foldedMap(map: DependencyMap): DependencyMap {
  const parts = partsOf(map);
  const nodes = new Map(
    Array.from(
      Map.groupBy(map.nodes, ({ id }) => parts.get(id)!),
      ([part, same]) => [part, foldedNode(same)] as const,
    ),
  );
  const groups = Map.groupBy(map.edges, ({ client, service, port }) =>
    JSON.stringify([parts.get(client), parts.get(service), port]),
  );
  const sum = (edges: readonly MapEdge[], of: (edge: MapEdge) => number) =>
    edges.reduce((total, edge) => total + of(edge), 0);
  const edges = Array.from(groups.values(), (same): MapEdge => {
    const { client, service, port } = same[0]!;
    return {
      client: nodes.get(parts.get(client)!)!.id,
      service: nodes.get(parts.get(service)!)!.id,
      port,
      connections: sum(same, (edge) => edge.connections),
      sentBytesPerSecond: sum(same, (edge) => edge.sentBytesPerSecond),
      receivedBytesPerSecond: sum(same, (edge) => edge.receivedBytesPerSecond),
      retransmitsPerSecond: sum(same, (edge) => edge.retransmitsPerSecond),
      rttUs: median(same.flatMap(({ rttUs }) => rttUs ?? [])),
    };
  });
  return { nodes: [...nodes.values()], edges: edges.sort(byTraffic) };
}
