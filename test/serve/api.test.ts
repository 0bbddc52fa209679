/** The answers of the routes, on recordings: they say what the command line says. */
import { afterAll, describe, expect, test } from "bun:test";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { rules } from "../../src/doctor/rules/index.ts";
import { AF_INET, AF_INET6 } from "../../src/model/family.ts";
import { hostsFile } from "../../src/serve/hosts-file.ts";
import { here, recorded, serve, startPast, type TestServer, token } from "./server.ts";

const executable = join(import.meta.dirname, "../../dist/sockscope");
const fixtures = join(import.meta.dirname, "../fixtures");
/** Of a real kernel: every socket has a cookie of its own, which made-up ones lack. */
const RECORDING = "real-linux-6.18";
const server = serve(recorded(RECORDING));
const owners = serve(recorded("owners"));
afterAll(() => Promise.all([server[Symbol.asyncDispose](), owners[Symbol.asyncDispose]()]));

interface LiveAnswer {
  readonly generation: number;
  readonly total: number;
  readonly matched: number;
  readonly columns: readonly string[];
  readonly rows: readonly { readonly id: string; readonly values: readonly unknown[] }[];
  readonly facets: Readonly<Record<string, Readonly<Record<string, number>>>>;
}

async function json<T>(from: TestServer, path: string, headers = {}): Promise<T> {
  const answer = await from.get(path, headers);
  expect([path, answer.status, answer.headers.get("Content-Type")]).toEqual([path, 200, "application/json"]);
  return (await answer.json()) as T;
}

const live = (query: string) => json<LiveAnswer>(server, `/api/live?${query}`);

/** What the command line prints for a recording. */
function listed(fixture: string, args: readonly string[]): unknown[] {
  const { stdout, stderr } = Bun.spawnSync(
    [executable, "--replay", join(fixtures, fixture), "-n", "--json", ...args],
    { stderr: "pipe" },
  );
  expect(stderr.toString()).toBe("");
  return JSON.parse(stdout.toString());
}

describe("/api/sockets", () => {
  const cases: Record<string, readonly [query: string, args: readonly string[]]> = {
    "without parameters": ["", []],
    "a table in all states": ["tables=tcp&state=all", ["-ta"]],
    "several states": [
      "tables=tcp&state=listening,time-wait",
      ["-A", "tcp", "state", "listening", "state", "time-wait"],
    ],
    "UNIX sockets": ["tables=unix&state=all", ["-xa"]],
    "a filter": ["tables=tcp&state=all&filter=sport%20%3C%3D%20:1024", ["-ta", "sport", "<=", ":1024"]],
    details: ["tables=tcp&details=memory,info,extended", ["-tmie"]],
    columns: ["tables=tcp&columns=netid,local,peer,rtt", ["-t", "--columns", "netid,local,peer,rtt"]],
    "a column that a plain listing lacks": [
      "tables=tcp&columns=cong,inode",
      ["-t", "--columns", "cong,inode"],
    ],
    groups: ["tables=inet&state=all&by=netid,state", ["-A", "inet", "-a", "--by", "netid,state"]],
    "groups by a network": [
      "tables=tcp&by=peer.address/16&sort=-count&top=3",
      ["-t", "--by", "peer.address/16", "--sort", "-count", "--top", "3"],
    ],
    "an order": [
      "tables=tcp&state=all&sort=-recvq,local&top=7&columns=local,recvq",
      ["-ta", "--sort", "-recvq,local", "--top", "7", "--columns", "local,recvq"],
    ],
  };
  test.each(Object.entries(cases))("%s: as the command line prints it", async (_, [query, args]) => {
    const found = await json<unknown[]>(server, `/api/sockets?${query}`);
    const expected = listed(RECORDING, args);
    expect(found.length).toBeGreaterThan(0);
    const order = (each: unknown) => JSON.stringify(each);
    // Without an order, the tables may come in another order.
    if (query.includes("sort")) expect(found).toEqual(expected);
    else expect(found.map(order).sort()).toEqual(expected.map(order).sort());
  });

  test("processes", async () => {
    const found = await json<unknown[]>(owners, "/api/sockets?tables=tcp&state=listening&details=processes");
    expect(found).toEqual(listed("owners", ["-tlp"]));
  });

  test("one object per line", async () => {
    const answer = await server.get("/api/sockets?tables=tcp", { Accept: "application/x-ndjson" });
    expect(answer.headers.get("Content-Type")).toBe("application/x-ndjson");
    const lines = (await answer.text()).trimEnd().split("\n");
    expect(lines.map((line) => JSON.parse(line))).toEqual(listed(RECORDING, ["-t"]));
  });

  test("an empty list is a list", async () => {
    expect(await json<unknown[]>(server, "/api/sockets?filter=sport%20=%20:1&tables=udp")).toEqual([]);
  });
});

