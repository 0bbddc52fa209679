import { expect, test } from "bun:test";
import { ConnectionIntake } from "./bundles.ts";
import type { Bundle, EndedConnection } from "./facts.ts";

const RATE = 1000;

/** What an intake has written. */
function newIntake() {
  const rows: EndedConnection[] = [];
  const bundles: Bundle[] = [];
  const covered: (number | undefined)[] = [];
  const intake = new ConnectionIntake(
    {
      connection: (ended) => rows.push(ended),
      bundle: (bundle) => bundles.push({ ...bundle }),
      cover: (_kind, _from, _until, count) => covered.push(count),
    },
    RATE,
  );
  return { intake, rows, bundles, covered };
}

function ended(closedMs: number, peer: number, process: number): EndedConnection {
  return {
    closedMs,
    openedMs: closedMs - 5,
    protocol: 6,
    place: 1,
    local: Uint8Array.of(10, 0, 0, 1),
    localPort: 443,
    peer: Uint8Array.of(10, 1, peer >> 8, peer & 0xff),
    peerPort: 40_000,
    process,
    uid: 0,
    reason: undefined,
    bytesSent: 10,
    bytesReceived: 1,
    segmentsSent: 2,
    segmentsReceived: 2,
    retransmits: 0,
    rttUs: 10,
    minRttUs: 10,
  };
}

test("5,000 ends a second for 60 seconds are a row each or in a bundle", () => {
  const { intake, rows, bundles, covered } = newIntake();
  const seconds = 60;
  const rate = 5000;
  for (let second = 0; second < seconds; second++) {
    for (let count = 0; count < rate; count++)
      intake.add(ended(second * 1000 + count / 5, count % 300, count % 2), 443);
    if (second % 10 === 9) intake.end(second * 1000 + 1000);
  }
  const bundled = bundles.reduce((sum, { connections }) => sum + connections, 0);
  expect(rows).toHaveLength(RATE * seconds);
  expect(rows.length + bundled).toBe(rate * seconds);
  expect(covered).toEqual(Array.from({ length: 6 }, () => bundled / 6));
  expect(bundles.reduce((sum, { bytesSent }) => sum + bytesSent, 0)).toBe(bundled * 10);
  expect(bundles.reduce((sum, { durationMs }) => sum + durationMs, 0)).toBe(bundled * 5);
  for (const { fromMs, untilMs } of bundles) expect(untilMs - fromMs).toBeLessThanOrEqual(10_000);
});

test("a bundle of one connection is a row, and too many peers are one", () => {
  const { intake, rows, bundles, covered } = newIntake();
  for (let count = 0; count < RATE * 10; count++) intake.add(ended(count, 1, 1), 443);
  intake.add(ended(20_000, 2, 1), 443);
  intake.end(20_000);
  expect({ rows: rows.length, bundles, covered }).toEqual({ rows: RATE * 10 + 1, bundles: [], covered: [] });
  for (let count = 0; count < RATE * 10; count++) intake.add(ended(count, 1, 1), 443);
  for (let peer = 0; peer < 12_000; peer++) intake.add(ended(peer, peer, 1), 443);
  intake.end(30_000);
  expect(rows).toHaveLength(RATE * 10 + 1 + RATE * 10 + 10_000);
  expect(bundles.map(({ peer, connections }) => [peer, connections])).toEqual([[undefined, 2000]]);
});
