import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { fieldWidth, type Layout } from "../bytes/layout.ts";
import { skMemInfo } from "../diag/memory.ts";
import { tcpInfo } from "../families/inet/layouts/tcp-info.ts";
import { type Limit, limits } from "../model/limits.ts";
import { states } from "../model/state.ts";
import {
  bytesInFlight,
  type Connection,
  segmentsInFlight,
  shareBetween,
  shareSoFar,
  TIMER_KEEPALIVE,
  TIMER_PERSIST,
  TIMER_RETRANSMIT,
  windowLeft,
} from "./connection.ts";
import { explain } from "./limits.ts";

const stateNumbers = Object.fromEntries(
  states.map((state) => ["name" in state ? state.name : state.label, state.number]),
);

/** An established connection with empty queues, except for the given numbers. */
function connection(state: string, numbers: Partial<Connection> = {}): Connection {
  return {
    stateNumber: stateNumbers[state]!,
    rqueue: 0,
    wqueue: 0,
    timerNumber: 0,
    expires: 0,
    retransmits: 0,
    memory: {},
    ...numbers,
    info: { notsentBytes: 0, sndMss: 1448, rcvMss: 1448, sndWnd: 65_536, rto: 204_000, ...numbers.info },
  };
}

/** Half a megabyte that waits with ten segments in flight. */
const bulk = { notsentBytes: 500_000, unacked: 10, sndCwnd: 10, rtt: 40_000, minRtt: 40_000 };
const waiting = { wqueue: 514_480, info: bulk };

