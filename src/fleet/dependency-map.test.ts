import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { type DependencyMap, dependencyMap } from "./dependency-map.ts";
import { type End, endColumns, readEnd } from "./ends.ts";
import { foldedMap } from "./folded-map.ts";
import { joinEnds } from "./join.ts";
import { dot, mermaid } from "./map-drawing.ts";

function end(
  host: string,
  [local, peer]: readonly [string, string],
  facts: Readonly<Record<string, unknown>> = {},
): End {
  const [address, port] = local.split(" ");
  const [peerAddress, peerPort] = peer.split(" ");
  const row: Readonly<Record<string, unknown>> = {
    state: "ESTAB",
    "local.address": address,
    "local.port": Number(port),
    "peer.address": peerAddress,
    "peer.port": Number(peerPort),
    cookie: `${local} ${peer}`,
    ...facts,
  };
  return readEnd(
    host,
    endColumns.map((name) => (row[name] ?? null) as never),
  )!;
}

const nginx = { process: "nginx(7)" };
const postgres = { process: "postgres(9)" };
/** Two connections from nginx to postgres, one of a client from elsewhere to nginx, one of nginx to elsewhere. */
const world = (bytes: number): End[] => [
  end("web", ["10.0.0.1 40000", "10.0.0.2 5432"], {
    ...nginx,
    "tcpInfo.bytesAcked": bytes,
    "tcpInfo.rttUs": 1000,
  }),
  end("web", ["10.0.0.1 40001", "10.0.0.2 5432"], { ...nginx, "tcpInfo.rttUs": 3000 }),
  end("db", ["10.0.0.2 5432", "10.0.0.1 40000"], postgres),
  end("db", ["10.0.0.2 5432", "10.0.0.1 40001"]),
  end("db", ["0.0.0.0 5432", "0.0.0.0 0"], { ...postgres, state: "LISTEN" }),
  end("web", ["0.0.0.0 80", "0.0.0.0 0"], { ...nginx, state: "LISTEN" }),
  end("web", ["10.0.0.1 80", "192.0.2.1 5000"], { ...nginx, "tcpInfo.bytesReceived": bytes * 2 }),
  end("web", ["10.0.0.1 40002", "192.0.2.9 443"], nginx),
  end("web", ["10.0.0.1 40003", "10.0.0.2 5432"], { ...nginx, state: "TIME-WAIT" }),
];

test("connections of a program to a service are one edge, with what moved between the samples", () => {
  const { nodes, edges } = dependencyMap(world(1000), joinEnds(world(5000)), 2);
  expect(nodes.map(({ id }) => id).sort()).toEqual([
    "db postgres",
    "outside 192.0.2.9",
    "outside clients",
    "web nginx",
  ]);
  expect(edges).toEqual([
    {
      client: "outside clients",
      service: "web nginx",
      port: 80,
      connections: 1,
      sentBytesPerSecond: 4000,
      receivedBytesPerSecond: 0,
      retransmitsPerSecond: 0,
      rttUs: undefined,
    },
    {
      client: "web nginx",
      service: "db postgres",
      port: 5432,
      connections: 2,
      sentBytesPerSecond: 2000,
      receivedBytesPerSecond: 0,
      retransmitsPerSecond: 0,
      rttUs: 3000,
    },
    {
      client: "web nginx",
      service: "outside 192.0.2.9",
      port: 443,
      connections: 1,
      sentBytesPerSecond: 0,
      receivedBytesPerSecond: 0,
      retransmitsPerSecond: 0,
      rttUs: undefined,
    },
  ]);
});

test("a container stands for its programs", () => {
  const ends = world(0).map((each) => (each.process === "nginx(7)" ? { ...each, container: "shop" } : each));
  const { nodes } = dependencyMap([], joinEnds(ends), 2);
  expect(nodes.map(({ id }) => id)).toContain("web shop");
});

