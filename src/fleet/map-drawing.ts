/** Drawings of a dependency map for other programs: Mermaid and Graphviz. Strangers' text is only ever a label. */
import { escapeText } from "../bytes/terminal.ts";
import type { DependencyMap, MapEdge, MapNode } from "./dependency-map.ts";

/** A number of bytes in a few characters: `1.2 MB`. */
function shortBytes(count: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let value = count;
  let unit = 0;
  for (; value >= 1000 && unit < units.length - 1; unit++) value /= 1000;
  return `${value < 10 && unit > 0 ? value.toFixed(1) : Math.round(value)} ${units[unit]}`;
}

/** What an edge says: port, connections, and what moves. */
function edgeLabel(edge: MapEdge): string {
  const { port, connections, sentBytesPerSecond, receivedBytesPerSecond, retransmitsPerSecond, rttUs } = edge;
  const moved = sentBytesPerSecond + receivedBytesPerSecond;
  return [
    `:${port}`,
    `${connections}×`,
    ...(moved >= 1 ? [`${shortBytes(moved)}/s`] : []),
    ...(rttUs === undefined ? [] : [`${Number((rttUs / 1000).toFixed(2))} ms`]),
    ...(retransmitsPerSecond >= 0.05 ? [`${retransmitsPerSecond.toFixed(1)} retr/s`] : []),
  ].join(" ");
}

/** The nodes by host, those outside last. */
function byHost(nodes: readonly MapNode[]): [host: string | undefined, nodes: MapNode[]][] {
  const hosts = [...Map.groupBy(nodes, ({ host }) => host)];
  return hosts.sort(([a], [b]) => Number(a === undefined) - Number(b === undefined));
}

/** Text within a label of Mermaid: everything but plain characters as an entity. */
function mermaidText(text: string): string {
  return escapeText(text).replace(/[^\w .:/@×()-]/gu, (character) => `#${character.codePointAt(0)};`);
}

/** The map as a flowchart of Mermaid. */
export function mermaid({ nodes, edges }: DependencyMap): string {
  const ids = new Map(nodes.map(({ id }, index) => [id, `n${index}`]));
  const lines = ["flowchart LR"];
  for (const [host, group] of byHost(nodes)) {
    const indent = host === undefined ? "  " : "    ";
    if (host !== undefined) lines.push(`  subgraph "${mermaidText(host)}"`);
    for (const { id, name } of group) lines.push(`${indent}${ids.get(id)}["${mermaidText(name)}"]`);
    if (host !== undefined) lines.push("  end");
  }
  for (const edge of edges)
    lines.push(`  ${ids.get(edge.client)} -->|"${mermaidText(edgeLabel(edge))}"| ${ids.get(edge.service)}`);
  return `${lines.join("\n")}\n`;
}

/** A quoted string of Graphviz's language. */
function dotText(text: string): string {
  return `"${escapeText(text).replace(/[\\"]/g, "\\$&")}"`;
}

/** The map as a digraph of Graphviz. */
export function dot({ nodes, edges }: DependencyMap): string {
  const ids = new Map(nodes.map(({ id }, index) => [id, `n${index}`]));
  const lines = ["digraph sockets {", "  rankdir=LR;", "  node [shape=box];"];
  for (const [index, [host, group]] of byHost(nodes).entries()) {
    const indent = host === undefined ? "  " : "    ";
    if (host !== undefined) lines.push(`  subgraph cluster_${index} {`, `    label=${dotText(host)};`);
    for (const { id, name } of group) lines.push(`${indent}${ids.get(id)} [label=${dotText(name)}];`);
    if (host !== undefined) lines.push("  }");
  }
  for (const edge of edges)
    lines.push(`  ${ids.get(edge.client)} -> ${ids.get(edge.service)} [label=${dotText(edgeLabel(edge))}];`);
  return `${[...lines, "}"].join("\n")}\n`;
}
