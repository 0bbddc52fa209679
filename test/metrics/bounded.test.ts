/** The number of series is bounded, whatever strangers do. */
import { expect, test } from "bun:test";
import { setCookie } from "../../src/families/inet/made-socket.ts";
import { FEWEST_SERIES, SERIES_LIMIT } from "../../src/metrics/limits.ts";
import { SS_CLOSE, SS_LISTEN } from "../../src/model/state.ts";
import { inetSocket, type SocketLike } from "../live/sockets.ts";
import { MetricsWorld, ownerNamed } from "./world.ts";

const MINUTE = 60_000;
const PEERS = 1_000_000;

test("a million peers in ten minutes add no series, and each of their bytes is counted", () => {
  const world = new MetricsWorld();
  world.names.set(3, "nginx");
  const listener: SocketLike = {
    cookie: 1,
    state: SS_LISTEN,
    local: [0, 0, 0, 0],
    localPort: 80,
    peerPort: 0,
  };
  const steady: SocketLike[] = Array.from({ length: 60 }, (_, index) => ({
    cookie: 10 + index,
    local: [10, 0, 0, 1],
    peer: [10, 0, 1, index],
    localPort: 80,
    peerPort: 50_000,
    info: { bytesAcked: 1_000_000 + index, rtt: 500 },
  }));
  const socket = inetSocket({
    cookie: 1000,
    local: [10, 0, 0, 1],
    localPort: 80,
    peerPort: 50_001,
    info: { bytesAcked: 3, bytesReceived: 2, bytesSent: 3, rtt: 700, totalRetrans: 0 },
  });
  const { data, destinationOffset } = socket;
  const owners = [ownerNamed("nginx", 3)];
  const event = {
    timeMs: 0,
    kind: "close",
    source: "destroy",
    socket,
    owners,
    oldState: 5,
    newState: SS_CLOSE,
  } as const;
  world.sample([listener, ...steady], { 1: 3 });
  const take = (peer: number) => {
    data.setUint32(destinationOffset, 0x0b00_0000 + peer);
    setCookie(socket, 1000 + peer);
    world.metrics.takeEvent({ ...event, durationMs: 20 });
  };
  take(PEERS);
  const before = world.series();
  for (let peer = 0; peer < PEERS; peer++) {
    world.nowMs = (peer / PEERS) * 10 * MINUTE;
    take(peer);
    if (peer % (PEERS / 40) !== 0) continue;
    world.sample([listener, ...steady], { 1: 3 });
    expect(world.series()).toBe(before);
  }

  expect(world.series()).toBe(before);
  expect(before).toBeLessThan(SERIES_LIMIT);
  expect(world.sum("sockscope_peer_sent_bytes")).toBe(3 * (PEERS + 1));
  expect(world.sum("sockscope_process_received_bytes")).toBe(2 * (PEERS + 1));
  expect(world.nonzero("sockscope_tcp_connections_closed")).toEqual({ "inbound network fin": PEERS + 1 });
  expect(world.values("sockscope_series_folded")["peer"]).toBeGreaterThanOrEqual(PEERS);
  expect(world.nonzero("sockscope_tracked_connections")).toEqual({ "": steady.length });
});

test("the hard limit of series holds for any limit, with as many of everything as there is room for", () => {
  for (const seriesLimit of [FEWEST_SERIES, 1200, SERIES_LIMIT]) {
    const world = new MetricsWorld({ seriesLimit });
    const likes: SocketLike[] = [];
    const pids: Record<number, number> = {};
    for (let index = 0; index < 200; index++) {
      world.names.set(index + 1, `process ${index}`);
      for (let state = 1; state < 14; state++) {
        const cookie = 1 + index * 20 + state;
        pids[cookie] = index + 1;
        likes.push({
          cookie,
          state,
          local: [10, 0, 0, 1],
          localPort: 1000 + cookie,
          peer: [10, 1, state, index],
          peerPort: state === SS_LISTEN ? 0 : 40_000,
          drops: 1,
          info: { bytesAcked: 1, bytesReceived: 1, totalRetrans: 1 },
        });
      }
    }
    world.sample([], {});
    world.sample(likes, pids);
    for (const like of likes) {
      const owners = [ownerNamed(`process ${pids[like.cookie]! - 1}`)];
      world.event("failed", like, { owners, failure: { reason: `error ${like.cookie}`, syns: 1 } });
      world.event("close", like, { owners, newState: like.state!, durationMs: 1 });
      world.event("lost", like, { source: "destroy", count: 2 });
    }
    const limit = world.sum("sockscope_series_limit");
    expect(limit).toBe(seriesLimit);
    expect(world.series()).toBeLessThanOrEqual(limit);
    expect(world.sum("sockscope_series")).toBe(world.series());
    // Folded or not, nothing is missing.
    expect(world.sum("sockscope_process_sockets")).toBe(likes.length);
    expect(world.sum("sockscope_process_connect_failures")).toBe(likes.length);
    expect(world.sum("sockscope_peer_connect_failures")).toBe(likes.length);
    expect(world.sum("sockscope_process_sent_bytes")).toBe(world.sum("sockscope_tcp_sent_bytes"));
    expect(world.sum("sockscope_accept_queue_connections")).toBe(0);
    expect(world.values("sockscope_events_lost")).toEqual({ destroy: 2 * likes.length, tracefs: 0 });
  }
});