describe("drawings", () => {
  const named = (name: string): DependencyMap => ({
    nodes: [
      { id: "a", host: "web", name },
      { id: "b", host: undefined, name: "192.0.2.1" },
    ],
    edges: [
      {
        client: "a",
        service: "b",
        port: 443,
        connections: 2,
        sentBytesPerSecond: 1_500_000,
        receivedBytesPerSecond: 0,
        retransmitsPerSecond: 0.5,
        rttUs: 1234,
      },
    ],
  });

  test("Mermaid and Graphviz", () => {
    expect(mermaid(named("nginx"))).toBe(
      'flowchart LR\n  subgraph h0["web"]\n    n0["nginx"]\n  end\n  n1["192.0.2.1"]\n' +
        '  n0 -->|":443 2× 1.5 MB/s 1.23 ms 0.5 retr/s"| n1\n',
    );
    expect(dot(named("nginx"))).toBe(
      'digraph sockets {\n  rankdir=LR;\n  node [shape=box];\n  subgraph cluster_0 {\n    label="web";\n' +
        '    n0 [label="nginx"];\n  }\n  n1 [label="192.0.2.1"];\n' +
        '  n0 -> n1 [label=":443 2× 1.5 MB/s 1.23 ms 0.5 retr/s"];\n}\n',
    );
  });

  /** Names that try to end their label, and what Mermaid and Graphviz give a meaning to. */
  const hostile = fc.oneof(
    fc.string(),
    fc.string({ unit: "binary" }),
    fc.constantFrom(
      '"]\n  n9["x',
      '"];\n evil [label="',
      "\u001b[2J",
      "`<script>`",
      "-->",
      '%%{init: {"theme":"dark"}}%%',
      'x"]; style n0 fill:#f00;',
      "end",
      "#quot;",
      "\\",
      "\u202e",
      " ",
      "",
    ),
  );

  test("no name adds a line, a statement or a control character", () => {
    const lines = {
      mermaid: mermaid(named("x")).split("\n").length,
      dot: dot(named("x")).split("\n").length,
    };
    fc.assert(
      fc.property(hostile, hostile, (name, host) => {
        const { nodes, edges } = named(name);
        const map = { nodes: [{ ...nodes[0]!, host }, nodes[1]!], edges };
        const [drawnMermaid, drawnDot] = [mermaid(map), dot(map)];
        expect([drawnMermaid.split("\n").length, drawnDot.split("\n").length]).toEqual([
          lines.mermaid,
          lines.dot,
        ]);
        expect(drawnMermaid + drawnDot).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/);
        expect(drawnMermaid.split("\n")[1]).toMatch(/^ {2}subgraph h0\["(?:[\w ./@()-]|#\d+;)+"\]$/);
        expect(drawnMermaid.split("\n")[2]).toMatch(/^ {4}n0\["(?:[\w ./@()-]|#\d+;)+"\]$/);
        expect(drawnDot.split("\n")[4]).toMatch(/^ {4}label="(?:[^"\\]|\\["\\])*";$/);
        expect(drawnDot.split("\n")[5]).toMatch(/^ {4}n0 \[label="(?:[^"\\]|\\["\\])*"\];$/);
      }),
    );
  });

  test("hosts are drawn in the order of their numbers, whatever the edges", () => {
    const nodes = ["web10", "db1", "web9"].map((host) => ({ id: host, host, name: "x" }));
    const [, ...drawn] = mermaid({ nodes, edges: [] }).split("subgraph ");
    expect(drawn.map((text) => /"(\w+)"/.exec(text)![1])).toEqual(["db1", "web9", "web10"]);
  });
});

describe("foldedMap()", () => {
  /** Web servers that use every application server, which use every database; web2 alone has a cache. */
  const edge = (client: string, service: string, port: number, bytes: number) => ({
    client,
    service,
    port,
    connections: 1,
    sentBytesPerSecond: bytes,
    receivedBytesPerSecond: 0,
    retransmitsPerSecond: 1,
    rttUs: bytes,
  });
  const tiers = { web: ["web1", "web2"], app: ["app1", "app2", "app3"], db: ["db1"] } as const;
  const nodes = Object.entries(tiers).flatMap(([name, hosts]) =>
    hosts.map((host) => ({ id: host, host, name })),
  );
  const outside = (address: string) => ({ id: address, host: undefined, name: address });
  const edges = [
    ...tiers.web.flatMap((web, at) => tiers.app.map((app) => edge(web, app, 8080, 10 + at))),
    ...tiers.app.map((app) => edge(app, "db1", 5432, 100)),
    ...["192.0.2.1", "192.0.2.2"].map((address) => edge("db1", address, 443, 1)),
    ...tiers.web.map((web) => edge("clients", web, 443, 0)),
  ];
  const map: DependencyMap = {
    nodes: [...nodes, outside("192.0.2.1"), outside("192.0.2.2"), outside("clients")],
    edges,
  };

  test("programs that play the same part are one, and their edges are added up", () => {
    const folded = foldedMap(map);
    expect(folded.nodes.map(({ host, name }) => `${host ?? "-"} ${name}`)).toEqual([
      "web[1-2] web",
      "app[1-3] app",
      "db1 db",
      "- 2 addresses",
      "- clients",
    ]);
    expect(folded.edges).toMatchObject([
      { client: "app1", service: "db1", connections: 3, sentBytesPerSecond: 300, rttUs: 100 },
      { client: "web1", service: "app1", connections: 6, sentBytesPerSecond: 63, retransmitsPerSecond: 6 },
      { client: "db1", service: "192.0.2.1", connections: 2 },
      { client: "clients", service: "web1", connections: 2 },
    ]);
  });

  test("one that has another dependency stays apart", () => {
    const cache = { id: "cache1", host: "cache1", name: "redis" };
    const { nodes: folded } = foldedMap({
      nodes: [...map.nodes, cache],
      edges: [...edges, edge("web2", "cache1", 6379, 5)],
    });
    expect(folded.map(({ host }) => host)).toEqual([
      "web1",
      "web2",
      "app[1-3]",
      "db1",
      undefined,
      undefined,
      "cache1",
    ]);
  });

  test("nothing gets lost: the sums of a random map stay", () => {
    const node = fc.nat(8);
    fc.assert(
      fc.property(fc.array(fc.tuple(node, node, fc.constantFrom(80, 443)), { maxLength: 30 }), (list) => {
        const all = {
          nodes: Array.from({ length: 9 }, (_, at) => ({ id: `n${at}`, host: `h${at}`, name: `p${at % 3}` })),
          edges: list.map(([from, to, port], at) => edge(`n${from}`, `n${to}`, port, at)),
        };
        const folded = foldedMap(all);
        const ids = new Set(folded.nodes.map(({ id }) => id));
        const sum = ({ edges: some }: DependencyMap) =>
          some.reduce((total, each) => total + each.connections, 0);
        expect(sum(folded)).toBe(list.length);
        expect(folded.edges.every(({ client, service }) => ids.has(client) && ids.has(service))).toBe(true);
      }),
    );
  });
});
