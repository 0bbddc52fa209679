/** Connections that a real kernel ends are in the counters and histograms. */
import { expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { tracing } from "../kernel/events-follow.ts";
import { obstacle, unshare } from "../kernel/namespace.ts";

/** The series of a family by their labels. */
function series(body: string, name: string): Map<string, number> {
  const lines = body.matchAll(new RegExp(`^${name}(?:\\{(.*)\\})? (\\S+)$`, "gm"));
  return new Map(Array.from(lines, ([, labels = "", value]) => [labels, Number(value)]));
}

test.skipIf(obstacle !== undefined)("connections in a namespace of their own", async () => {
  const folder = mkdtempSync(join(tmpdir(), "sockscope-real-"));
  try {
    const program = join(import.meta.dirname, "real-connections.ts");
    const child = Bun.spawn([...unshare, process.execPath, program, folder], {
      stdout: "pipe",
      stderr: "inherit",
    });
    const { before, after } = JSON.parse(await new Response(child.stdout).text()) as Record<string, string>;
    const grown = (name: string) => {
      const earlier = series(before!, name);
      const more = [...series(after!, name)].map(
        ([labels, value]) => [labels, value - (earlier.get(labels) ?? 0)] as const,
      );
      return Object.fromEntries(more.filter(([, value]) => value !== 0));
    };
    expect(series(before!, "sockscope_sockets").get('table="tcp",state="listening"')).toBe(1);
    const closed = Object.entries(grown("sockscope_tcp_connections_closed_total"));
    const of = (direction: string) =>
      closed.filter(([labels]) => labels.startsWith(`direction="${direction}",scope="loopback"`));
    const sum = (entries: typeof closed) => entries.reduce((total, [, count]) => total + count, 0);
    expect([sum(of("outbound")), sum(of("inbound"))]).toEqual([3, 3]);
    expect(sum(closed)).toBe(6);
    const rtt = grown("sockscope_tcp_connection_rtt_seconds_count");
    expect(rtt['direction="outbound",scope="loopback"']).toBe(3);
    if (tracing !== undefined) return;
    // With the trace, the reasons and the failed connects are known.
    expect(closed.every(([labels]) => labels.endsWith('reason="fin"'))).toBe(true);
    expect(grown("sockscope_tcp_connect_failures_total")).toEqual({ 'reason="refused"': 2 });
    expect(grown("sockscope_tcp_connections_opened_total")).toEqual({
      'direction="outbound",scope="loopback"': 3,
      'direction="inbound",scope="loopback"': 3,
    });
    expect(grown("sockscope_tcp_connection_duration_seconds_count")).toEqual({
      'direction="outbound",scope="loopback"': 3,
      'direction="inbound",scope="loopback"': 3,
    });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
