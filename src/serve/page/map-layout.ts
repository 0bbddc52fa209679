/**
 * Where the nodes of the map are. They keep their places while rates change: nodes stay in the order in which they came,
 * and the width of an edge follows its rate in steps of a power of ten, with some reluctance.
 */
import { type SankeyGraph, type SankeyLink, type SankeyNode, sankey } from "d3-sankey";
import type { MapAnswer, MapEdge, MapNode } from "./answers.ts";

/** What the layout remembers from one answer to the next. */
export interface MapMemory {
  /** Place of each node on its side. */
  readonly ranks: Map<string, number>;
  /** Answers since a node was last seen. */
  readonly missed: Map<string, number>;
  /** Width of each edge, before it is scaled. */
  readonly widths: Map<string, number>;
}

/** An empty memory. */
export function newMemory(): MapMemory {
  return { ranks: new Map(), missed: new Map(), widths: new Map() };
}

/** Answers after which the place of a node that is gone is forgotten. */
const FORGET = 30;
/** How much a width must differ before it changes. */
const RELUCTANCE = 0.8;

/** The key of an edge. */
export function edgeKey({ from, to }: MapEdge): string {
  return `${from}\n${to}`;
}

/** The width of an edge that carries so much: powers of ten of bytes per second, and of sockets. */
function widthOf({ rx, tx, sockets }: MapEdge): number {
  return 1 + Math.log10(1 + ((rx ?? 0) + (tx ?? 0)) / 100) + Math.log10(Math.max(1, sockets));
}

/** Brings the memory up to date with an answer. */
export function remember({ ranks, missed, widths }: MapMemory, answer: MapAnswer): void {
  const { nodes, edges } = answer;
  const present = new Set(nodes.map(({ id }) => id));
  for (const id of ranks.keys()) {
    const count = present.has(id) ? 0 : (missed.get(id) ?? 0) + 1;
    missed.set(id, count);
    if (count > FORGET) {
      ranks.delete(id);
      missed.delete(id);
    }
  }
  const live = new Set(edges.map(edgeKey));
  for (const key of widths.keys()) if (!live.has(key)) widths.delete(key);
  for (const edge of edges) {
    const key = edgeKey(edge);
    const wanted = widthOf(edge);
    const held = widths.get(key);
    if (held === undefined || Math.abs(held - wanted) > RELUCTANCE) widths.set(key, wanted);
  }
  // The first nodes come in the order with the fewest crossings, later ones below them.
  const added = nodes.filter(({ id }) => !ranks.has(id));
  const order = ranks.size === 0 ? fewestCrossings(answer, widths) : added;
  for (const { id } of order) ranks.set(id, Math.max(-1, ...ranks.values()) + 1);
}

/** A node with its place. */
export type PlacedNode = SankeyNode<MapNode, MapEdge>;
/** An edge with its place. */
export type PlacedEdge = SankeyLink<MapNode, MapEdge>;

/** The picture. */
export interface MapPicture {
  readonly graph: SankeyGraph<MapNode, MapEdge>;
  readonly height: number;
}

/** Pixels of a node, of the space to the next one, above and below all of them, and of the whole. */
const NODE = 34;
const GAP = 10;
const MARGIN = 22;
const LEAST_HEIGHT = 170;

/** The nodes and edges as the layout wants them: copies, as it writes into them. */
function graphOf({ nodes, edges }: MapAnswer, widths: MapMemory["widths"]): SankeyGraph<MapNode, MapEdge> {
  const linked = new Set(edges.flatMap(({ from, to }) => [from, to]));
  return {
    nodes: nodes.filter(({ id }) => linked.has(id)).map((node) => ({ ...node })),
    links: edges.map((edge) => ({
      ...edge,
      source: edge.from,
      target: edge.to,
      value: widths.get(edgeKey(edge)) ?? 1,
    })),
  };
}

/** The layout, with this host at the left. */
function newLayout() {
  return sankey<MapNode, MapEdge>()
    .nodeId(({ id }) => id)
    .nodeWidth(6)
    .nodePadding(GAP + NODE / 2)
    .nodeAlign((node) => (node.side === "own" ? 0 : 1));
}

/** The nodes from top to bottom, as the layout arranges them by itself. */
function fewestCrossings(answer: MapAnswer, widths: MapMemory["widths"]): PlacedNode[] {
  const { nodes } = newLayout()(graphOf(answer, widths));
  return nodes.sort((a, b) => (a.y0 ?? 0) - (b.y0 ?? 0));
}

/** Lays the map out. @param width pixels @param margin pixels for the labels on each side */
export function layOut(
  answer: MapAnswer,
  { ranks, widths }: MapMemory,
  width: number,
  margin: number,
): MapPicture {
  const sides = ["own", "peer"].map((side) => answer.nodes.filter((node) => node.side === side).length);
  const height = Math.max(LEAST_HEIGHT, Math.max(...sides) * (NODE + GAP));
  const rank = ({ id, folded }: MapNode) => (folded === undefined ? 0 : 1e9) + (ranks.get(id) ?? 0);
  const layout = newLayout()
    .nodeSort((a, b) => rank(a) - rank(b))
    .extent([
      [margin, MARGIN],
      [width - margin, height - MARGIN],
    ]);
  return { graph: layout(graphOf(answer, widths)), height };
}
