/** The map: who talks to whom, and how well. */
import { effect, signal, useSignal } from "@preact/signals";
import { sankeyLinkHorizontal } from "d3-sankey";
import { useLayoutEffect, useRef } from "preact/hooks";
import type { MapAnswer, MapEdge, MapNode } from "./answers.ts";
import { Refusal, request } from "./api.ts";
import { cellText } from "./format.ts";
import { hostsFailure, hostsMap, hostsMemory, otherHosts, showsHosts } from "./hosts-map.ts";
import { loader } from "./loader.ts";
import {
  edgeKey,
  layOut,
  type MapMemory,
  newMemory,
  type PlacedEdge,
  type PlacedNode,
  remember,
} from "./map-layout.ts";
import { failure as mistake, selection } from "./rows-data.ts";
import { narrow, sample, show, showRows, staleSeconds, view } from "./state.ts";

/** Edges to show; the server folds the rest. */
const TOP = { wide: 30, narrow: 12 };

const map = signal<MapAnswer | undefined>(undefined);
const failure = signal("");
let memory = newMemory();
let remembered = "";

const loadMap = loader(async (signal) => {
  const { by, peer } = view.peek();
  try {
    const top = narrow.peek() ? TOP.narrow : TOP.wide;
    const next = await request<MapAnswer>("/api/map", { ...selection(), by, peer, top }, signal);
    if (remembered !== `${by} ${peer}`) memory = newMemory();
    remembered = `${by} ${peer}`;
    remember(memory, next);
    map.value = next;
    failure.value = "";
    mistake.value = undefined;
  } catch (error) {
    if (signal.aborted) return;
    // The line of the filter shows its own mistakes.
    const filter = error instanceof Refusal ? error.filter : undefined;
    const text = (error as Error).message;
    mistake.value = filter === undefined ? undefined : { text, filter };
    failure.value = filter === undefined ? text : "";
  }
});

/** Requests the map whenever the view or the sample changes. */
export function followMap(): void {
  effect(() => {
    const { tab, by, peer, filter, tables, state, at, from } = view.value;
    void [by, peer, filter, tables, state, at, from, narrow.value];
    if (tab === "map" && !showsHosts.value) loadMap.restart();
  });
  effect(() => {
    void sample.value?.generation;
    const { tab, at } = view.peek();
    const canChange =
      tab === "map" && !showsHosts.peek() && at === "" && mistake.peek()?.filter === undefined;
    if (canChange && document.visibilityState === "visible") loadMap.refresh();
  });
}

/** What the nodes of this host can be. */
const ownChoices = [
  ["process", "Processes"],
  ["program", "Programs"],
  ["container", "Containers"],
  ["unit", "Units"],
  ["user", "Users"],
  ["port", "Ports"],
] as const;

/** What the nodes of the other side can be. */
const peerChoices = [
  ["peer", "Addresses"],
  ["dport", "Ports"],
  ["process", "Processes"],
] as const;

/** Bytes per second; of a span, bytes. */
function rate(value: number | null | undefined): string {
  if (value === null || value === undefined) return "–";
  return `${cellText(value, "bytes/s")}${map.value?.totals === true ? "B" : "B/s"}`;
}

/** The label of a node, as short as its room. */
function cut(label: string, room: number): string {
  const most = Math.max(6, Math.floor(room / 7.2));
  return label.length <= most ? label : `${label.slice(0, most - 1)}…`;
}

/** What a node is called. */
function nameOf({ label, folded }: MapNode): string {
  if (folded !== undefined) return `${folded} others`;
  return label === "-" ? "unknown" : label;
}

const path = sankeyLinkHorizontal<MapNode, MapEdge>();

/** The two ribbons of an edge: received above, sent below, as wide as their shares. */
function ribbons(edge: PlacedEdge): readonly (readonly [d: string, width: number, kind: string])[] {
  const { rx, tx, width = 1, y0 = 0, y1 = 0 } = edge;
  const sum = (rx ?? 0) + (tx ?? 0);
  if (sum === 0) return [[path(edge) ?? "", width, "idle"]];
  const share = (rx ?? 0) / sum;
  const part = (from: number, to: number) => {
    const shift = ((from + to - 1) * width) / 2;
    return path({ ...edge, y0: y0 + shift, y1: y1 + shift }) ?? "";
  };
  return [
    [part(0, share), width * share, "rx"] as const,
    [part(share, 1), width * (1 - share), "tx"] as const,
  ].filter(([, each]) => each > 0.3);
}

/** The rows of an edge. */
function showEdge({ filter }: MapEdge): void {
  if (filter !== null) showRows(filter, { tables: view.value.tables, state: view.value.state });
}

/** The expression for all rows of a node, if each of its edges has one and they are few. */
const MOST_EDGES = 8;
function showNode({ id }: MapNode): void {
  const edges = (map.value?.edges ?? []).filter(({ from, to }) => from === id || to === id);
  const filters = edges.map(({ filter }) => filter);
  if (filters.length === 0 || filters.length > MOST_EDGES || filters.includes(null)) return;
  const joined = filters.length === 1 ? filters[0]! : filters.map((each) => `( ${each} )`).join(" or ");
  showRows(joined, { tables: view.value.tables, state: view.value.state });
}