describe("/api/live", () => {
  test("windows are parts of one order", async () => {
    const whole = await live("tables=all&sort=local&limit=1000&columns=local,state");
    expect([whole.rows.length, whole.columns]).toEqual([Math.min(1000, whole.matched), ["local", "state"]]);
    const parts: LiveAnswer["rows"][number][] = [];
    for (let offset = 0; offset < whole.matched; offset += 7)
      parts.push(...(await live(`tables=all&sort=local&limit=7&columns=local,state&offset=${offset}`)).rows);
    expect(parts).toEqual([...whole.rows]);
    expect(new Set(parts.map(({ id }) => id)).size).toBe(parts.length);
  });

  test("orders by numbers and by texts, absent values last", async () => {
    for (const sort of ["rtt", "-rtt", "sendq", "-inode"]) {
      const { rows } = await live(`tables=tcp&sort=${sort}&limit=1000&columns=${sort.replace("-", "")}`);
      const values = rows.map(({ values }) => values[0] as number | null);
      const known = values.filter((value) => value !== null);
      expect(values.slice(0, known.length)).toEqual(known);
      const sorted = known.toSorted((a, b) => (sort.startsWith("-") ? b - a : a - b));
      expect([sort, known]).toEqual([sort, sorted]);
    }
    for (const sort of ["process", "pid"]) {
      const { rows } = await json<LiveAnswer>(owners, `/api/live?tables=all&sort=${sort}&columns=${sort}`);
      const known = rows.flatMap(({ values: [value] }) => [value].flat().slice(0, 1) as (string | number)[]);
      const compare = (a: string | number, b: string | number) =>
        Number(a) - Number(b) || (a < b ? -1 : Number(a > b));
      const values = known.filter((value) => value !== null);
      expect([sort, values.length > 1, values]).toEqual([sort, true, values.toSorted(compare)]);
    }
    const cookies = (await live("tables=tcp&sort=cookie&columns=cookie")).rows.map(({ values }) =>
      Number(values[0]),
    );
    expect(cookies).toEqual(cookies.toSorted((a, b) => a - b));
    const { rows } = await live("tables=tcp&sort=-state&limit=1000&columns=state");
    const states = rows.map(({ values }) => values[0] as string);
    expect(states).toEqual(states.toSorted().reverse());
  });

  test("counts what matches, by state and table", async () => {
    const { facets, matched, total } = await live("tables=inet&filter=sport%20%3E%20:0");
    const expected = listed(RECORDING, ["-A", "inet", "-a", "sport", ">", ":0", "--by", "state"]) as {
      by: { state: string };
      count: number;
    }[];
    expect(facets["state"]).toEqual(Object.fromEntries(expected.map(({ by, count }) => [by.state, count])));
    expect(Object.values(facets["netid"]!).reduce((a, b) => a + b)).toBe(matched);
    expect(total).toBeGreaterThanOrEqual(matched);
  });

  test("does not send the same again", async () => {
    const path = "/api/live?tables=tcp&limit=3";
    const first = await server.get(path);
    const tag = first.headers.get("ETag")!;
    const again = await server.get(path, { "If-None-Match": tag });
    const other = await server.get("/api/live?tables=tcp&limit=4");
    expect(other.headers.get("ETag")).not.toBe(tag);
    // Another sample may have been taken in between.
    if (again.headers.get("ETag") === tag) expect([again.status, await again.text()]).toEqual([304, ""]);
  });

  test("points out a mistake in a filter", async () => {
    const answer = await server.get(
      `/api/live?filter=${encodeURIComponent("sport = :22 and dport = :nowhere")}`,
    );
    expect([answer.status, answer.headers.get("Content-Type")]).toEqual([400, "application/problem+json"]);
    expect(await answer.json()).toMatchObject({
      status: 400,
      parameter: "filter",
      filter: {
        offset: 24,
        length: 8,
        line: "sport = :22 and dport = :nowhere",
        caret: `${" ".repeat(24)}^^^^^^^^`,
      },
    });
  });

  test("takes host names in a filter from /etc/hosts, and queries no name server", async () => {
    const answer = await server.get("/api/live?filter=dst%20www.example.org");
    expect([answer.status, await answer.json()]).toMatchObject([
      400,
      { detail: "an address is expected, or a name of /etc/hosts: no name server is queried" },
    ]);
    const lines =
      "127.0.0.1\tlocalhost # 10.0.0.9 other\n::1 localhost\nnonsense Db.Example\n10.0.0.7 db.example\n";
    const { files } = here;
    const read: typeof files.read = (path, bound) =>
      path === "/etc/hosts" ? new TextEncoder().encode(lines) : files.read(path, bound);
    const { addresses } = hostsFile({ read });
    expect(await addresses("LOCALHOST", undefined)).toEqual([
      Uint8Array.of(127, 0, 0, 1),
      Uint8Array.of(...new Array(15).fill(0), 1),
    ]);
    expect(await addresses("localhost", AF_INET6)).toHaveLength(1);
    expect(await addresses("db.example", AF_INET)).toEqual([Uint8Array.of(10, 0, 0, 7)]);
    expect(await addresses("other", undefined)).toEqual([]);
  });

  test("filters by process wait for the owners", async () => {
    const { rows } = await json<LiveAnswer>(
      owners,
      "/api/live?filter=comm%20nginx&columns=process,pid&state=all",
    );
    expect(rows.length).toBeGreaterThan(0);
    for (const { values } of rows) expect(values[0]).toContain("nginx");
  });
});

