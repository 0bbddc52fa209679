import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { type DependencyMap, dependencyMap } from "./dependency-map.ts";
import { type End, endColumns, readEnd } from "./ends.ts";
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
      'flowchart LR\n  subgraph "web"\n    n0["nginx"]\n  end\n  n1["192.0.2.1"]\n' +
        '  n0 -->|":443 2× 1.5 MB/s 1.23 ms 0.5 retr/s"| n1\n',
    );
    expect(dot(named("nginx"))).toBe(
      'digraph sockets {\n  rankdir=LR;\n  node [shape=box];\n  subgraph cluster_0 {\n    label="web";\n' +
        '    n0 [label="nginx"];\n  }\n  n1 [label="192.0.2.1"];\n' +
        '  n0 -> n1 [label=":443 2× 1.5 MB/s 1.23 ms 0.5 retr/s"];\n}\n',
    );
  });

  test("no name adds a line, a statement or a control character", () => {
    const lines = {
      mermaid: mermaid(named("x")).split("\n").length,
      dot: dot(named("x")).split("\n").length,
    };
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.constantFrom('"]\n  n9["x', '"];\n evil [label="', "\u001b[2J", "`<script>`"),
        ),
        (name) => {
          const [drawnMermaid, drawnDot] = [mermaid(named(name)), dot(named(name))];
          expect([drawnMermaid.split("\n").length, drawnDot.split("\n").length]).toEqual([
            lines.mermaid,
            lines.dot,
          ]);
          expect(drawnMermaid + drawnDot).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/);
          expect(drawnMermaid.split("\n")[2]).toMatch(/^ {4}n0\["[^"[\]<>`]*"\]$/);
          expect(drawnDot.split("\n")[5]).toMatch(/^ {4}n0 \[label="(?:[^"\\]|\\["\\])*"\];$/);
        },
      ),
    );
  });
});
