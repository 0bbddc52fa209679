/** Connections from ever other addresses, over a real kernel, add no series. */
import { expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { obstacle, unshare } from "../kernel/namespace.ts";

// npm run soak makes a million in ten minutes.
const peers = Number(process.env["SOAK_PEERS"] ?? 2000);
const seconds = Number(process.env["SOAK_SECONDS"] ?? 0);

/**
 * Series that come and go with what the host does now, whoever the peers are. Those of retransmissions begin with the first
 * segment that the kernel sends again.
 */
const momentary = /^sockscope_process_sockets\{|_retransmitted_segments_total\{|process="none"/;

/** The names and labels of all other series. */
function seriesOf(body: string): string[] {
  const all = Array.from(body.matchAll(/^([a-z_]+(?:\{.*\})?) \S+$/gm), ([, series]) => series!);
  return all.filter((series) => !momentary.test(series)).sort();
}

/** The sum of a family. */
function sumOf(body: string, name: string): number {
  const values = body.matchAll(new RegExp(`^${name}(?:\\{.*\\})? (\\S+)$`, "gm"));
  return [...values].reduce((sum, [, value]) => sum + Number(value), 0);
}

test.skipIf(obstacle !== undefined)(
  "connections from thousands of addresses add no series",
  async () => {
    const folder = mkdtempSync(join(tmpdir(), "sockscope-peers-"));
    try {
      const script = join(import.meta.dirname, "real-peers.ts");
      const command = [...unshare, process.execPath, script, folder, `${peers}`, `${seconds}`];
      const child = Bun.spawn(command, { stdout: "pipe", stderr: "inherit" });
      const { before, after, made } = JSON.parse(await new Response(child.stdout).text()) as {
        readonly before: string;
        readonly after: string;
        readonly made: number;
      };
      expect(made).toBeGreaterThan(peers);
      expect(seriesOf(before).length).toBeGreaterThan(100);
      expect(seriesOf(after)).toEqual(seriesOf(before));
      expect(sumOf(after, "sockscope_series")).toBeLessThan(sumOf(before, "sockscope_series") + 20);
      // They were seen: both ends of each, but for those that the kernel reports as lost.
      const seen =
        sumOf(after, "sockscope_tcp_connections_closed_total") -
        sumOf(before, "sockscope_tcp_connections_closed_total");
      expect(seen + sumOf(after, "sockscope_events_lost_total")).toBeGreaterThanOrEqual(peers);
      expect(sumOf(after, "sockscope_series_folded_total")).toBeGreaterThan(peers / 2);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  },
  (3 * seconds + 60) * 1000,
);
