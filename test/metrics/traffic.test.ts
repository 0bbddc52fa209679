/** What connections carry: each byte counts once, for the process and the peer that it belongs to. */
import { describe, expect, test } from "bun:test";
import { SS_CLOSE, SS_LISTEN, SS_TIME_WAIT } from "../../src/model/state.ts";
import type { SocketLike } from "../live/sockets.ts";
import { MetricsWorld, ownerNamed } from "./world.ts";

const HOUR = 3_600_000;

/** A connection to 10.0.0.9:443. */
function outbound(cookie: number, bytesAcked: number, bytesReceived = 0, totalRetrans = 0): SocketLike {
  return {
    cookie,
    local: [10, 0, 0, 1],
    peer: [10, 0, 0, 9],
    localPort: 40_000 + cookie,
    peerPort: 443,
    info: { bytesAcked, bytesReceived, totalRetrans, rtt: 1000 },
  };
}

const sent = (world: MetricsWorld) => world.nonzero("sockscope_peer_sent_bytes");
const PEER = "10.0.0.9 443 curl outbound";

describe("from sample to sample", () => {
  test("counters grow by what connections carried since, from the first sample on", () => {
    const world = new MetricsWorld();
    world.names.set(5, "curl");
    world.sample([outbound(1, 1000, 50, 3)], { 1: 5 });
    expect(sent(world)).toEqual({});
    world.sample([outbound(1, 1700, 60, 4), outbound(2, 30)], { 1: 5, 2: 5 });
    expect(sent(world)).toEqual({ [PEER]: 730 });
    expect(world.nonzero("sockscope_peer_received_bytes")).toEqual({ [PEER]: 10 });
    expect(world.nonzero("sockscope_peer_retransmitted_segments")).toEqual({ [PEER]: 1 });
    expect(world.nonzero("sockscope_process_sent_bytes")).toEqual({ curl: 730 });
    expect(world.nonzero("sockscope_tcp_sent_bytes")).toEqual({ "outbound network": 730 });
    expect(world.nonzero("sockscope_peer_connections")).toEqual({ [PEER]: 2 });
  });

  test("a sample is counted once", () => {
    const world = new MetricsWorld();
    world.sample([]);
    world.read([outbound(1, 100)]);
    for (let scrape = 0; scrape < 3; scrape++) world.count();
    expect(world.sum("sockscope_peer_sent_bytes")).toBe(100);
    expect(world.values("sockscope_sample_duration_seconds")).toEqual({ "": 2 });
  });

  test("a connection whose process becomes known goes on under its name", () => {
    const world = new MetricsWorld();
    world.names.set(5, "curl");
    world.sample([]);
    world.sample([outbound(1, 100)]);
    world.sample([outbound(1, 150)], { 1: 5 });
    expect(sent(world)).toEqual({ "10.0.0.9 443 none outbound": 100, [PEER]: 50 });
  });

  test("a connection that a sample lacks is not counted anew when it is back", () => {
    const world = new MetricsWorld();
    world.sample([outbound(1, 100)]);
    world.nowMs = 1000;
    world.sample([]);
    world.nowMs = 2000;
    world.sample([outbound(1, 120)]);
    expect(world.sum("sockscope_peer_sent_bytes")).toBe(20);
  });

  test("connections that are long gone are forgotten", () => {
    const world = new MetricsWorld();
    world.sample([outbound(1, 100)]);
    expect(world.sum("sockscope_tracked_connections")).toBe(1);
    for (const seconds of [15, 30, 45]) {
      world.nowMs = seconds * 1000;
      world.sample([]);
    }
    expect(world.sum("sockscope_tracked_connections")).toBe(0);
  });
});