describe("/api/socket", () => {
  test("has every field with its meaning, and the process", async () => {
    const { rows } = await json<LiveAnswer>(owners, "/api/live?filter=sport%20=%20:22&state=listening");
    const [expected] = listed("owners", ["-tlmiep", "sport", "=", ":22"]) as { [key: string]: unknown }[];
    const found = await json<{
      socket: { [key: string]: unknown };
      fields: { key: string; doc: string; value: unknown }[];
      process: { pid: number; comm: string };
      explanation: { sentence: string };
    }>(owners, `/api/socket/${rows[0]!.id}`);
    expect(found.socket["local"]).toEqual(expected!["local"]);
    expect(found.process).toMatchObject({ pid: 743, comm: "sshd" });
    expect(found.fields.length).toBeGreaterThan(10);
    for (const { doc } of found.fields) expect(doc).not.toBe("");
    expect(found.explanation.sentence).toMatch(/^Listening/);
  });

  test("of no socket is 404", async () => {
    for (const id of ["99999999", "x", "999:1", "-5", "1e9"])
      expect([id, (await server.get(`/api/socket/${id}`)).status]).toEqual([id, 404]);
  });
});

describe("/api/map", () => {
  interface MapAnswer {
    readonly nodes: { readonly id: string; readonly sockets: number; readonly folded?: number }[];
    readonly edges: {
      readonly from: string;
      readonly to: string;
      readonly sockets: number;
      readonly filter: string | null;
    }[];
    readonly total: { readonly edges: number; readonly sockets: number };
  }

  test("folds what is beyond the first edges, and loses nothing", async () => {
    const whole = await json<MapAnswer>(server, "/api/map?by=port&top=200&tables=inet");
    for (const top of [1, 5, 30]) {
      const map = await json<MapAnswer>(server, `/api/map?by=port&top=${top}&tables=inet&order=sockets`);
      expect(map.total).toEqual(whole.total);
      expect(map.edges.filter(({ to }) => to !== "peer other").length).toBe(Math.min(top, whole.total.edges));
      const sum = map.edges.reduce((all, { sockets }) => all + sockets, 0);
      expect(sum).toBe(whole.total.sockets);
      const ids = new Set(map.nodes.map(({ id }) => id));
      for (const { from, to } of map.edges) expect([ids.has(from), ids.has(to)]).toEqual([true, true]);
    }
  });

  test("the filter of an edge selects its sockets", async () => {
    const map = await json<MapAnswer>(server, "/api/map?by=port&tables=tcp&order=sockets");
    const named = map.edges.filter(({ filter }) => filter !== null);
    expect(named.length).toBeGreaterThan(0);
    for (const { filter, sockets } of named.slice(0, 5)) {
      const { matched } = await live(`tables=tcp&filter=${encodeURIComponent(filter!)}`);
      expect([filter, matched]).toEqual([filter, sockets]);
    }
  });
});

