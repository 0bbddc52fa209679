/**
 * GET /api/map/hosts: which programs of several hosts depend on which services. The hosts are sampled only while somebody
 * requests the map.
 */
import { escapeText } from "../bytes/terminal.ts";
import { compareSamples } from "../fleet/comparison.ts";
import { type DependencyMap, dependencyMap, type MapNode } from "../fleet/dependency-map.ts";
import { writeHosts } from "../fleet/host-list.ts";
import { type AskAll, type EndsRequest, type Sample, sampleEnds } from "../fleet/samples.ts";
import { queryParameter, readNumber } from "./parameters.ts";
import type { Route } from "./route.ts";
import { jsonAnswer } from "./server.ts";

/** Other hosts, whose connections the map draws. */
export interface OtherHosts {
  readonly hosts: readonly string[];
  readonly ask: AskAll;
  /** Whether every network namespace of them is listed. */
  readonly allNetns: boolean;
  /** Milliseconds that their answers may take. */
  readonly budgetMs: number;
  /** Milliseconds between two samples at least. */
  readonly intervalMs?: number;
  /** Milliseconds between the two samples of the first map. */
  readonly apartMs?: number;
}

const INTERVAL_MS = 10_000;
const APART_MS = 2000;
/** Age from which an earlier sample says nothing about present rates, in intervals. */
const OLDEST = 6;
/** Intervals until a host that did not answer is queried again: connecting to it may take as long as that. */
const RETRY = 6;
/** How long a request waits for the first map, in milliseconds. Then its answer is `pending`. */
const WAIT_MS = 4000;
const MOST_EDGES = 200;
const EDGES = 30;

/** The hosts that did not answer for one reason. */
interface Failure {
  /** Their names as a list: `db[1-3]`. */
  readonly hosts: string;
  readonly count: number;
  readonly reason: string;
}

/** A map with what it rests on. */
interface Drawn {
  readonly map: DependencyMap;
  readonly timeMs: number;
  readonly seconds: number;
  readonly answered: number;
  readonly failures: readonly Failure[];
}

function failuresOf(reasons: ReadonlyMap<string, string>): readonly Failure[] {
  const byReason = Map.groupBy(reasons, ([, reason]) => reason);
  return Array.from(byReason, ([reason, list]) => ({
    hosts: writeHosts(list.map(([host]) => host)),
    count: list.length,
    reason: escapeText(reason),
  }));
}

/** Draws maps on request. @param now milliseconds of a clock that never goes back */
function drawer(others: OtherHosts, now: () => number): () => Promise<Drawn | undefined> {
  const { hosts, ask, allNetns, budgetMs, intervalMs = INTERVAL_MS, apartMs = APART_MS } = others;
  const request: EndsRequest = { allNetns, containers: false, words: [], budgetMs };
  const reasons = new Map<string, string>();
  const retryAt = new Map<string, number>();
  let last: { readonly sample: Sample; readonly atMs: number } | undefined;
  let drawn: { readonly map: Drawn; readonly atMs: number } | undefined;
  let drawing: Promise<void> | undefined;

  async function sample() {
    const atMs = now();
    const due = hosts.filter((host) => (retryAt.get(host) ?? 0) <= atMs);
    const taken = await sampleEnds(ask, due, request);
    for (const { host, failure } of taken.outcomes) {
      const isWhole = taken.addresses.has(host);
      if (isWhole) reasons.delete(host);
      else reasons.set(host, failure ?? "no whole answer");
      if (!isWhole) retryAt.set(host, atMs + RETRY * intervalMs);
    }
    return { sample: taken, atMs };
  }

  async function draw(): Promise<void> {
    const isRecent = last !== undefined && now() - last.atMs < OLDEST * intervalMs;
    const first = isRecent ? last! : await sample();
    if (!isRecent) await Bun.sleep(apartMs);
    const second = await sample();
    const seconds = (second.atMs - first.atMs) / 1000;
    const comparison = await compareSamples(ask, first.sample, second.sample, { seconds, budgetMs });
    last = second;
    drawn = {
      atMs: now(),
      map: {
        map: dependencyMap(first.sample.ends, comparison.now, seconds),
        timeMs: Date.now(),
        seconds,
        answered: second.sample.addresses.size,
        failures: failuresOf(reasons),
      },
    };
  }

  return async () => {
    const isStale = drawn === undefined || now() - drawn.atMs >= intervalMs;
    if (isStale && drawing === undefined) {
      drawing = draw().finally(() => {
        drawing = undefined;
      });
      // Only a request that waits for it reports its failure.
      drawing.catch(() => undefined);
    }
    if (drawn === undefined) await Promise.race([drawing, Bun.sleep(WAIT_MS)]);
    return drawn?.map;
  };
}

/** A node as one label. */
function labelOf({ host, name }: MapNode): string {
  return escapeText(
    host === undefined ? (name === "clients" ? "clients elsewhere" : name) : `${host} ${name}`,
  );
}

/** The map in the form of /api/map: clients on the own side, services with their ports on the other. */
function mapAnswer({ map: { nodes, edges }, timeMs, seconds, answered, failures }: Drawn, top: number) {
  const labels = new Map(nodes.map((node) => [node.id, labelOf(node)]));
  const sides = new Map<
    string,
    { id: string; side: "own" | "peer"; label: string; sockets: number; rx: number; tx: number }
  >();
  const shown = edges.slice(0, top).map((edge) => {
    const { connections: sockets, sentBytesPerSecond: tx, receivedBytesPerSecond: rx } = edge;
    const from = `own ${edge.client}`;
    const to = `peer ${edge.service} ${edge.port}`;
    for (const [id, side, label] of [
      [from, "own", labels.get(edge.client)!],
      [to, "peer", `${labels.get(edge.service)!} :${edge.port}`],
    ] as const) {
      const node = sides.get(id) ?? { id, side, label, sockets: 0, rx: 0, tx: 0 };
      sides.set(id, node);
      node.sockets += sockets;
      node.rx += rx;
      node.tx += tx;
    }
    const { rttUs = null, retransmitsPerSecond: retransRate } = edge;
    return { from, to, sockets, rx, tx, retransRate, rttUs, filter: null };
  });
  return {
    time: new Date(timeMs).toISOString(),
    seconds,
    nodes: [...sides.values()],
    edges: shown,
    leftOut: edges.length - shown.length,
    answered,
    failures,
  };
}

/** The route. @param now milliseconds of a clock that never goes back */
export function hostsMapRoute(others: OtherHosts, now: () => number = () => performance.now()): Route {
  const read = drawer(others, now);
  return {
    method: "GET",
    path: "/api/map/hosts",
    doc: "Who depends on whom on the hosts of --map-hosts: clients, services with their ports, and the connections between them as edges.",
    access: "token",
    parameters: [
      queryParameter("top", "How many edges are shown.", {
        type: "integer",
        minimum: 1,
        maximum: MOST_EDGES,
        default: EDGES,
      }),
    ],
    types: ["application/json"],
    async handle({ values, request }) {
      const top = readNumber("top", values["top"], { least: 1, most: MOST_EDGES, otherwise: EDGES });
      const drawn = await read();
      if (drawn !== undefined) return jsonAnswer(request, mapAnswer(drawn, top));
      const time = new Date().toISOString();
      return jsonAnswer(request, {
        time,
        pending: true,
        nodes: [],
        edges: [],
        leftOut: 0,
        answered: 0,
        failures: [],
      });
    },
  };
}