describe("at the end of a connection", () => {
  const close = { oldState: 5, newState: SS_CLOSE, durationMs: 2000 };

  test("its last counters complete what samples have counted", () => {
    const world = new MetricsWorld();
    world.names.set(5, "curl");
    world.sample([outbound(1, 100)], { 1: 5 });
    world.sample([outbound(1, 250)], { 1: 5 });
    world.event("close", outbound(1, 300), close);
    expect(sent(world)).toEqual({ [PEER]: 200 });
    expect(world.values("sockscope_tracked_connections")).toEqual({ "": 0 });
  });

  test("a connection between two samples counts as a whole, with the process of its event", () => {
    const world = new MetricsWorld();
    world.sample([]);
    world.event("close", outbound(7, 80, 20), { ...close, owners: [ownerNamed("curl")] });
    expect(sent(world)).toEqual({ [PEER]: 80 });
    expect(world.nonzero("sockscope_tcp_connection_sent_bytes")).toEqual({ "outbound network": 1 });
  });

  test("a sample that is older than the end does not count the connection again", () => {
    const world = new MetricsWorld();
    world.sample([]);
    world.read([outbound(1, 80)]);
    world.event("close", outbound(1, 90), close);
    world.count();
    expect(world.sum("sockscope_peer_sent_bytes")).toBe(90);
    world.nowMs = 5000;
    world.sample([outbound(1, 80)]);
    expect(world.sum("sockscope_peer_sent_bytes")).toBe(90);
  });

  test("an end that comes after a sample without the connection counts the rest only", () => {
    const world = new MetricsWorld();
    world.sample([outbound(1, 100)]);
    world.nowMs = 15_000;
    world.sample([{ ...outbound(1, 0), state: SS_TIME_WAIT, info: {} }]);
    world.event("close", outbound(1, 110), close);
    expect(world.sum("sockscope_peer_sent_bytes")).toBe(10);
  });

  test("what a connection carried before the first sample is not ours", () => {
    const world = new MetricsWorld();
    world.event("close", outbound(1, 1000), { ...close, durationMs: undefined });
    world.event("close", outbound(2, 10), close);
    expect(world.sum("sockscope_peer_sent_bytes")).toBe(10);
    // The histograms have the whole connections.
    expect(world.sum("sockscope_tcp_connection_sent_bytes")).toBe(2);
  });
});

describe("direction and scope", () => {
  const listener: SocketLike = {
    cookie: 90,
    state: SS_LISTEN,
    local: [0, 0, 0, 0],
    localPort: 80,
    peerPort: 0,
    receiveQueue: 3,
    sendQueue: 128,
  };
  const to = (cookie: number, localPort: number, peerPort: number, peer = [10, 0, 0, 9]): SocketLike => ({
    ...outbound(cookie, 10),
    localPort,
    peerPort,
    peer,
  });

  test("a listener's port makes a connection inbound, under the listener's process until its own is known", () => {
    const world = new MetricsWorld();
    world.names.set(3, "nginx");
    world.sample([listener], { 90: 3 });
    world.sample([listener, to(1, 80, 50_000)], { 90: 3 });
    expect(world.nonzero("sockscope_peer_connections")).toEqual({ "10.0.0.9 80 nginx inbound": 1 });
    world.event(
      "open",
      { ...listener, cookie: 91, localPort: 8080 },
      { newState: SS_LISTEN, owners: [ownerNamed("caddy")] },
    );
    world.event("close", to(2, 8080, 50_000), { oldState: 5, newState: SS_CLOSE });
    expect(sent(world)).toEqual({ "10.0.0.9 80 nginx inbound": 10, "10.0.0.9 8080 caddy inbound": 10 });
  });

  test("without a listener, the end with a port of connect(2)'s range has opened it", () => {
    const world = new MetricsWorld();
    world.sample([
      to(1, 40_000, 443),
      to(2, 25, 50_000),
      to(3, 1000, 2000),
      to(4, 40_001, 5432, [10, 0, 0, 1]),
    ]);
    expect(world.nonzero("sockscope_peer_connections")).toEqual({
      "10.0.0.9 443 none outbound": 1,
      "10.0.0.9 25 none inbound": 1,
      "10.0.0.9 2000 none unknown": 1,
      "10.0.0.1 5432 none outbound": 1,
    });
    world.sample([
      to(5, 40_000, 443),
      to(6, 40_000, 443, [127, 0, 0, 1]),
      to(7, 40_001, 5432, [10, 0, 0, 1]),
    ]);
    expect(world.nonzero("sockscope_tcp_sent_bytes")).toEqual({
      "outbound network": 10,
      "outbound loopback": 20,
    });
  });

  test("peers can be networks, or one", () => {
    for (const [peerLabel, label] of [
      ["network", "10.0.0.0/24"],
      ["none", "none"],
    ] as const) {
      const world = new MetricsWorld({ peerLabel });
      world.sample([to(1, 40_000, 443), to(2, 40_001, 443, [10, 0, 0, 77])]);
      expect(world.nonzero("sockscope_peer_connections")).toEqual({ [`${label} 443 none outbound`]: 2 });
    }
  });

  test("the ports of connect(2), and the queue of a listener", () => {
    const world = new MetricsWorld();
    world.names.set(3, "nginx");
    world.sample([listener, to(1, 40_000, 443), to(2, 40_001, 443), to(3, 40_001, 25), to(4, 80, 50_000)], {
      90: 3,
    });
    expect(world.values("sockscope_ephemeral_ports_used")).toEqual({ tcp: 2, udp: 0 });
    expect(world.values("sockscope_ephemeral_ports_busiest_destination")).toEqual({ "": 2 });
    expect(world.values("sockscope_ephemeral_ports_limit")).toEqual({ "": 60_999 - 32_768 + 1 - 10 });
    expect(world.nonzero("sockscope_accept_queue_connections")).toEqual({ "nginx 0.0.0.0 80": 3 });
    expect(world.nonzero("sockscope_accept_queue_limit_connections")).toEqual({ "nginx 0.0.0.0 80": 128 });
    // The queue of a listener is no bytes.
    expect(world.nonzero("sockscope_receive_queue_bytes")).toEqual({});
  });
});