test("/api/fields lists columns that /api/live takes, and words that a filter takes", async () => {
  const { columns, filter, tables, states } = await json<{
    columns: { name: string; names: string[]; key: string; doc: string }[];
    filter: { word: string }[];
    tables: { word: string }[];
    states: { word: string }[];
  }>(server, "/api/fields");
  for (let from = 0; from < columns.length; from += 60) {
    const names = columns.slice(from, from + 60).map(({ name }) => name);
    const { columns: keys } = await live(`limit=1&columns=${names.join(",")}`);
    expect(keys.length).toBeGreaterThanOrEqual(names.length);
  }
  for (const { doc } of columns) expect(doc).not.toBe("");
  expect(filter.map(({ word }) => word)).toEqual(expect.arrayContaining(["sport", "dst", "comm", "rtt"]));
  await live(
    `limit=1&tables=${tables.map(({ word }) => word).join(",")}&state=${states.map(({ word }) => word).join(",")}`,
  );
});

test("/openapi.json lists every route with its parameters", async () => {
  const document = await json<{ paths: Record<string, Record<string, { parameters: { name: string }[] }>> }>(
    server,
    "/openapi.json",
  );
  for (const { path, method, parameters } of server.service.routes)
    expect(document.paths[path]?.[method.toLowerCase()]?.parameters.map(({ name }) => name)).toEqual(
      parameters.map(({ name }) => name),
    );
});

test("/api/doctor reports what the command reports", async () => {
  await using sick = serve(recorded("tcp-states"));
  const { findings } = await json<{ findings: { rule: string; ids: string[] }[] }>(
    sick,
    "/api/doctor?apart=0s",
  );
  const { stdout } = Bun.spawnSync([
    executable,
    "doctor",
    "--json",
    "--replay",
    join(fixtures, "tcp-states"),
  ]);
  const expected = (JSON.parse(stdout.toString()) as { findings: { rule: string }[] }).findings;
  expect(findings.map(({ rule }) => rule)).toEqual(expected.map(({ rule }) => rule));
  const { ids } = findings.find(({ rule }) => rule === "syn-sent")!;
  const details = await json<{ findings: { rule: string }[] }>(sick, `/api/socket/${ids[0]}`);
  expect(details.findings).toContainEqual(expect.objectContaining({ rule: "syn-sent" }));
});

