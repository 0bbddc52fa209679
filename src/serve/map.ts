/** GET /api/map: who talks to whom, as nodes and edges. What is beyond the first edges is folded into one node a side. */
import { groupings } from "../live/groups.ts";
import type { Holders } from "../live/owners.ts";
import type { SocketTable } from "../live/table.ts";
import type { OpenQuery } from "../query/open.ts";
import { matching, wantsOfFilter } from "./matching.ts";
import { type Moments, readWhen } from "./moments.ts";
import { pastParameters, queryParameter, readNumber, readWord, selecting } from "./parameters.ts";
import type { Route } from "./route.ts";
import { jsonAnswer } from "./server.ts";
import type { Snapshot } from "./snapshot.ts";
import { turns } from "./turns.ts";
import { readSelecting } from "./window.ts";

const ownWords = ["process", "program", "user", "unit", "container", "port", "netns"] as const;
const peerWords = ["peer", "dport", "process"] as const;
const orderWords = ["rate", "sockets", "retrans"] as const;

const MOST_EDGES = 200;
const EDGES = 20;
/** The key of the node that stands for all others of its side. The keys of the others begin with {@link KEY}. */
const OTHER = "other";
const KEY = "=";
const UNKNOWN = "-";

/** A way to group sockets. */
interface Grouping {
  key(table: SocketTable, slot: number, holders: Holders): number | string;
  label(table: SocketTable, slot: number, holders: Holders): string;
}

/** Numbers that edges and nodes add up. */
interface Sums {
  sockets: number;
  rx: number;
  tx: number;
  retrans: number;
}

/** The sockets between two nodes. */
interface Edge extends Sums {
  readonly own: string;
  readonly peer: string;
  readonly rtts: number[];
}

function noSums(): Sums {
  return { sockets: 0, rx: 0, tx: 0, retrans: 0 };
}

function addTo(sums: Sums, { sockets, rx, tx, retrans }: Sums): void {
  sums.sockets += sockets;
  sums.rx += rx;
  sums.tx += tx;
  sums.retrans += retrans;
}

/** A number, 0 if it is unknown. */
function known(value: number): number {
  return Number.isNaN(value) ? 0 : value;
}

function median(values: readonly number[]): number | null {
  if (values.length === 0) return null;
  return values.toSorted((a, b) => a - b)[values.length >> 1]!;
}

/** Finds the process at the other end of a connection on this host. */
function peerProcess({ table, sockets }: Snapshot): (slot: number) => number {
  const byEnds = new Map<string, number>();
  const ends = (slot: number, local: string, peer: string) =>
    `${table.netns(slot)?.inode ?? ""} ${table.dump(slot)} ${local} ${peer}`;
  for (let slot = 0; slot < sockets.length; slot++)
    if (sockets.has(slot) && table.isInet(slot))
      byEnds.set(ends(slot, table.local(slot), table.peer(slot)), slot);
  return (slot) => {
    const other = byEnds.get(ends(slot, table.peer(slot), table.local(slot)));
    return other === undefined ? 0 : table.process[other]!;
  };
}

/** Whether a socket has a peer. */
function hasPeer(table: SocketTable, slot: number): boolean {
  return table.isInet(slot) && table.peerPort[slot] !== 0;
}

/** Words that need no quotes in a filter. */
const PLAIN = /^[A-Za-z0-9_][A-Za-z0-9_.@-]*$/;

/** The filter word of a grouping of the own side; undefined if there is none. */
function ownFilter(by: (typeof ownWords)[number], prefixed: string, label: string): string | undefined {
  if (label === UNKNOWN) return undefined;
  const key = prefixed.slice(KEY.length);
  if (by === "process") return `pid = ${key}`;
  if (by === "port") return `sport = :${key}`;
  if (!PLAIN.test(label)) return undefined;
  if (by === "program") return `comm = ${label}`;
  if (by === "user") return `user = ${label}`;
  if (by === "container") return `container = ${label}`;
  return undefined;
}

function peerFilter(by: (typeof peerWords)[number], label: string): string | undefined {
  if (label === UNKNOWN) return undefined;
  if (by === "peer") return `dst ${label.includes(":") ? `[${label}]` : label}`;
  return by === "dport" ? `dport = ${label}` : undefined;
}

/** The choices for a map. */
interface MapChoices {
  readonly by: (typeof ownWords)[number];
  readonly peer: (typeof peerWords)[number];
  readonly order: (typeof orderWords)[number];
  /** How many edges are shown. */
  readonly top: number;
}

