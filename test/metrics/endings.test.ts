/** Events of connections: how they began, failed and ended. */
import { describe, expect, test } from "bun:test";
import type { TcpInfo } from "../../src/families/inet/layouts/tcp-info.ts";
import { retransmittedShare } from "../../src/metrics/kind-counters.ts";
import {
  SS_CLOSE,
  SS_CLOSE_WAIT,
  SS_ESTABLISHED,
  SS_FIN_WAIT_1,
  SS_FIN_WAIT_2,
  SS_LAST_ACK,
  SS_SYN_RECV,
  SS_SYN_SENT,
  SS_TIME_WAIT,
} from "../../src/model/state.ts";
import type { SocketLike } from "../live/sockets.ts";
import { MetricsWorld, ownerNamed } from "./world.ts";

const connection: SocketLike = {
  cookie: 5,
  local: [10, 0, 0, 1],
  peer: [10, 0, 0, 9],
  localPort: 40_000,
  peerPort: 443,
  info: { bytesAcked: 100, bytesReceived: 50, bytesSent: 200, bytesRetrans: 50, rtt: 20_000 },
};

const reasons = (world: MetricsWorld) => world.nonzero("sockscope_tcp_connections_closed");

describe("the reason of an end", () => {
  test.each([
    [SS_FIN_WAIT_2, SS_CLOSE, {}, "fin"],
    [SS_LAST_ACK, SS_CLOSE, {}, "fin"],
    [SS_FIN_WAIT_1, SS_TIME_WAIT, {}, "fin"],
    [undefined, SS_TIME_WAIT, {}, "fin"],
    [SS_ESTABLISHED, SS_CLOSE, {}, "reset"],
    [SS_CLOSE_WAIT, SS_CLOSE, {}, "reset"],
    [SS_ESTABLISHED, SS_CLOSE, { retransmits: 3 }, "timeout"],
    [SS_FIN_WAIT_1, SS_CLOSE, { probes: 9 }, "timeout"],
    [undefined, SS_CLOSE, {}, "unknown"],
    [SS_CLOSE, SS_CLOSE, {}, "unknown"],
  ])("from state %p to %p with %p is %s", (oldState, newState, info, reason) => {
    const world = new MetricsWorld();
    world.event("close", { ...connection, info: { ...connection.info, ...info } }, { oldState, newState });
    expect(reasons(world)).toEqual({ [`outbound network ${reason}`]: 1 });
  });

  test("is remembered while the process keeps the closed socket open", () => {
    const world = new MetricsWorld();
    world.event("reset", connection);
    world.event("state", connection, { oldState: SS_ESTABLISHED, newState: SS_CLOSE });
    world.event("close", connection, { oldState: SS_CLOSE, newState: SS_CLOSE });
    expect(reasons(world)).toEqual({ "outbound network reset": 1 });
    // The next connection with the same addresses is another.
    world.event("close", connection, { oldState: SS_LAST_ACK, newState: SS_CLOSE });
    expect(reasons(world)).toEqual({ "outbound network reset": 1, "outbound network fin": 1 });
  });

  test("is remembered for a bounded number of connections", () => {
    const world = new MetricsWorld();
    for (let index = 0; index < 10_001; index++)
      world.event("reset", { ...connection, peer: [10, 1, index >> 8, index & 255] });
    for (const peer of [
      [10, 1, 0, 0],
      [10, 1, 0, 1],
    ])
      world.event("close", { ...connection, peer }, { oldState: SS_CLOSE, newState: SS_CLOSE });
    expect(reasons(world)).toEqual({ "outbound network unknown": 1, "outbound network reset": 1 });
  });
});