describe("the past", () => {
  const folder = mkdtempSync(join(tmpdir(), "sockscope-past-"));
  afterAll(() => rmSync(folder, { recursive: true }));

  test("says that there is no store", async () => {
    expect(await json(server, "/api/history")).toMatchObject({ available: false });
    expect((await server.get("/api/live?at=-1h")).status).toBe(404);
    expect((await server.get("/api/live?at=whenever")).status).toBe(400);
  });

  test("has the sockets of a moment as they were", async () => {
    const store = join(folder, "store");
    const { exitCode } = Bun.spawnSync([executable, "record", "--once", "--store", store, "-A", "all", "-a"]);
    expect([exitCode, existsSync(store)]).toEqual([0, true]);
    await using past = serve(recorded("owners"), { store, startPast });
    const { matched, generation } = await json<LiveAnswer>(past, "/api/live?at=now&tables=all&limit=1");
    expect([matched > 0, generation]).toEqual([true, 0]);
    const history = await json<{ available: boolean; coverage: { recorded: unknown[] } }>(
      past,
      "/api/history?since=-1h",
    );
    expect([history.available, history.coverage.recorded.length]).toEqual([true, 1]);
    expect((await past.get("/api/live?at=-30d")).status).toBe(404);
    const wrong = await past.get("/api/live?at=now&filter=nonsense");
    expect([wrong.status, wrong.headers.get("Content-Type")]).toEqual([400, "application/problem+json"]);
    for (const path of ["/api/map?at=now", "/api/sockets?at=now&tables=all&state=all"])
      expect([path, (await past.get(path)).status]).toEqual([path, 200]);
    const objects = (await (await past.get("/api/sockets?at=now&tables=all&state=all")).json()) as unknown[];
    expect(objects.length).toBe(matched);
    const first = await json<LiveAnswer>(past, "/api/live?at=now&tables=all&limit=1");
    const details = await past.get(`/api/socket/${first.rows[0]!.id}?at=now`);
    expect([details.status, ((await details.json()) as { id: string }).id]).toEqual([200, first.rows[0]!.id]);
  });

  test("is examined as the command examines it, by rules about rates too once there is a second sample", async () => {
    const store = join(folder, "examined");
    const record = () => Bun.spawnSync([executable, "record", "--once", "--store", store]).exitCode;
    await using past = serve(recorded("owners"), { store, startPast });
    const checked = () =>
      json<{ rulesChecked: string[] }>(past, "/api/doctor?at=now").then(({ rulesChecked }) => rulesChecked);
    expect(record()).toBe(0);
    const single = await checked();
    expect(record()).toBe(0);
    const both = await checked();
    const { stdout } = Bun.spawnSync([executable, "doctor", "--at", "now", "--store", store, "--json"]);
    expect(both).toEqual((JSON.parse(stdout.toString()) as { rulesChecked: string[] }).rulesChecked);
    const added = both.filter((id) => !single.includes(id));
    expect(added).toEqual(rules.filter(({ rate }) => rate === true).map(({ id }) => id));
    expect(added.length).toBeGreaterThan(3);
  });

  test("is read by a thread of its own: samples, streams and scrapes go on meanwhile", async () => {
    const held = join(folder, "go-on");
    await using past = serve(recorded("owners"), {
      store: join(folder, "store"),
      metrics: {},
      intervalMs: 100,
      startPast: () => new Worker(join(import.meta.dirname, "held-past-worker.ts"), { env: { HELD: held } }),
    });
    const stream = await past.get("/api/stream");
    const history = past.get("/api/history?since=-1h");
    const before = past.service.sampler.taken;
    for (let scrape = 0; scrape < 3; scrape++) {
      expect((await past.get("/metrics")).status).toBe(200);
      expect((await past.get("/api/live?limit=1")).status).toBe(200);
      await Bun.sleep(150);
    }
    expect(past.service.sampler.taken).toBeGreaterThan(before + 1);
    writeFileSync(held, "");
    expect((await history).status).toBe(200);
    await stream.body!.cancel();
  });

  test("is given up if the client goes, and the next request is answered", async () => {
    const held = join(folder, "later");
    let threads = 0;
    await using past = serve(recorded("owners"), {
      store: join(folder, "store"),
      startPast() {
        threads++;
        return new Worker(join(import.meta.dirname, "held-past-worker.ts"), { env: { HELD: held } });
      },
    });
    const gone = new AbortController();
    const headers = { Authorization: `Bearer ${token}` };
    const left = fetch(`${past.url}/api/history`, { headers, signal: gone.signal }).catch(() => "gone");
    await Bun.sleep(100);
    gone.abort();
    expect(await left).toBe("gone");
    const next = past.get("/api/history");
    while (threads < 2) await Bun.sleep(20);
    writeFileSync(held, "");
    expect((await next).status).toBe(200);
  });
});

test("no handler failed", () => {
  expect([...server.errors, ...owners.errors]).toEqual([]);
});