/** The map of some sockets, as it is sent. */
function mapOf(snapshot: Snapshot, slots: readonly number[], { by, peer, order, top }: MapChoices) {
  const { table, owners, generation, timeMs, span } = snapshot;
  const { numbers } = table;
  // Over a span, what connections have carried in all counts.
  const [rx, tx, retrans] =
    span === undefined
      ? [numbers.receivedRate, numbers.ackedRate, numbers.retransmittedRate]
      : [numbers.received, numbers.acked, numbers.retransmitted];
  const own: Grouping = groupings[by];
  const labels = new Map<string, string>();
  const peerOf = peer === "process" ? peerProcess(snapshot) : undefined;
  const edges = new Map<string, Edge>();
  for (const slot of slots) {
    if (!hasPeer(table, slot)) continue;
    const ownKey = `${KEY}${own.key(table, slot, owners)}`;
    if (!labels.has(`o${ownKey}`)) labels.set(`o${ownKey}`, own.label(table, slot, owners));
    const pid = peerOf?.(slot) ?? 0;
    const grouping: Grouping = groupings[peer === "process" ? "peer" : peer];
    const peerKey = pid === 0 ? `${KEY}${grouping.key(table, slot, owners)}` : `${KEY}pid ${pid}`;
    if (!labels.has(`p${peerKey}`)) {
      const process = pid === 0 ? undefined : owners.label(pid);
      labels.set(`p${peerKey}`, process ?? grouping.label(table, slot, owners));
    }
    const name = `${ownKey}\n${peerKey}`;
    let edge = edges.get(name);
    if (edge === undefined) {
      edge = { ...noSums(), own: ownKey, peer: peerKey, rtts: [] };
      edges.set(name, edge);
    }
    addTo(edge, {
      sockets: 1,
      rx: known(rx[slot]!),
      tx: known(tx[slot]!),
      retrans: known(retrans[slot]!),
    });
    const rtt = numbers.rtt[slot]!;
    if (rtt > 0) edge.rtts.push(rtt);
  }
  const rank = ({ sockets, rx, tx, retrans }: Edge) =>
    order === "sockets" ? sockets : order === "retrans" ? retrans : rx + tx;
  const sorted = [...edges.values()].sort(
    (a, b) =>
      rank(b) - rank(a) || b.sockets - a.sockets || (`${a.own} ${a.peer}` < `${b.own} ${b.peer}` ? -1 : 1),
  );
  const shown = sorted.slice(0, top);
  const shownOwn = new Set(shown.map((edge) => edge.own));
  const shownPeers = new Set(shown.map((edge) => edge.peer));
  const folded = { own: new Set<string>(), peer: new Set<string>() };
  const answer = new Map<string, Edge>();
  for (const [index, edge] of sorted.entries()) {
    const isShown = index < top;
    const from = isShown || shownOwn.has(edge.own) ? edge.own : OTHER;
    const to = isShown ? edge.peer : OTHER;
    if (from === OTHER) folded.own.add(edge.own);
    if (to === OTHER && !shownPeers.has(edge.peer)) folded.peer.add(edge.peer);
    const name = `${from}\n${to}`;
    let sum = answer.get(name);
    if (sum === undefined) {
      sum = { ...noSums(), own: from, peer: to, rtts: [] };
      answer.set(name, sum);
    }
    addTo(sum, edge);
    for (const rtt of edge.rtts) sum.rtts.push(rtt);
  }
  const nodes = new Map<
    string,
    Sums & { id: string; side: "own" | "peer"; label: string; folded?: number }
  >();
  const total = noSums();
  for (const edge of answer.values()) {
    addTo(total, edge);
    for (const side of ["own", "peer"] as const) {
      const key = edge[side];
      const id = `${side} ${key}`;
      let node = nodes.get(id);
      if (node === undefined) {
        const label = key === OTHER ? OTHER : labels.get(`${side[0]}${key}`)!;
        node = { id, side, label, ...noSums(), ...(key === OTHER ? { folded: folded[side].size } : {}) };
        nodes.set(id, node);
      }
      addTo(node, edge);
    }
  }
  return {
    generation,
    time: new Date(timeMs).toISOString(),
    ...(span === undefined ? {} : { totals: true }),
    nodes: [...nodes.values()],
    edges: Array.from(answer.values(), ({ own: from, peer: to, sockets, rx, tx, retrans, rtts }) => {
      const ownPart = ownFilter(by, from, labels.get(`o${from}`) ?? UNKNOWN);
      const peerPart = peerFilter(peer, labels.get(`p${to}`) ?? UNKNOWN);
      return {
        from: `own ${from}`,
        to: `peer ${to}`,
        sockets,
        rx,
        tx,
        retransRate: retrans,
        rttUs: median(rtts),
        filter: ownPart === undefined || peerPart === undefined ? null : `${ownPart} and ${peerPart}`,
      };
    }),
    total: { edges: edges.size, sockets: total.sockets, rx: total.rx, tx: total.tx },
  };
}

/** The route. @param moments where snapshots come from */
export function mapRoute(moments: Moments): Route {
  return {
    method: "GET",
    path: "/api/map",
    doc: "Who talks to whom: nodes for this host and for its peers, and the sockets between them as edges.",
    access: "token",
    parameters: [
      ...selecting,
      queryParameter("by", "What the nodes of this host are.", { enum: ownWords, default: "process" }),
      queryParameter("peer", "What the nodes of the peers are.", { enum: peerWords, default: "peer" }),
      queryParameter("top", "How many edges are shown; the rest is folded.", {
        type: "integer",
        minimum: 1,
        maximum: MOST_EDGES,
        default: EDGES,
      }),
      queryParameter("order", "Which edges come first.", { enum: orderWords, default: "rate" }),
      ...pastParameters,
    ],
    types: ["application/json"],
    async handle({ values, request }) {
      const wanted = readSelecting(values);
      const by = readWord("by", values["by"], ownWords, "process");
      const peer = readWord("peer", values["peer"], peerWords, "peer");
      const order = readWord("order", values["order"], orderWords, "rate");
      const top = readNumber("top", values["top"], { least: 1, most: MOST_EDGES, otherwise: EDGES });
      const wants = async (query: OpenQuery) => ({ ...(await wantsOfFilter(query, wanted)), owners: true });
      return moments.at(readWhen(values), wants, async (snapshot) => {
        const { slots } = await matching(snapshot, wanted, turns());
        return jsonAnswer(request, mapOf(snapshot, slots, { by, peer, order, top }));
      });
    },
  };
}
