import { beforeEach, describe, expect, test } from "bun:test";
import type { Owner } from "../enrich/processes.ts";
import { AF_INET, IPPROTO_UDP } from "../model/family.ts";
import type { ConntrackFlow } from "./conntrack-decode.ts";
import type { SocketEvent } from "./event.ts";
import { UdpFlows } from "./flows.ts";
import type { TraceRecord } from "./trace-record.ts";

const here = { place: 0, origin: { protocol: IPPROTO_UDP, describe: () => ({}) } };
const owners: readonly Owner[] = [
  { pid: 7, tid: 7, fd: -1, stat: new Uint8Array(0), processContext: undefined, socketContext: undefined },
];

/** Addresses and ports of a flow; the local address is not chosen yet when its route is looked up. */
function ends(sport: number, dport: number, known: boolean) {
  const bytes = Uint8Array.of(...(known ? [127, 0, 0, 1] : [0, 0, 0, 0]), 127, 0, 0, 2);
  return { family: AF_INET, bytes, sourceOffset: 0, destinationOffset: 4, sport, dport };
}

function route(sport: number, dport: number, more: Partial<TraceRecord> = {}): TraceRecord {
  return {
    event: "route",
    ns: 0,
    tid: 7,
    interrupted: false,
    address: 0,
    cookie: 0,
    oldState: 0,
    newState: 0,
    inputInterface: 1,
    error: 0,
    ...ends(sport, dport, false),
    ...more,
  };
}

function tracked(begins: boolean, id: number, more: Partial<ConntrackFlow> = {}): ConntrackFlow {
  return { begins, id, counters: undefined, ...ends(1234, 53, true), ...more };
}

let events: SocketEvent[];
let flows: UdpFlows;
const words = () => events.map(({ kind, source, timeMs }) => `${kind} ${source} ${timeMs}`);

beforeEach(() => {
  events = [];
  flows = new UdpFlows((event) => events.push(event));
});

describe("route lookups", () => {
  test("report a flow once, and again after it was idle", () => {
    for (const timeMs of [0, 10, 20_000, 45_000, 80_000]) flows.routed(route(1234, 53), timeMs, owners, here);
    expect(words()).toEqual(["flow fib 0", "flow fib 80000"]);
    expect(events[0]!.owners).toEqual(owners);
  });

  test("with another port, peer or thread begin another flow", () => {
    flows.routed(route(1234, 53), 0, owners, here);
    flows.routed(route(1235, 53), 1, owners, here);
    flows.routed(route(1234, 54), 2, owners, here);
    flows.routed(route(1234, 53, { tid: 8 }), 3, owners, here);
    expect(words()).toEqual(["flow fib 0", "flow fib 1", "flow fib 2", "flow fib 3"]);
  });

  test("keep the sender of a port as long as its socket lives", () => {
    flows.routed(route(1234, 53), 0, owners, here);
    expect(flows.ownersOf(0, 1234, false)).toEqual(owners);
    expect(flows.ownersOf(1, 1234, false)).toBeUndefined();
    expect(flows.ownersOf(0, 1234, true)).toEqual(owners);
    expect(flows.ownersOf(0, 1234, false)).toBeUndefined();
  });

  test("of forwarded packets, or without a port, belong to no process", () => {
    expect(UdpFlows.isOwn(route(1, 53))).toBe(true);
    expect(UdpFlows.isOwn(route(1, 53, { inputInterface: 0 }))).toBe(true);
    expect(UdpFlows.isOwn(route(1, 53, { inputInterface: 3 }))).toBe(false);
    expect(UdpFlows.isOwn(route(1, 53, { interrupted: true }))).toBe(false);
    expect(UdpFlows.isOwn(route(1, 0))).toBe(false);
  });
});

describe("conntrack", () => {
  test("reports the beginning and the end, with the flow's counters", () => {
    const counters = { packetsSent: 1, bytesSent: 64, packetsReceived: 2, bytesReceived: 128 };
    flows.tracked(tracked(true, 5), 10, owners, here);
    flows.tracked(tracked(false, 5, { counters }), 40, owners, here);
    expect(words()).toEqual(["flow conntrack 10", "flow-end conntrack 40"]);
    expect(events[1]).toMatchObject({ durationMs: 30, counters });
  });

  test("has no duration for a flow that existed at the start", () => {
    flows.tracked(tracked(false, 5), 40, undefined, here);
    expect(events[0]!.durationMs).toBeUndefined();
  });

  test("does not report again what a route lookup has reported", () => {
    flows.routed(route(1234, 53), 0, owners, here);
    flows.tracked(tracked(true, 5), 10, owners, here);
    flows.tracked(tracked(false, 5), 40, owners, here);
    expect(words()).toEqual(["flow fib 0", "flow-end conntrack 40"]);
  });
});
