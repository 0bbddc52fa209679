/** Cases of rules about connections that carry data. */
import { TIMER_KEEPALIVE, TIMER_PERSIST, TIMER_RETRANSMIT } from "../../src/doctor/connection.ts";
import { type RuleCase, times } from "./case.ts";
import { type InetValues, inBoth, owner, type Scene, tcp } from "./samples.ts";

const peer = "192.0.2.7:443";
const owned = { owners: { 1: [owner(12, "app")] } };

/** One connection in two samples, two seconds apart. */
const pair = (values: InetValues, changed: InetValues): Scene => {
  const [before, after] = inBoth({ peer, inode: 1, ...values }, changed);
  return { sockets: [before], again: [after], ...owned };
};

const MIB = 2 ** 20;
const bulk = (bytesPerSecond: number, busyMs: number): Scene =>
  pair(
    { info: { bytesSent: 100 * MIB, busyTime: 0, deliveryRateAppLimited: 1 } },
    { info: { bytesSent: 100 * MIB + bytesPerSecond * 2, busyTime: busyMs * 1000 } },
  );

/** A connection that waits for a limit in as many of 2000 ms, and has data to send in as many. */
const limited = (limit: "rwndLimited" | "sndbufLimited", busyMs: number, limitedMs: number): Scene =>
  pair(
    { wqueue: 50_000, info: { busyTime: 1, [limit]: 1 } },
    { info: { busyTime: 1 + busyMs * 1000, [limit]: 1 + limitedMs * 1000 } },
  );

const roundTrips = (rttMs: number, minMs: number, more: InetValues = {}): Scene => ({
  sockets: [
    tcp({
      peer,
      wqueue: 9000,
      ...more,
      info: { rtt: rttMs * 1000, minRtt: minMs * 1000, unacked: 6, lastAckRecv: 5, ...more.info },
    }),
  ],
});

const unanswered = (retransmits: number, more: InetValues = {}): Scene => ({
  sockets: [
    tcp({
      peer,
      local: "10.0.0.1:4000",
      wqueue: 500,
      timer: TIMER_RETRANSMIT,
      retransmits,
      ...more,
      info: { lastAckRecv: 30_000, sndMss: 1448, bytesAcked: 9_000_000, ...more.info },
    }),
  ],
});
/** A connection that stands still at its first full-size segments. */
const blackHole = (retransmits: number, more: InetValues = {}): Scene =>
  unanswered(retransmits, {
    wqueue: 20_000,
    ...more,
    info: { bytesAcked: 300, bytesReceived: 500, notsentBytes: 10_000, pmtu: 1500, ...more.info },
  });

const unread = (ms: number, more: InetValues = {}): Scene => ({
  sockets: [
    tcp({ peer, rqueue: 4000, inode: 1, ...more, info: { lastDataRecv: ms, rcvWnd: 60_000, ...more.info } }),
  ],
  ...owned,
});

const closedWindow = (ms: number, more: InetValues = {}): Scene => ({
  sockets: [
    tcp({
      peer,
      local: "10.0.0.1:4000",
      wqueue: 4000,
      timer: TIMER_PERSIST,
      ...more,
      info: { lastDataSent: ms, sndWnd: 0, sndMss: 1448, ...more.info },
    }),
  ],
});

const lossy = (segments: number, retransmitted: number): Scene => ({
  sockets: [tcp({ peer, info: { dataSegsOut: segments, totalRetrans: retransmitted } })],
});

const silent = (count: number, ms: number, more: InetValues = {}): Scene => ({
  sockets: times(count, () =>
    tcp({ peer, inode: 1, ...more, info: { lastDataSent: ms, lastDataRecv: ms, lastAckRecv: ms } }),
  ),
  ...owned,
});

const unscaled = (bytes: number, rttMs: number, wscale = 0): Scene => ({
  sockets: [tcp({ peer, info: { wscale, bytesSent: bytes, rtt: rttMs * 1000 } })],
});

const connectionFill = { ADDRESS: "192.0.2.7", PORT: 443, LOCAL: "10.0.0.1", LOCALPORT: 4000 };