interface PictureProps {
  readonly answer: MapAnswer;
  readonly memory: MapMemory;
  readonly lit: string;
  readonly light: (key: string) => void;
}

function isLit(lit: string, edge: MapEdge): boolean {
  return lit === "" || lit === edgeKey(edge) || lit === edge.from || lit === edge.to;
}

function Picture({ answer, memory, lit, light }: PictureProps) {
  const place = useRef<HTMLDivElement>(null);
  const width = useSignal(0);
  useLayoutEffect(() => {
    const observer = new ResizeObserver(([entry]) => {
      width.value = Math.floor(entry!.contentRect.width);
    });
    observer.observe(place.current!);
    return () => observer.disconnect();
  }, [width]);
  const margin = Math.round(Math.min(260, width.value * 0.28));
  const picture = width.value < 200 ? undefined : layOut(answer, memory, width.value, margin);
  return (
    <div class="picture" ref={place}>
      {picture === undefined ? null : (
        // The table below says the same to a screen reader, and can be used by keys.
        <svg
          width={width.value}
          height={picture.height}
          viewBox={`0 0 ${width.value} ${picture.height}`}
          aria-hidden="true"
        >
          <g class="edges">
            {(picture.graph.links as PlacedEdge[]).map((edge) => (
              // biome-ignore lint/a11y/noStaticElementInteractions: the table below has the same as buttons
              <g
                key={edgeKey(edge)}
                class="edge"
                data-dim={isLit(lit, edge) ? undefined : ""}
                onClick={() => showEdge(edge)}
                onMouseEnter={() => light(edgeKey(edge))}
                onMouseLeave={() => light("")}
              >
                <path class="touch" d={path(edge) ?? ""} stroke-width={Math.max(12, edge.width ?? 1)} />
                {ribbons(edge).map(([d, thickness, kind]) => (
                  <path key={kind} class={kind} d={d} stroke-width={thickness} />
                ))}
                {(edge.retransRate ?? 0) > 0 ? <path class="loss" d={path(edge) ?? ""} /> : null}
              </g>
            ))}
          </g>
          {(picture.graph.nodes as PlacedNode[]).map((node) => {
            const { id, side, label, sockets, rx, tx, folded, x0 = 0, x1 = 0, y0 = 0, y1 = 0 } = node;
            const isOwn = side === "own";
            const x = isOwn ? x0 - 10 : x1 + 10;
            const y = (y0 + y1) / 2;
            const isDim =
              lit !== "" &&
              lit !== id &&
              !answer.edges.some((edge) => isLit(lit, edge) && (edge.from === id || edge.to === id));
            return (
              // biome-ignore lint/a11y/noStaticElementInteractions: the table below has the same as buttons
              <g
                key={id}
                class="node"
                data-side={side}
                data-dim={isDim ? "" : undefined}
                data-folded={folded === undefined ? undefined : ""}
                onClick={() => showNode(node)}
                onMouseEnter={() => light(id)}
                onMouseLeave={() => light("")}
              >
                <rect x={x0} y={y0} width={x1 - x0} height={Math.max(3, y1 - y0)} rx="3" />
                <text x={x} y={y - 2} text-anchor={isOwn ? "end" : "start"}>
                  {cut(nameOf(node), margin - 14)}
                  <title>{label}</title>
                </text>
                <text class="small" x={x} y={y + 12} text-anchor={isOwn ? "end" : "start"}>
                  {cut(`${sockets} · ${rate((rx ?? 0) + (tx ?? 0))}`, margin - 14)}
                </text>
              </g>
            );
          })}
        </svg>
      )}
    </div>
  );
}

interface EdgeTableProps extends Omit<PictureProps, "memory"> {
  /** Headings of both sides. */
  readonly sides: readonly [own: string, peer: string];
}

function EdgeTable({ answer, sides: [ownSide, peerSide], lit, light }: EdgeTableProps) {
  const labels = new Map(answer.nodes.map((node) => [node.id, nameOf(node)]));
  return (
    <table class="edge-table">
      <caption class="unseen">Connections between the nodes of the map</caption>
      <thead>
        <tr>
          <th scope="col">{ownSide}</th>
          <th scope="col">{peerSide}</th>
          <th scope="col">Sockets</th>
          <th scope="col">Received</th>
          <th scope="col">Acknowledged</th>
          <th scope="col">RTT</th>
          <th scope="col">Retransmitted</th>
        </tr>
      </thead>
      <tbody>
        {answer.edges.map((edge) => {
          const key = edgeKey(edge);
          const { from, to, sockets, rx, tx, rttUs, retransRate, filter } = edge;
          return (
            <tr
              key={key}
              data-lit={lit === key ? "" : undefined}
              onMouseEnter={() => light(key)}
              onMouseLeave={() => light("")}
            >
              <th scope="row">
                {filter === null ? (
                  labels.get(from)
                ) : (
                  <button
                    type="button"
                    class="link"
                    data-step=""
                    onClick={() => showEdge(edge)}
                    onFocus={() => light(key)}
                    onBlur={() => light("")}
                  >
                    {labels.get(from)}
                  </button>
                )}
              </th>
              <td class="name">{labels.get(to)}</td>
              <td>{sockets}</td>
              <td>{rate(rx)}</td>
              <td>{rate(tx)}</td>
              <td>{rttUs === null ? "–" : `${cellText(rttUs, "us")} ms`}</td>
              <td data-lossy={(retransRate ?? 0) > 0 ? "" : undefined}>
                {retransRate === null
                  ? "–"
                  : `${cellText(retransRate, "1/s")}${answer.totals === true ? "" : "/s"}`}
              </td>
            </tr>
          );
        })}
      </tbody>
    </table>
  );
}

