/** Dashboard and alert rules use families and labels that exist. */
import { describe, expect, test } from "bun:test";
import { sampleNames } from "../../src/metrics/exposition.ts";
import { families } from "../../src/metrics/families.ts";
import { SS_ESTABLISHED } from "../../src/model/state.ts";
import { promtool, runPromtool } from "./prometheus.ts";
import { alerts, alertsPath, dashboard, dashboardExpressions } from "./shipped.ts";
import { MetricsWorld, ownerNamed } from "./world.ts";

/** The labels of each sample by its name. */
const labelsOf = new Map(
  Object.entries(families).flatMap(([name, row]) =>
    sampleNames(name, row).map((sample) => [
      sample,
      new Set([...row.labels, ...(sample.endsWith("_bucket") ? ["le"] : [])]),
    ]),
  ),
);
/** Labels that Prometheus adds to each series of a target. */
const targetLabels = new Set(["job", "instance"]);

/** What an expression uses that does not exist. */
function unknownIn(expression: string): string[] {
  const names = [...expression.matchAll(/\b(?:sockscope|process)_[a-z0-9_]+/g)].map(([name]) => name);
  const unknown = names.filter((name) => !labelsOf.has(name));
  for (const [, name, matchers] of expression.matchAll(/\b((?:sockscope|process)_\w+)\{([^}]*)\}/g))
    for (const [, label] of matchers!.matchAll(/(\w+)\s*(?:=~|!~|!=|=)/g))
      if (!labelsOf.get(name!)?.has(label!) && !targetLabels.has(label!)) unknown.push(`${name}{${label}}`);
  const known = new Set(names.flatMap((name) => [...(labelsOf.get(name) ?? [])]));
  for (const [, list] of expression.matchAll(/\b(?:by|ignoring|on)\s*\(([^)]*)\)/g))
    for (const label of list!.split(/\s*,\s*/))
      if (!known.has(label) && !targetLabels.has(label)) unknown.push(`by (${label})`);
  return unknown;
}

describe("unknownIn()", () => {
  test("sees families, labels and groupings that do not exist", () => {
    expect(
      unknownIn('sum by (state, stat) (sockscope_sockets{table="tcp",tabel!="x"}) + sockscope_socket'),
    ).toEqual(["sockscope_socket", "sockscope_sockets{tabel}", "by (stat)"]);
  });
});

test.each(alerts)("alert $alert uses what exists", ({ expr, annotations }) => {
  expect(expr).toMatch(/sockscope_/);
  expect(unknownIn(expr)).toEqual([]);
  for (const text of Object.values(annotations))
    for (const [, label] of text.matchAll(/\$labels\.(\w+)/g))
      expect([label, [...labelNames(expr), ...targetLabels]]).toEqual([
        label,
        expect.arrayContaining([label]),
      ]);
});

/** The labels that the result of an expression may have. */
function labelNames(expression: string): string[] {
  return [...expression.matchAll(/\bsockscope_[a-z0-9_]+/g)].flatMap(([name]) => [
    ...(labelsOf.get(name) ?? []),
  ]);
}

test.each(dashboardExpressions)("panel $title uses what exists: $expr", ({ expr }) => {
  expect(unknownIn(expr)).toEqual([]);
});

test("every family is on the dashboard, in an alert, or only explains the others", () => {
  const used = [...alerts, ...dashboardExpressions].map(({ expr }) => expr).join("\n");
  const unused = Object.entries(families).filter(
    ([name, row]) => !sampleNames(name, row).some((sample) => used.includes(sample)),
  );
  expect(unused.map(([name]) => name)).toEqual([
    "sockscope_build",
    "sockscope_events",
    "sockscope_tracked_connections",
    "sockscope_series_limit",
    "process_start_time_seconds",
  ]);
});

test("no panel of the dashboard covers another", () => {
  const taken = new Map<string, number>();
  for (const { id, gridPos } of dashboard.panels)
    for (let x = gridPos.x; x < gridPos.x + gridPos.w; x++)
      for (let y = gridPos.y; y < gridPos.y + gridPos.h; y++) {
        expect([x < 24, taken.get(`${x} ${y}`)]).toEqual([true, undefined]);
        taken.set(`${x} ${y}`, id);
      }
  expect(new Set(dashboard.panels.map(({ id }) => id)).size).toBe(dashboard.panels.length);
});

