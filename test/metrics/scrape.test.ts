/** A real Prometheus scrapes both formats, and the server. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { labelText } from "../../src/metrics/label-text.ts";
import { SS_ESTABLISHED } from "../../src/model/state.ts";
import { prometheus, type RunningPrometheus, startPrometheus, until } from "./prometheus.ts";
import { alerts, alertsPath, dashboardExpressions } from "./shipped.ts";
import { MetricsWorld, ownerNamed } from "./world.ts";

const program = join(import.meta.dirname, "../../src/cli/main.ts");

/** Names that would break an exposition, or a terminal, or a page. */
const hostile = ['"} 1\nevil 2', "a\\", 'b"c', "\u001b[31mred", "<b>&amp;", "ünï", "{}#,= "];

/** Metrics of sockets whose processes have hostile names. */
function hostileWorld(): MetricsWorld {
  const world = new MetricsWorld();
  const pids: Record<number, number> = {};
  const likes = hostile.map((name, index) => {
    const cookie = index + 1;
    world.names.set(cookie, name);
    pids[cookie] = cookie;
    return {
      cookie,
      state: SS_ESTABLISHED,
      local: [10, 0, 0, 1],
      localPort: 40_000 + index,
      peer: [10, 0, 0, 9],
      peerPort: 443,
      info: { bytesAcked: 100, bytesReceived: 1, bytesSent: 9, rtt: 900 },
    };
  });
  world.sample([]);
  world.sample(likes, pids);
  world.metrics.takeReport(
    { diagnoses: [], elapsedMs: 0, sockets: 0, checked: [], unchecked: [] },
    Date.now(),
  );
  for (const like of likes) {
    world.event("failed", like, { owners: [ownerNamed(hostile[like.cookie - 1]!)] });
    world.event("close", like, { oldState: SS_ESTABLISHED, durationMs: 100 * like.cookie });
  }
  return world;
}

