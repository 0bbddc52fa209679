/** /api/map/hosts over hosts that a test plays: when they are sampled, and what the answer says. */
import { afterEach, describe, expect, test } from "bun:test";
import { endColumns } from "../../src/fleet/ends.ts";
import type { HostOutcome } from "../../src/fleet/fan-out.ts";
import type { Question, RemoteRow } from "../../src/fleet/protocol.ts";
import { hostsMapRoute, type OtherHosts } from "../../src/serve/hosts-map.ts";
import { recorded, serve, type TestServer } from "./server.ts";

/** A row of a question about ends. */
function row(values: Readonly<Record<string, unknown>>): RemoteRow {
  return { values: endColumns.slice(0, -1).map((name) => (values[name] ?? null) as never) };
}

const address = (host: string) => `10.0.0.${host.length}`;
const flow = (from: string, fromPort: number, to: string, toPort: number) => ({
  "local.address": address(from),
  "local.port": fromPort,
  "peer.address": address(to),
  "peer.port": toPort,
});

/** Two hosts: a client on `a`, a service on `bb`. Host `dead` does not answer. */
function world() {
  const asked: { readonly hosts: readonly string[]; readonly question: Question }[] = [];
  let bytes = 0;
  const rows: Readonly<Record<string, () => RemoteRow[]>> = {
    a: () => [
      row({
        state: "ESTAB",
        cookie: "1",
        process: "curl\u001b[2J(1)",
        ...flow("a", 40000, "bb", 80),
        "tcpInfo.bytesAcked": bytes,
      }),
    ],
    bb: () => [
      row({ state: "ESTAB", cookie: "2", process: "nginx(2)", ...flow("bb", 80, "a", 40000) }),
      row({
        state: "LISTEN",
        cookie: "3",
        "local.address": "0.0.0.0",
        "local.port": 80,
        "peer.address": "0.0.0.0",
        "peer.port": 0,
      }),
    ],
  };
  const others: OtherHosts = {
    hosts: ["a", "bb", "dead"],
    allNetns: false,
    budgetMs: 1000,
    intervalMs: 10_000,
    apartMs: 0,
    async ask(hosts, question, take) {
      asked.push({ hosts, question });
      bytes += 1000;
      return hosts.map((host): HostOutcome => {
        const own = rows[host]?.();
        const answered = own !== undefined;
        if (answered && question.form === "rows") take(host, { rows: own });
        return {
          host,
          hello: undefined,
          clock: undefined,
          addresses: answered ? [address(host)] : [],
          end: answered ? { status: 0 } : undefined,
          failure: answered ? undefined : "no route\u001b[2J",
        };
      });
    },
  };
  return { others, asked };
}

interface Answer {
  readonly nodes: readonly { readonly id: string; readonly label: string; readonly sockets: number }[];
  readonly edges: readonly {
    readonly from: string;
    readonly to: string;
    readonly sockets: number;
    readonly tx: number;
  }[];
  readonly failures: readonly { readonly hosts: string; readonly reason: string }[];
}

/** Calls the route. */
async function get(route: ReturnType<typeof hostsMapRoute>, values: Readonly<Record<string, string>> = {}) {
  const request = new Request("http://localhost/api/map/hosts");
  const answer = await route.handle({ values, request, signal: new AbortController().signal });
  return (await answer.json()) as Answer;
}

/** Lets what runs in the background end. */
const settle = () => Bun.sleep(20);

describe("the map of other hosts", () => {
  test("joins their connections, and names the host that does not answer", async () => {
    const { others } = world();
    const answer = await get(hostsMapRoute(others));
    expect(answer.edges).toMatchObject([{ sockets: 1 }]);
    expect(answer.nodes.map(({ label }) => label).sort()).toEqual(["a curl\\x1b[2J", "bb nginx :80"]);
    expect(answer.failures).toMatchObject([{ hosts: "dead", reason: "no route\\x1b[2J" }]);
  });

  test("nothing is sampled without a request, and once in an interval with many", async () => {
    const { others, asked } = world();
    let nowMs = 0;
    const route = hostsMapRoute(others, () => nowMs);
    await settle();
    expect(asked).toHaveLength(0);
    await Promise.all([get(route), get(route), get(route)]);
    const samples = () => asked.filter(({ question }) => question.form === "rows").length;
    expect(samples()).toBe(2);
    nowMs = 9_000;
    await get(route);
    await settle();
    expect(samples()).toBe(2);
    nowMs = 11_000;
    await Promise.all([get(route), get(route)]);
    await settle();
    expect(samples()).toBe(3);
    // The rate is that of the time since the sample before.
    const { edges } = await get(route);
    expect(edges[0]!.tx).toBeCloseTo(1000 / 11);
  });

  test("a host that did not answer is left alone for some intervals", async () => {
    const { others, asked } = world();
    let nowMs = 0;
    const route = hostsMapRoute(others, () => nowMs);
    await get(route);
    expect(asked.map(({ hosts }) => hosts.includes("dead"))).toEqual([true, false]);
    for (nowMs = 11_000; nowMs < 66_000; nowMs += 11_000) {
      await get(route);
      await settle();
    }
    const later = asked.slice(2).filter(({ question }) => question.form === "rows");
    expect(later.map(({ hosts }) => hosts.includes("dead"))).toEqual([false, false, false, false, false]);
    nowMs = 70_000;
    await get(route);
    await settle();
    expect(asked.at(-1)!.hosts).toContain("dead");
    expect((await get(route)).failures).toHaveLength(1);
  });

  describe("behind the server", () => {
    let server: TestServer | undefined;
    afterEach(async () => server?.[Symbol.asyncDispose]());

    test("needs the token and the name of the server, like every route", async () => {
      const { others, asked } = world();
      server = serve(recorded("mixed-500"), { otherHosts: others });
      const url = `${server.url}/api/map/hosts`;
      expect((await fetch(url)).status).toBe(401);
      expect((await server.get("/api/map/hosts", { Host: "evil.example" })).status).toBe(421);
      expect((await server.get("/api/map/hosts?top=0")).status).toBe(400);
      expect(asked).toHaveLength(0);
      expect((await server.get("/api/map/hosts?top=1")).status).toBe(200);
      const { mapHosts } = (await (await server.get("/api/host")).json()) as { readonly mapHosts: number };
      expect(mapHosts).toBe(3);
    });
  });
});