describe("families", () => {
  const samples = Object.entries(families).flatMap(([name, row]) => sampleNames(name, row));

  test("are there for everything that is promised", () => {
    const promised = [
      "sockscope_sockets",
      ...["receive", "send"].map((side) => `sockscope_${side}_queue_bytes`),
      ...["memory_bytes", "tcp_memory_limit_bytes", "dropped_packets", "findings", "events_lost"],
      ...["connections", "limit_connections"].map((what) => `accept_queue_${what}`),
      ...["time_wait", "orphan"].flatMap((what) => [`tcp_${what}_sockets`, `tcp_${what}_limit_sockets`]),
      ...["used", "limit"].map((what) => `ephemeral_ports_${what}`),
      ...["duration_seconds", "rtt_seconds", "sent_bytes", "received_bytes", "retransmitted_ratio"].map(
        (what) => `tcp_connection_${what}`,
      ),
      ...["opened", "closed"].map((what) => `tcp_connections_${what}`),
      ...["tcp_connect_failures", "tcp_retransmitted_segments", "tcp_retransmitted_bytes"],
      ...["sample_duration_seconds", "series", "series_limit", "series_folded", "tracked_connections"],
      ...["process_cpu_seconds", "process_resident_memory_bytes"],
    ].map((name) => (/^(sockscope|process)_/.test(name) ? name : `sockscope_${name}`));
    expect(promised.filter((name) => !Object.hasOwn(families, name))).toEqual([]);
  });

  test("have names by Prometheus' rules, and no two share one", () => {
    expect(new Set(samples).size).toBe(samples.length);
    for (const [name, { type, unit, labels, help }] of Object.entries(families)) {
      expect(name).toMatch(/^(sockscope|process)_[a-z0-9]+(_[a-z0-9]+)*$/);
      expect(name).not.toMatch(/_(total|info|count|sum|bucket|created|milliseconds|ms|us|kb|mb)$/);
      if (unit !== undefined) expect(name).toEndWith(`_${unit}`);
      else expect(name).not.toMatch(/_(seconds|bytes|ratio)$/);
      if (type === "histogram") expect(unit).toBeDefined();
      expect(help).toMatch(/^[A-Z][^"\\]*[^.]$/);
      for (const label of labels) {
        expect(label).toMatch(/^[a-z]+$/);
        // Labels of targets, and of histograms.
        expect(["job", "instance", "le", "quantile", "region", "zone", "cluster", "type"]).not.toContain(
          label,
        );
      }
    }
  });
});

describe.skipIf(promtool === undefined)("promtool", () => {
  test("finds nothing in the alert rules", () => {
    expect(runPromtool(["check", "rules", alertsPath])).toEqual({
      status: 0,
      output: expect.stringContaining(`SUCCESS: ${alerts.length} rules found`),
    });
  });

  test("finds nothing in the text form, with every family and hostile names", () => {
    const world = new MetricsWorld();
    world.names.set(5, '"} 1\nevil 2');
    const connection = {
      cookie: 1,
      state: SS_ESTABLISHED,
      localPort: 40_000,
      drops: 1,
      info: { bytesAcked: 1, bytesReceived: 1, bytesSent: 4, totalRetrans: 1, rtt: 3 },
    };
    world.sample([], {});
    world.sample([connection, { ...connection, cookie: 2 }], { 1: 5 });
    world.event("failed", connection, { owners: [ownerNamed("curl")] });
    world.event("close", connection, { oldState: SS_ESTABLISHED, durationMs: 1 });
    world.metrics.takeReport({ diagnoses: [], elapsedMs: 0, sockets: 0, checked: [], unchecked: [] }, 1e12);
    const { contentType, body } = world.metrics.exposition("text/plain");
    expect(contentType).toBe("text/plain; version=0.0.4; charset=utf-8");
    for (const sample of samplesOf(body)) expect(sample).not.toBe("evil");
    expect(new Set(samplesOf(body))).toEqual(
      new Set(Object.entries(families).flatMap(([name, row]) => sampleNames(name, row))),
    );
    expect(runPromtool(["check", "metrics"], body)).toEqual({ status: 0, output: "" });
    // It is a check that can fail.
    expect(runPromtool(["check", "metrics"], `${body}# TYPE x_ms gauge\nx_ms 1\n`).status).not.toBe(0);
  });
});

/** The names of the samples of an exposition. */
function samplesOf(body: string): string[] {
  return body.split("\n").flatMap((line) => /^([a-z_0-9]+)[{ ]/.exec(line)?.[1] ?? []);
}