const cases: readonly [Limit, Connection, string | RegExp][] = [
  ["not-connected", connection("UNCONN"), /^Not connected: /],
  ["not-connected", connection("BOUND-INACTIVE"), /^Not connected: /],
  ["listening", connection("LISTEN", { wqueue: 511 }), /^Listening: .* \(backlog 511\)\.$/],
  [
    "accept-queue",
    connection("LISTEN", { rqueue: 3, wqueue: 511 }),
    /: 3 connections wait .* \(backlog 511\)/,
  ],
  ["accept-queue", connection("LISTEN", { rqueue: 2, wqueue: 1 }), /: 2 connections .* the queue is full/],
  ["time-wait", connection("TIME-WAIT", { timerNumber: 3, expires: 42_000 }), /kept for 42 s more/],
  ["handshake", connection("SYN-SENT", { wqueue: 1, timerNumber: TIMER_RETRANSMIT }), /the SYN is sent/],
  [
    "no-answer",
    connection("SYN-SENT", { wqueue: 1, timerNumber: TIMER_RETRANSMIT, retransmits: 3, expires: 4200 }),
    "The peer does not answer: the SYN was sent 4 times, and the next one goes out in 4.2 s.",
  ],
  [
    "handshake",
    connection("SYN-RECV", { timerNumber: TIMER_RETRANSMIT, retransmits: 1 }),
    /answered 2 times/,
  ],
  [
    "no-answer",
    connection("SYN-RECV", { timerNumber: TIMER_RETRANSMIT, retransmits: 3 }),
    /SYN and ACK .* 4 times/,
  ],
  [
    "no-answer",
    connection("ESTAB", {
      wqueue: 5000,
      timerNumber: TIMER_RETRANSMIT,
      retransmits: 3,
      expires: 1364,
      info: { unacked: 1, caState: 4, lost: 1, lastAckRecv: 1950 },
    }),
    "The peer does not answer: 5000 bytes wait, the first of them sent 4 times, and the next attempt goes out in 1.36 s; the last acknowledgement came 1.95 s ago.",
  ],
  [
    "no-answer",
    connection("ESTAB", { timerNumber: TIMER_KEEPALIVE, retransmits: 4, expires: 75_000 }),
    /^The peer does not answer: 4 probes of keepalive/,
  ],
  [
    "no-answer",
    connection("ESTAB", {
      wqueue: 9,
      timerNumber: TIMER_PERSIST,
      retransmits: 3,
      info: { sndWnd: 0, notsentBytes: 9 },
    }),
    /^The peer does not answer: 3 probes of its closed window/,
  ],
  [
    "no-answer",
    connection("LAST-ACK", { wqueue: 1, timerNumber: TIMER_RETRANSMIT, retransmits: 5 }),
    /the FIN was sent 6 times/,
  ],
  [
    "receiver-not-reading",
    connection("ESTAB", { rqueue: 4096, info: { rcvWnd: 0, lastDataRecv: 1960 } }),
    "The local program: 4096 bytes have arrived that it has not read, so that the window announced to the peer is closed; the last of them came 1.96 s ago.",
  ],
  [
    "receiver-not-reading",
    connection("ESTAB", { rqueue: 1, info: { rcvWnd: 65_536, lastDataRecv: 300 } }),
    /1 byte has arrived/,
  ],
  [
    "receiver-not-reading",
    connection("ESTAB", {
      rqueue: 9000,
      info: { lastDataRecv: 1 },
      memory: { rmemAlloc: 20_000, rcvbuf: 32_000 },
    }),
    /the receive buffer is 63% full/,
  ],
  [
    "application",
    connection("ESTAB", { rqueue: 10, info: { lastDataRecv: 1, lastDataSent: 1 } }),
    /10 bytes have just arrived/,
  ],
  [
    "peer-not-reading",
    connection("ESTAB", {
      wqueue: 1_869_824,
      timerNumber: TIMER_PERSIST,
      expires: 1240,
      info: { sndWnd: 0, notsentBytes: 1_869_824, backoff: 3 },
    }),
    "The peer does not read: its window is closed, which 3 probes have found so, and 1.87 MB wait here, and the next probe goes out in 1.24 s.",
  ],
  // A kernel before 5.4 does not report the window.
  [
    "peer-not-reading",
    { ...connection("ESTAB", { wqueue: 9, timerNumber: TIMER_PERSIST }), info: { notsentBytes: 9 } },
    /its window is closed/,
  ],
  [
    "loss-recovery",
    connection("ESTAB", { ...waiting, info: { ...bulk, caState: 3, lost: 2, retrans: 1 } }),
    "Lost segments: 2 of the 10 sent are thought lost (acknowledgements show it), 1 was retransmitted, and the congestion window is down to 10 segments.",
  ],
  [
    "peer-window",
    connection("ESTAB", { ...waiting, info: { ...bulk, sndWnd: 15_000, busyTime: 1000, rwndLimited: 970 } }),
    "The peer's window: 14480 of its 15000 bytes are in flight, and 500 kB wait; that took 97% of all time with data to send so far.",
  ],
  // A slow reader: data went out 4 ms ago.
  [
    "peer-window",
    connection("ESTAB", {
      wqueue: 143_000,
      timerNumber: TIMER_PERSIST,
      info: { sndWnd: 0, notsentBytes: 143_000, backoff: 0, lastDataSent: 4, rto: 204_000 },
    }),
    "The peer's window: the peer reads slowly, its window is closed at the moment, and 143 kB wait.",
  ],
  [
    "peer-window",
    connection("ESTAB", {
      info: { busyTime: 2000, rwndLimited: 900 },
      earlier: { busyTime: 1000, rwndLimited: 100 },
    }),
    /it was so for 80% of the time with data to send between the samples/,
  ],
  [
    "path",
    connection("ESTAB", { ...waiting, info: { ...bulk, rtt: 740_000, deliveryRate: 467_500 } }),
    "The path, which carries 3.74 Mbit/s: segments queue on the way (round trip 740 ms, the shortest was 40 ms), and 500 kB wait here.",
  ],
  [
    "path",
    connection("ESTAB", {
      ...waiting,
      congestion: "bbr",
      info: { ...bulk, sndCwnd: 40, deliveryRate: 1_000_000, pacingRate: 990_000, deliveryRateAppLimited: 0 },
    }),
    /^The path, which carries 8 Mbit\/s: BBR sends no faster/,
  ],
  [
    "congestion-window",
    connection("ESTAB", waiting),
    /: 10 of its 10 segments are in flight, and 500 kB wait; it doubles/,
  ],
  [
    "congestion-window",
    connection("ESTAB", { ...waiting, info: { ...bulk, sndSsthresh: 7 } }),
    /grows slowly/,
  ],
  [
    "congestion-window",
    connection("ESTAB", { ...waiting, info: { ...bulk, caState: 2 } }),
    /was reduced for/,
  ],
  [
    "pacing",
    connection("ESTAB", {
      ...waiting,
      info: { ...bulk, sndCwnd: 100, pacingRate: 1_000_000, maxPacingRate: 1_000_000 },
    }),
    "Pacing: segments leave at 8 Mbit/s, the limit that SO_MAX_PACING_RATE sets, and 500 kB wait.",
  ],
  [
    "nagle",
    connection("ESTAB", { wqueue: 140, info: { notsentBytes: 70, unacked: 1, sndCwnd: 10 } }),
    /^Nagle's algorithm: 70 bytes wait, which is less than a segment of 1448, until /,
  ],
  [
    "nagle",
    connection("ESTAB", { wqueue: 70, info: { notsentBytes: 70, unacked: 0, sndCwnd: 10 } }),
    /^TCP_CORK or the like/,
  ],
  [
    "local-queue",
    connection("ESTAB", { ...waiting, info: { ...bulk, sndCwnd: 100 }, memory: { wmemAlloc: 7456 } }),
    "This host's own queues: 500 kB wait though both windows have room (7456 bytes are with the network device).",
  ],
  [
    "send-buffer",
    connection("ESTAB", {
      wqueue: 15_400,
      info: { unacked: 22 },
      memory: { wmemQueued: 32_000, sndbuf: 32_768 },
    }),
    /^The send buffer: it is full \(32000 bytes are taken, the limit is 32768 bytes, .* all 15400 bytes in it/,
  ],
  [
    "local-close",
    connection("CLOSE-WAIT", { rqueue: 1 }),
    "The local program: the peer has closed, and the program has not.",
  ],
  ["local-close", connection("CLOSE-WAIT", { rqueue: 101 }), /nor has it read the last 100 bytes/],
  [
    "peer-close",
    connection("FIN-WAIT-2", { timerNumber: 3, expires: 58_000 }),
    /the kernel gives up in 58 s/,
  ],
  ["closing", connection("FIN-WAIT-1", { wqueue: 1, timerNumber: TIMER_RETRANSMIT }), /^Closing: the FIN/],
  ["closing", connection("LAST-ACK", { wqueue: 501 }), /^Closing: the last 500 bytes and the FIN/],
  [
    "idle",
    connection("ESTAB", { info: { lastDataSent: 303_000, lastDataRecv: 400_000 } }),
    "Nothing: no data went either way for 5 min 3 s, and without keepalive nobody would notice if the peer were gone.",
  ],
  [
    "idle",
    connection("ESTAB", { info: { lastDataSent: 3000, lastDataRecv: 3000 } }),
    /^Nothing: no data went either way for 3(\.0+)? s\.$/,
  ],
  [
    "idle",
    connection("ESTAB", {
      timerNumber: TIMER_KEEPALIVE,
      expires: 7_140_000,
      info: { lastDataSent: 60_000, lastDataRecv: 60_000 },
    }),
    /and the next keepalive probe is in 1 h 59 min\.$/,
  ],
  [
    "application",
    connection("ESTAB", { info: { lastDataSent: 20, lastDataRecv: 20 } }),
    /neither end has anything to send/,
  ],
  ["application", connection("ESTAB", { wqueue: 500 }), /in flight, and 500 bytes are not acknowledged yet/],
];

describe("a connection is limited by", () => {
  test.each(cases)("%s", (limit, numbers, text) => {
    const found = explain(numbers);
    expect(found?.limit).toBe(limit);
    if (typeof text === "string") expect(found?.sentence).toBe(text);
    else expect(found?.sentence).toMatch(text);
  });

  test("every limit has a case here and is described in docs/explain.md", () => {
    const tried = new Set(cases.map(([limit]) => limit));
    expect([...tried].sort()).toEqual((Object.keys(limits) as Limit[]).sort());
    const page = readFileSync(join(import.meta.dirname, "../../docs/explain.md"), "utf8");
    const documented = Array.from(page.matchAll(/^\| `([a-z-]+)` \|/gm), ([, limit]) => limit!);
    expect(documented.sort()).toEqual(Object.keys(limits).sort());
  });

  test("nothing, if the kernel does not report how much waits", () => {
    expect(explain({ ...connection("ESTAB", { wqueue: 5 }), info: {} })).toBeUndefined();
  });
});

test("shares are of the time with data to send", () => {
  const numbers = connection("ESTAB", {
    info: { busyTime: 4000, rwndLimited: 1000 },
    earlier: { busyTime: 4000, rwndLimited: 1000 },
  });
  expect(shareSoFar(numbers, "rwndLimited")).toBe(0.25);
  expect(shareBetween(numbers, "rwndLimited")).toBeUndefined();
  expect(shareSoFar(connection("ESTAB"), "rwndLimited")).toBeUndefined();
});

test("bytes in flight, and the room left in the window", () => {
  expect(bytesInFlight(connection("ESTAB", waiting))).toBe(14_480);
  expect(windowLeft(connection("ESTAB", waiting))).toBe(65_536 - 14_480);
  expect(segmentsInFlight({ unacked: 10, sacked: 3, lost: 2, retrans: 1 })).toBe(6);
  expect(segmentsInFlight({})).toBeUndefined();
});

/** Random numbers that a kernel may send. Any of them may be missing. */
function anyOf(layout: Layout) {
  const number = (bits: number) => fc.oneof(fc.nat({ max: 3 }), fc.nat({ max: 2 ** Math.min(bits, 52) - 1 }));
  return fc.record(
    Object.fromEntries(
      Object.entries(layout).map(([name, field]) => [
        name,
        number(field.bits !== undefined ? field.bits[1] : fieldWidth[field.type] * 8),
      ]),
    ),
    { requiredKeys: [] },
  );
}

const u32 = fc.oneof(fc.nat({ max: 3 }), fc.nat({ max: 0xffff_ffff }));
const anyConnection = fc.record(
  {
    stateNumber: fc.nat({ max: 255 }),
    rqueue: u32,
    wqueue: u32,
    timerNumber: fc.nat({ max: 6 }),
    expires: u32,
    retransmits: fc.nat({ max: 255 }),
    congestion: fc.constantFrom("cubic", "bbr", undefined),
    info: anyOf(tcpInfo),
    memory: anyOf(skMemInfo),
    earlier: fc.option(anyOf(tcpInfo), { nil: undefined }),
  },
  {
    requiredKeys: [
      "stateNumber",
      "rqueue",
      "wqueue",
      "timerNumber",
      "expires",
      "retransmits",
      "info",
      "memory",
    ],
  },
);

test("any numbers give a complete sentence, or none", () => {
  fc.assert(
    fc.property(anyConnection, (numbers) => {
      const found = explain(numbers as Connection);
      if (found === undefined) return;
      expect(found.sentence).toMatch(/^[A-Z][\x20-\x7e]+\.$/);
      expect(found.sentence).not.toMatch(
        /undefined|NaN|Infinity|-\d|(?<![\d.])1 (bytes|segments|connections)\b/,
      );
    }),
    { numRuns: 2000 },
  );
});