export const transferCases: Readonly<Record<string, RuleCase>> = {
  "application-limited": {
    ill: bulk(20 * MIB, 100),
    finds: {
      severity: "info",
      subject: "pid 12",
      title:
        "app (pid 12) sends 168 Mbit/s over 1 connection that could carry more: nothing waits to be sent for at least 95% of the time",
      fill: { PID: 12 },
    },
    healthy: { "a stream at 5 MB/s": bulk(5 * MIB, 100) },
    edges: {
      rate: [bulk(16 * MIB - 1, 100), bulk(16 * MIB, 100)],
      busy: [bulk(20 * MIB, 1000), bulk(20 * MIB, 980)],
    },
  },
  bufferbloat: {
    ill: roundTrips(400, 20),
    finds: {
      severity: "warning",
      subject: "192.0.2.7",
      title: "Round trips to 192.0.2.7 take 400 ms, and the shortest took 20 ms: 1 connection",
    },
    healthy: {
      "nothing in flight": roundTrips(400, 20, { wqueue: 0 }),
      "an old round trip time": roundTrips(400, 20, { info: { lastAckRecv: 20_000 } }),
      "a round trip that was never measured": {
        sockets: [tcp({ peer, wqueue: 1, info: { rtt: 400_000, minRtt: 0xffff_ffff, unacked: 6 } })],
      },
    },
    edges: {
      queue: [roundTrips(119, 20), roundTrips(120, 20)],
      times: [roundTrips(299, 100), roundTrips(300, 100)],
    },
  },
  "dead-peer": {
    ill: unanswered(5),
    finds: {
      severity: "warning",
      subject: "192.0.2.7",
      title:
        "192.0.2.7 does not answer on 1 connection, after up to 5 retransmissions: 500 bytes wait, and its last packet came 30 s ago",
      fill: connectionFill,
    },
    healthy: {
      "a retransmission": unanswered(1),
      "another timer": unanswered(5, { timer: 5 }),
      "a path MTU black hole, which is another rule's": blackHole(5),
    },
    edges: { retransmits: [unanswered(2), unanswered(3)] },
    more: {
      "keepalive probes": [unanswered(4, { timer: TIMER_KEEPALIVE, wqueue: 0 }), ["warning 192.0.2.7"]],
      "closed connections of a dead host": [unanswered(4, { state: "fin-wait-1" }), ["warning 192.0.2.7"]],
    },
  },
  "path-mtu": {
    ill: blackHole(5),
    finds: {
      severity: "warning",
      subject: "192.0.2.7",
      title:
        "1 connection to 192.0.2.7 hangs at a full-size segment: 20000 bytes wait, after up to 5 retransmissions",
      evidence: [/Segments of 1448 bytes get no acknowledgement; 300 bytes in smaller ones did/],
    },
    healthy: {
      "a connection that has carried megabytes": unanswered(5, { wqueue: 20_000 }),
      "a small segment": blackHole(5, { wqueue: 800, info: { notsentBytes: 0 } }),
      "a peer that never sent anything": blackHole(5, { info: { bytesAcked: 1, bytesReceived: 0 } }),
    },
    edges: { retransmits: [blackHole(2), blackHole(3)] },
  },
  "receiver-not-reading": {
    ill: unread(20_000, { info: { rcvWnd: 0, rcvMss: 1448 } }),
    finds: {
      severity: "warning",
      subject: "pid 12",
      title: "app (pid 12) has not read 4000 bytes from 1 connection, the oldest for 20 s",
      evidence: ["1 connection has closed the window: the peer can send no more"],
    },
    healthy: {
      "data that has just arrived": unread(5),
      "a connection that was not accepted yet": unread(20_000, { inode: 0 }),
    },
    edges: { age: [unread(9999), unread(10_000)] },
  },
  "peer-not-reading": {
    ill: closedWindow(20_000),
    finds: {
      severity: "warning",
      subject: "192.0.2.7",
      title:
        "192.0.2.7 has not read from 1 connection for up to 20 s: its window is closed, and 4000 bytes wait here",
      fill: connectionFill,
    },
    healthy: {
      "a slow reader": closedWindow(5),
      "a window with room": closedWindow(20_000, { timer: 0, info: { sndWnd: 9000 } }),
    },
    edges: { age: [closedWindow(9999), closedWindow(10_000)] },
  },
  retransmissions: {
    ill: lossy(1000, 80),
    finds: {
      severity: "warning",
      subject: "192.0.2.7",
      title: "8% of the segments to 192.0.2.7 were retransmitted: 80 of 1000, over 1 connection",
    },
    healthy: { "little loss": lossy(1000, 5), "few segments": lossy(20, 5) },
    edges: { share: [lossy(1000, 19), lossy(1000, 20)], segments: [lossy(199, 20), lossy(200, 20)] },
    more: {
      "loss that is over": [pair({ info: { dataSegsOut: 1000, totalRetrans: 80 } }, {}), ["info 192.0.2.7"]],
      "several addresses of one network": [
        {
          sockets: times(3, (index) =>
            tcp({ peer: `192.0.2.${index + 1}:443`, info: { dataSegsOut: 1000, totalRetrans: 80 } }),
          ),
        },
        ["warning 192.0.2.0/24 (3 addresses)"],
      ],
    },
  },
  "send-buffer": {
    ill: limited("sndbufLimited", 2000, 1800),
    finds: {
      severity: "info",
      subject: "192.0.2.7",
      title:
        "1 connection to 192.0.2.7 waits for room in the send buffer: all of it, 50000 bytes, is in flight",
    },
    healthy: { "a connection that is mostly quiet": limited("sndbufLimited", 100, 100) },
    edges: {
      busy: [limited("sndbufLimited", 998, 998), limited("sndbufLimited", 1000, 1000)],
      share: [limited("sndbufLimited", 2000, 990), limited("sndbufLimited", 2000, 1000)],
    },
  },
  "peer-window": {
    ill: limited("rwndLimited", 2000, 1800),
    finds: {
      severity: "info",
      subject: "192.0.2.7",
      title:
        "1 connection to 192.0.2.7 waits for the peer's window for up to 90% of the time with data to send: 50000 bytes are in flight or wait",
    },
    healthy: { "a connection that is mostly quiet": limited("rwndLimited", 100, 100) },
    edges: {
      busy: [limited("rwndLimited", 998, 998), limited("rwndLimited", 1000, 1000)],
      share: [limited("rwndLimited", 2000, 990), limited("rwndLimited", 2000, 1000)],
    },
  },
  "window-scaling": {
    ill: { ...unscaled(5 * MIB, 50), files: { "sys/net/ipv4/tcp_window_scaling": "0" } },
    finds: {
      severity: "warning",
      subject: "192.0.2.7",
      title:
        "1 connection with 192.0.2.7 has no window scaling: at a round trip of 50 ms none carries more than 10.5 Mbit/s",
      evidence: ["Window scaling is off here: net.ipv4.tcp_window_scaling is 0"],
    },
    healthy: {
      "window scaling is on": unscaled(5 * MIB, 50, 1),
      "a kernel that sends no tcp_info": { sockets: [tcp({ peer })] },
    },
    edges: { bytes: [unscaled(MIB - 1, 50), unscaled(MIB, 50)], rtt: [unscaled(MIB, 4), unscaled(MIB, 5)] },
  },
  keepalive: {
    ill: silent(12, 7_300_000),
    finds: {
      severity: "info",
      title: "12 connections without keepalive have been silent for up to 2 h 1 min",
      evidence: ["app (pid 12) has 12 of them"],
      socketCount: 12,
    },
    healthy: {
      "connections with keepalive": silent(12, 7_300_000, { timer: TIMER_KEEPALIVE }),
      loopback: silent(12, 7_300_000, { peer: "127.0.0.1:80" }),
    },
    edges: {
      age: [silent(12, 7_199_999), silent(12, 7_200_000)],
      count: [silent(9, 7_200_000), silent(10, 7_200_000)],
    },
  },
};
