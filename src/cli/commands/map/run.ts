/** One run of `map`. */
import { escapeText } from "../../../bytes/terminal.ts";
import { decodeBytes, encodeBytes } from "../../../bytes/text.ts";
import { compareHosts } from "../../../fleet/comparison.ts";
import { CLIENTS, type DependencyMap, dependencyMap, type MapNode } from "../../../fleet/dependency-map.ts";
import { type Connect, fanOut } from "../../../fleet/fan-out.ts";
import { foldedMap } from "../../../fleet/folded-map.ts";
import { dot, mermaid } from "../../../fleet/map-drawing.ts";
import { PROTOCOL, readQuestion, writeLine } from "../../../fleet/protocol.ts";
import type { EndsRequest } from "../../../fleet/samples.ts";
import { ColumnsTable } from "../../../output/columns-table.ts";
import { JsonWriter } from "../../../output/json.ts";
import type { Head } from "../../../output/value.ts";
import { systemClock } from "../../../store/clock.ts";
import { answer, ownLimits } from "../../fleet/answer.ts";
import { conclude, openHosts } from "../../fleet/ask.ts";
import type { OpenHosts } from "../../fleet/task.ts";
import { isStop } from "../../getopt.ts";
import { halt } from "../../halt.ts";
import type { World } from "../../world.ts";
import type { Task } from "../command.ts";
import type { MapSettings } from "./settings.ts";

const APART_MS = 2000;
/** Edges that are shown unless --top says otherwise. */
const EDGES = 50;
/** The name of this host where it is the only one. */
const HERE = "here";

/** This host as one that answers questions, within this process. */
function thisHost(world: World, budgetMs: number): OpenHosts {
  const connect: Connect = () => {
    const question = Promise.withResolvers<string>();
    async function* lines(): AsyncGenerator<string> {
      yield writeLine({ hello: { version: "", protocols: [PROTOCOL], host: HERE, bootId: "" } });
      const received = readQuestion(await question.promise);
      const frames: string[] = [];
      await answer(
        world,
        received,
        (frame) => frames.push(writeLine(frame)),
        ownLimits(() => systemClock.awakeMs()),
      );
      yield* frames;
    }
    return {
      lines: lines(),
      send: (line) => question.resolve(line),
      failure: async () => "no answer",
      close: () => question.resolve(""),
    };
  };
  const limits = { answering: 1, connecting: 1, deadlineMs: budgetMs };
  const never = new AbortController().signal;
  return {
    hosts: [HERE],
    ask: (hosts, question, take) => fanOut(hosts, connect, question, limits, take, never),
    oneByOne: false,
    [Symbol.asyncDispose]: async () => undefined,
  };
}

const heads: readonly Head[] = [
  { name: "Client", key: "client", numeric: false },
  { name: "Service", key: "service", numeric: false },
  { name: "Port", key: "port", numeric: true },
  { name: "Conns", key: "connections", numeric: true },
  { name: "Sent/s", key: "sentBytesPerSecond", numeric: true },
  { name: "Received/s", key: "receivedBytesPerSecond", numeric: true },
  { name: "RTT ms", key: "rttUs", numeric: true },
  { name: "Retr/s", key: "retransmitsPerSecond", numeric: true },
];

/** A node in one word: the host is left out where there is only one. */
function nodeName({ host, name }: MapNode, oneHost: boolean): string {
  if (host === undefined) return name === CLIENTS ? "(clients elsewhere)" : name;
  return oneHost ? host.replace(/^here ?/, "") + (host === HERE ? "" : " ") + name : `${host} ${name}`;
}

function showTable(world: World, { nodes, edges }: DependencyMap, oneHost: boolean, header: boolean): void {
  const names = new Map(nodes.map((node) => [node.id, nodeName(node, oneHost)]));
  const table = new ColumnsTable(heads, {
    header,
    screen: world.stdout.terminalColumns || undefined,
    write: (bytes) => world.stdout.write(bytes),
  });
  for (const edge of edges) {
    const { port, connections, sentBytesPerSecond, receivedBytesPerSecond, rttUs, retransmitsPerSecond } =
      edge;
    table.write([
      names.get(edge.client),
      names.get(edge.service),
      port,
      connections,
      Math.round(sentBytesPerSecond),
      Math.round(receivedBytesPerSecond),
      rttUs === undefined ? undefined : Number((rttUs / 1000).toFixed(2)),
      Number(retransmitsPerSecond.toFixed(1)),
    ]);
  }
  table.flush();
}

function showJson(world: World, { nodes, edges }: DependencyMap, left: number): void {
  const json = new JsonWriter("ndjson", (bytes) => world.stdout.write(bytes));
  json.write({
    nodes: nodes.map(({ id, host, name }) => ({ id, ...(host === undefined ? {} : { host }), name })),
    edges: edges.map(({ rttUs, ...edge }) => ({ ...edge, ...(rttUs === undefined ? {} : { rttUs }) })),
    leftOut: left,
  });
  json.end();
}

/** The first edges with their nodes. */
function firstEdges({ nodes, edges }: DependencyMap, count: number): DependencyMap {
  const shown = edges.slice(0, count);
  const ids = new Set(shown.flatMap(({ client, service }) => [client, service]));
  return { nodes: nodes.filter(({ id }) => ids.has(id)), edges: shown };
}

/** Draws the map. @returns the exit status */
export async function runMap({ world, host, draft, settings, words }: Task<MapSettings>): Promise<number> {
  const isHere = draft.hosts === undefined && draft.fleet === undefined;
  const opened = isHere
    ? thisHost({ ...world, host }, draft.hostTimeoutMs)
    : await openHosts(world, { draft });
  if (isStop(opened)) return halt(world, opened);
  await using open = opened;
  const { hosts, ask } = open;
  const request: EndsRequest = {
    allNetns: draft.allNetns,
    containers: draft.demands.has("containers"),
    words: words.args,
    ...(words.file === undefined ? {} : { filterFile: decodeBytes(words.file) }),
    // The host of this run is already the past one.
    ...(draft.hosts === undefined || draft.at === undefined ? {} : { at: draft.at }),
    budgetMs: draft.hostTimeoutMs,
  };
  const { first, second, seconds, now, leftOut } = await compareHosts(
    ask,
    hosts,
    request,
    () => Bun.sleep(APART_MS),
    () => systemClock.awakeMs(),
  );
  const notes = Array.from(leftOut, ([host, reason]) => [host, escapeText(reason)] as const);
  const failed = new Set(
    first.outcomes.filter(({ failure }) => failure !== undefined).map(({ host }) => host),
  );
  const status = conclude(
    world,
    first.outcomes,
    notes.filter(([host]) => !failed.has(host)),
  );
  if (second.addresses.size === 0) return status;
  const whole = dependencyMap(first.ends, now, seconds);
  const all = draft.fold ? foldedMap(whole) : whole;
  const map = firstEdges(all, draft.top ?? EDGES);
  const left = all.edges.length - map.edges.length;
  const as = draft.format === "table" ? settings.as : "json";
  if (as === "json") showJson(world, map, left);
  else if (as === "table") showTable(world, map, isHere, draft.header);
  else world.stdout.write(encodeBytes(as === "dot" ? dot(map) : mermaid(map)));
  if (left > 0 && as !== "json")
    world.stderr.write(
      encodeBytes(`${world.program}: map: ${left} more edges are left out: --top shows more\n`),
    );
  return status;
}
