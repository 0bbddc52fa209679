/** Drawings of a dependency map for other programs: Mermaid and Graphviz. Strangers' text is only ever a label. */
import { escapeText } from "../bytes/terminal.ts";
import { CLIENTS, type DependencyMap, type MapEdge, type MapNode } from "./dependency-map.ts";

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

const { compare } = new Intl.Collator("en", { numeric: true });

/** The nodes by host, in the order of their names, so that two maps of the same hosts look alike. Those outside come last. */
function byHost(nodes: readonly MapNode[]): [host: string | undefined, nodes: MapNode[]][] {
  const sorted = nodes.toSorted((a, b) => compare(a.host ?? "", b.host ?? "") || compare(a.name, b.name));
  const hosts = [...Map.groupBy(sorted, ({ host }) => host)];
  return hosts.sort(([a], [b]) => Number(a === undefined) - Number(b === undefined));
}

/** What a node is called in a drawing. */
function nodeLabel({ host, name }: MapNode): string {
  return host === undefined && name === CLIENTS ? "clients elsewhere" : name;
}

/**
 * A stranger's text within a label of Mermaid: everything but plain characters as an entity. Mermaid refuses an empty
 * label, and cuts lines that look like styles (`style …:…#…;`) before it reads them.
 */
function mermaidText(text: string): string {
  return (escapeText(text).trim() || "?").replace(
    /[^\w ./@()-]/gu,
    (character) => `#${character.codePointAt(0)};`,
  );
}

/** The map as a flowchart of Mermaid. */
export function mermaid({ nodes, edges }: DependencyMap): string {
  const ids = new Map(nodes.map(({ id }, index) => [id, `n${index}`]));
  const lines = ["flowchart LR"];
  for (const [index, [host, group]] of byHost(nodes).entries()) {
    const indent = host === undefined ? "  " : "    ";
    if (host !== undefined) lines.push(`  subgraph h${index}["${mermaidText(host)}"]`);
    for (const node of group) lines.push(`${indent}${ids.get(node.id)}["${mermaidText(nodeLabel(node))}"]`);
    if (host !== undefined) lines.push("  end");
  }
  for (const edge of edges)
    lines.push(`  ${ids.get(edge.client)} -->|"${edgeLabel(edge)}"| ${ids.get(edge.service)}`);
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
    for (const node of group) lines.push(`${indent}${ids.get(node.id)} [label=${dotText(nodeLabel(node))}];`);
    if (host !== undefined) lines.push("  }");
  }
  for (const edge of edges)
    lines.push(`  ${ids.get(edge.client)} -> ${ids.get(edge.service)} [label=${dotText(edgeLabel(edge))}];`);
  return `${[...lines, "}"].join("\n")}\n`;
}