test("gauges follow the sample, and a state that was seen once keeps its series", () => {
  const world = new MetricsWorld();
  world.names.set(5, "curl");
  world.sample(
    [
      { ...outbound(1, 0), receiveQueue: 7, sendQueue: 9 },
      { cookie: 2, udp: true, drops: 4 },
    ],
    { 1: 5 },
  );
  expect(world.nonzero("sockscope_sockets")).toEqual({ "tcp established": 1, "udp established": 1 });
  expect(world.nonzero("sockscope_receive_queue_bytes")).toEqual({ tcp: 7 });
  expect(world.nonzero("sockscope_send_queue_bytes")).toEqual({ tcp: 9 });
  expect(world.values("sockscope_process_sockets")).toEqual({ "curl established": 1, "none established": 1 });
  world.sample([{ cookie: 2, udp: true, drops: 10 }]);
  expect(world.values("sockscope_sockets")["udp established"]).toBe(1);
  expect(world.values("sockscope_sockets")["tcp established"]).toBe(0);
  expect(world.values("sockscope_process_sockets")).toEqual({ "curl established": 0, "none established": 1 });
  expect(world.nonzero("sockscope_process_dropped_packets")).toEqual({ none: 6 });
});

test("numbers of the kernel", () => {
  const world = new MetricsWorld();
  world.sample([]);
  expect(world.values("sockscope_dropped_packets")).toEqual({
    "accept-queue-full": 11,
    "syn-queue-full": 12,
    "tcp-backlog-full": 13,
    "tcp-receive-queue-full": 14,
    "tcp-checksum": 1,
    "udp-receive-buffer-full": 120,
    "udp-send-buffer-full": 21,
    "udp-checksum": 22,
  });
  expect(world.values("sockscope_memory_bytes")).toEqual({ tcp: 3 * 4096, udp: 4096 });
  expect(world.values("sockscope_tcp_memory_pressure_bytes")).toEqual({ "": 200 * 4096 });
  expect(world.values("sockscope_tcp_memory_limit_bytes")).toEqual({ "": 300 * 4096 });
  expect(world.values("sockscope_tcp_time_wait_sockets")).toEqual({ "": 7 });
  expect(world.values("sockscope_tcp_orphan_limit_sockets")).toEqual({ "": 2000 });
});

test("network namespaces: a cookie is one of its namespace", () => {
  const world = new MetricsWorld();
  const [red, blue] = [1, 2].map((inode) => ({ name: `n${inode}`, pid: undefined, inode }));
  world.sample([]);
  world.sample([
    { ...outbound(1, 100), netns: red! },
    { ...outbound(1, 10), netns: blue! },
  ]);
  expect(world.sum("sockscope_peer_sent_bytes")).toBe(110);
  world.nowMs = HOUR;
  world.event("close", { ...outbound(1, 105), netns: red! }, { netns: red!, newState: SS_TIME_WAIT });
  expect(world.sum("sockscope_peer_sent_bytes")).toBe(115);
});