test("a connect that failed is no connection", () => {
  const world = new MetricsWorld();
  const owners = [ownerNamed("curl")];
  world.event("open", connection, { newState: SS_SYN_SENT, owners });
  world.event("failed", connection, { failure: { reason: "timed out", syns: 7 }, owners });
  world.event("close", connection, { oldState: SS_SYN_SENT, newState: SS_CLOSE, durationMs: 127_000 });
  world.event("failed", connection, { failure: { reason: undefined, syns: 1 } });
  world.event("failed", connection, { failure: { reason: "No buffer space available", syns: 1 } });
  expect(world.nonzero("sockscope_tcp_connect_failures")).toEqual({ timeout: 1, unknown: 1, other: 1 });
  expect(world.nonzero("sockscope_process_connect_failures")).toEqual({ curl: 1, none: 2 });
  expect(world.nonzero("sockscope_peer_connect_failures")).toEqual({
    "10.0.0.9 443 curl outbound": 1,
    "10.0.0.9 443 none outbound": 2,
  });
  for (const family of [
    "sockscope_tcp_connections_opened",
    "sockscope_tcp_connections_closed",
    "sockscope_tcp_connection_duration_seconds",
  ])
    expect(world.nonzero(family)).toEqual({});
});

test("a connection begins when its connect is answered, or when it is first seen", () => {
  const world = new MetricsWorld();
  world.event("open", connection, { newState: SS_SYN_SENT });
  world.event("state", connection, { oldState: SS_SYN_SENT, newState: SS_ESTABLISHED });
  world.event("open", { ...connection, localPort: 22, peerPort: 50_000 }, { newState: SS_SYN_RECV });
  world.event("state", connection, { oldState: SS_SYN_RECV, newState: SS_ESTABLISHED });
  expect(world.nonzero("sockscope_tcp_connections_opened")).toEqual({
    "outbound network": 1,
    "inbound network": 1,
  });
});

test("sockets that are no connections, and other protocols, count in no histogram", () => {
  const world = new MetricsWorld();
  world.event("close", { ...connection, peerPort: 0 }, { newState: SS_CLOSE });
  world.event("close", { ...connection, udp: true }, { newState: SS_CLOSE });
  expect(reasons(world)).toEqual({});
  expect(world.nonzero("sockscope_events")).toEqual({ close: 2 });
});

test("the histograms of a connection that ended", () => {
  const world = new MetricsWorld();
  const close = { oldState: SS_LAST_ACK, newState: SS_CLOSE, durationMs: 1500 };
  world.event("close", connection, close);
  // A connection that sent nothing has no share, and one without an answer no round trip time.
  world.event("close", { ...connection, info: { bytesAcked: 10 } }, close);
  world.event("close", { ...connection, info: {} }, close);
  const { body } = world.metrics.exposition("application/openmetrics-text");
  const lines = (name: string) =>
    body
      .split("\n")
      .filter((line) => line.startsWith(`${name}`) && line.includes("outbound") && line.includes("network"));
  const cumulative = (name: string) =>
    lines(`sockscope_tcp_connection_${name}_bucket`).map((line) => [
      /le="([^"]+)"/.exec(line)![1],
      Number(line.split(" ").at(-1)),
    ]);
  expect(cumulative("retransmitted_ratio")).toEqual([
    ["0.0", 0],
    ["0.001", 0],
    ["0.005", 0],
    ["0.01", 0],
    ["0.02", 0],
    ["0.05", 0],
    ["0.1", 0],
    ["0.2", 0],
    ["0.5", 1],
    ["+Inf", 1],
  ]);
  expect(cumulative("duration_seconds").filter(([, count]) => count === 3)[0]).toEqual(["5.0", 3]);
  expect(lines("sockscope_tcp_connection_duration_seconds_sum")).toEqual([
    'sockscope_tcp_connection_duration_seconds_sum{direction="outbound",scope="network"} 4.5',
  ]);
  expect(lines("sockscope_tcp_connection_rtt_seconds_sum")[0]).toEndWith(" 0.02");
  expect(lines("sockscope_tcp_connection_sent_bytes_sum")[0]).toEndWith(" 110");
  expect(lines("sockscope_tcp_retransmitted_bytes_total")[0]).toMatch(/ [1-9]\d*$/);
});

test("the share of retransmissions is one of bytes, or before Linux 4.19 of segments", () => {
  const share = (info: Partial<TcpInfo>) => retransmittedShare(info as TcpInfo);
  expect(share({ bytesSent: 200, bytesRetrans: 50, segsOut: 10, totalRetrans: 1 })).toBe(0.25);
  expect(share({ segsOut: 10, totalRetrans: 1 })).toBe(0.1);
  expect(share({})).toBeNaN();
});