interface ChoiceProps {
  readonly label: string;
  readonly value: string;
  readonly choices: readonly (readonly [string, string])[];
  readonly choose: (value: string) => void;
}

function Choice({ label, value, choices, choose }: ChoiceProps) {
  return (
    <label class="choice">
      {label}
      <select value={value} onChange={({ currentTarget }) => choose(currentTarget.value)}>
        {choices.map(([word, name]) => (
          <option key={word} value={word}>
            {name}
          </option>
        ))}
      </select>
    </label>
  );
}

/** The choice between this host and the others; nothing if there are none. */
function ScopeChoice() {
  const count = otherHosts();
  if (count === 0) return null;
  const choices = [
    ["", "This host"],
    ["others", count === 1 ? "Another host" : `${count} hosts`],
  ] as const;
  return (
    <Choice
      label="Hosts"
      value={showsHosts.value ? "others" : ""}
      choices={choices}
      choose={(word) => show({ hosts: word })}
    />
  );
}

function Legend() {
  return (
    <span class="legend">
      <span data-colour="--rx">received</span> <span data-colour="--tx">acknowledged</span>{" "}
      <span data-colour="--bad">retransmits</span>
    </span>
  );
}

function Warning({ text }: { readonly text: string }) {
  return (
    <p class="call" data-severity="warning">
      {text}
    </p>
  );
}

/** The map of other hosts. */
function HostsMap() {
  const lit = useSignal("");
  const isOld = hostsFailure.value !== "";
  const answer = hostsMap.value;
  const light = (key: string) => {
    lit.value = key;
  };
  return (
    <div class="page" data-old={isOld ? "" : undefined}>
      <div class="heading">
        <h2>Who depends on whom</h2>
        <ScopeChoice />
        <Legend />
      </div>
      {hostsFailure.value === "" ? null : <Warning text={hostsFailure.value} />}
      {(answer?.failures ?? []).map(({ hosts, count, reason }) => (
        <Warning key={hosts} text={`${hosts} ${count === 1 ? "does" : "do"} not answer: ${reason}`} />
      ))}
      {answer === undefined || answer.pending === true ? (
        hostsFailure.value === "" ? (
          <p class="empty">Waiting for the hosts…</p>
        ) : null
      ) : answer.edges.length === 0 ? (
        <p class="empty">No connections on {answer.answered} hosts.</p>
      ) : (
        <>
          <Picture answer={answer} memory={hostsMemory} lit={lit.value} light={light} />
          <EdgeTable answer={answer} sides={["Client", "Service"]} lit={lit.value} light={light} />
          {answer.leftOut === 0 ? null : <p class="empty">{answer.leftOut} more edges are not shown.</p>}
        </>
      )}
    </div>
  );
}

/** The tab. */
export function MapPage() {
  return showsHosts.value ? <HostsMap /> : <ConnectionMap />;
}

/** The map of this host. */
function ConnectionMap() {
  const lit = useSignal("");
  const isOld = staleSeconds.value > 0 || failure.value !== "";
  const { by, peer } = view.value;
  const answer = map.value;
  const light = (key: string) => {
    lit.value = key;
  };
  return (
    <div class="page" data-old={isOld ? "" : undefined}>
      <div class="heading">
        <h2>Who talks to whom</h2>
        <ScopeChoice />
        <Choice label="This host" value={by} choices={ownChoices} choose={(word) => show({ by: word })} />
        <Choice label="Peers" value={peer} choices={peerChoices} choose={(word) => show({ peer: word })} />
        <Legend />
      </div>
      {failure.value === "" ? null : <Warning text={failure.value} />}
      {answer === undefined ? (
        failure.value === "" ? (
          <p class="empty">Reading the connections…</p>
        ) : null
      ) : answer.edges.length === 0 ? (
        <p class="empty">No connections match.</p>
      ) : (
        <>
          <Picture answer={answer} memory={memory} lit={lit.value} light={light} />
          <EdgeTable answer={answer} sides={["On this host", "Peer"]} lit={lit.value} light={light} />
        </>
      )}
    </div>
  );
}