describe.skipIf(prometheus === undefined)("Prometheus", () => {
  const folder = mkdtempSync(join(tmpdir(), "sockscope-scrape-"));
  const world = hostileWorld();
  const accepted = new Map<string, string | null>();
  const target = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch(request) {
      const { pathname } = new URL(request.url);
      const accept = request.headers.get("Accept");
      accepted.set(pathname, accept);
      const { contentType, body } = world.metrics.exposition(
        pathname === "/text" ? "text/plain;version=0.0.4" : (accept ?? undefined),
      );
      return new Response(body, { headers: { "Content-Type": contentType } });
    },
  });
  let server: ReturnType<typeof Bun.spawn> | undefined;
  let scraper: RunningPrometheus;

  beforeAll(async () => {
    const tokenFile = join(folder, "token");
    const child = Bun.spawn(
      [process.execPath, program, "serve", "--listen", "127.0.0.1:0", "--token-file", tokenFile],
      { stdout: "pipe", stderr: "inherit" },
    );
    server = child;
    const { value } = await child.stdout.getReader().read();
    const served = /http:\/\/([^/]+)\//.exec(new TextDecoder().decode(value))![1]!;
    // The first sample takes longest: the owners of all sockets are looked up.
    const [token] = (await Bun.file(tokenFile).text()).split("\n");
    const answer = await fetch(`http://${served}/metrics`, { headers: { Authorization: `Bearer ${token}` } });
    expect(answer.headers.get("Content-Type")).toBe("text/plain; version=0.0.4; charset=utf-8");
    expect(await answer.text()).toContain("sockscope_build_info");
    writeFileSync(join(folder, "alerts.yml"), await Bun.file(alertsPath).text());
    const job = (name: string, path: string, address: string, more = {}) => ({
      job_name: name,
      metrics_path: path,
      static_configs: [{ targets: [address] }],
      ...more,
    });
    const own = `127.0.0.1:${target.port}`;
    scraper = await startPrometheus({
      global: { scrape_interval: "500ms", scrape_timeout: "500ms", evaluation_interval: "500ms" },
      rule_files: [join(folder, "alerts.yml")],
      scrape_configs: [
        job("openmetrics", "/openmetrics", own),
        job("text", "/text", own),
        job("server", "/metrics", served, {
          authorization: { credentials_file: tokenFile },
          scrape_interval: "3s",
          scrape_timeout: "3s",
        }),
      ],
    });
  });
  afterAll(async () => {
    await scraper?.[Symbol.asyncDispose]();
    server?.kill();
    await server?.exited;
    target.stop(true);
    rmSync(folder, { recursive: true, force: true });
  });

  // A scrape that takes too long on a busy machine makes series stale: the last values count.
  const last = (selector: string) => scraper.query(`last_over_time(${selector}[1m])`);
  const scraped = (job: string) =>
    until(`${job} is scraped`, async () => {
      const ups = await scraper.query(`max_over_time(up{job="${job}"}[1m])`);
      return ups[0]?.value[1] === "1" ? true : undefined;
    });

  test("scrapes both formats, with every series and no other", async () => {
    for (const job of ["openmetrics", "text"]) {
      await scraped(job);
      const [samples] = await scraper.query(
        `max_over_time(scrape_samples_post_metric_relabeling{job="${job}"}[1m])`,
      );
      expect(Number(samples!.value[1])).toBe(world.series());
      expect(await last(`{__name__=~"(sockscope|process)_.*",job="${job}"}`)).toHaveLength(world.series());
    }
    expect(accepted.get("/openmetrics")).toStartWith("application/openmetrics-text");
    expect(await scraper.query("evil")).toEqual([]);
  });

  test("reads the same names and values from both", async () => {
    await Promise.all(["openmetrics", "text"].map(scraped));
    const series = async (job: string) =>
      (await last(`{__name__=~"sockscope_.*",job="${job}"}`))
        .map(({ metric: { job: _, ...metric }, value }) =>
          JSON.stringify([Object.entries(metric).sort(), value[1]]),
        )
        .sort();
    const [openmetrics, text] = [await series("openmetrics"), await series("text")];
    expect(openmetrics.filter((each) => !text.includes(each))).toEqual([]);
    expect(text.filter((each) => !openmetrics.includes(each))).toEqual([]);
    const names = (await last('sockscope_process_connect_failures_total{job="openmetrics"}')).filter(
      ({ value }) => value[1] === "1",
    );
    expect(names.map(({ metric }) => metric["process"]!).sort()).toEqual(hostile.map(labelText).sort());
  });

  test("knows type, unit and help of OpenMetrics", async () => {
    await scraped("openmetrics");
    const metadata = (await scraper.api("targets/metadata?match_target=%7Bjob%3D%22openmetrics%22%7D")) as {
      metric: string;
      type: string;
      unit: string;
      help: string;
    }[];
    const of = (name: string) => metadata.find(({ metric }) => metric === name);
    expect(of("sockscope_tcp_connection_rtt_seconds")).toMatchObject({ type: "histogram", unit: "seconds" });
    expect(of("sockscope_tcp_sent_bytes")).toMatchObject({ type: "counter", unit: "bytes" });
    expect(of("sockscope_build")).toMatchObject({ type: "info", help: "Version of Sockscope." });
  });

  test("evaluates every alert rule and every panel", async () => {
    await Promise.all(["openmetrics", "text"].map(scraped));
    for (const { expr } of [...alerts, ...dashboardExpressions])
      expect(await scraper.query(expr)).toBeArray();
    const rules = await until("the rules are evaluated", async () => {
      const { groups } = (await scraper.api("rules")) as {
        groups: { rules: { health: string; lastError?: string }[] }[];
      };
      const all = groups.flatMap(({ rules }) => rules);
      return all.some(({ health }) => health === "unknown") ? undefined : all;
    });
    expect(rules.map(({ health, lastError }) => lastError ?? health)).toEqual(alerts.map(() => "ok"));
  });

  test("scrapes `sockscope serve` with its token", async () => {
    await scraped("server");
    const [listeners] = await last('sockscope_sockets{job="server",table="tcp",state="listening"}');
    // Its own listener and that of Prometheus, at least.
    expect(Number(listeners!.value[1])).toBeGreaterThanOrEqual(2);
    const [series] = await last('sockscope_series{job="server"}');
    expect(Number(series!.value[1])).toBeGreaterThan(300);
  });
});
