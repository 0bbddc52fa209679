import { beforeEach, describe, expect, test } from "bun:test";
import type { Owner } from "../enrich/processes.ts";
import { cookieOf, setCookie } from "../families/inet/made-socket.ts";
import type { InetSocket } from "../families/inet/socket.ts";
import { AF_INET, IPPROTO_TCP } from "../model/family.ts";
import { stateName } from "../model/state.ts";
import type { Coverage, SocketEvent } from "./event.ts";
import { EventJoin } from "./join.ts";
import { bareSocket, withHolder } from "./socket-message.ts";
import type { TableListing } from "./table-listing.ts";
import type { TraceRecord } from "./trace-record.ts";
import { ELSEWHERE, UNPLACED } from "./tracked.ts";

const ESTABLISHED = 1;
const SYN_SENT = 2;
const SYN_RECV = 3;
const FIN_WAIT_1 = 4;
const TIME_WAIT = 6;
const CLOSE = 7;
const CLOSE_WAIT = 8;
const LISTEN = 10;

const CLIENT = 100;
const STRANGER = 200;
const GONE = 300;
const MS = 1e6;

const owner = (pid: number): Owner => ({
  pid,
  tid: pid,
  fd: -1,
  stat: new TextEncoder().encode(`${pid} (p)`),
  processContext: undefined,
  socketContext: undefined,
});
const client = [owner(CLIENT)];
const server = [owner(101)];

let covered: Set<Coverage>;
let events: SocketEvent[];
/** The events as text: `open - SYN-SENT 40000>80 tracefs`. */
let reported: string[];
let join: EventJoin;
let now: number;

function textOf({ kind, oldState, newState, socket, source }: SocketEvent): string {
  const name = (state: number | undefined) => (state === undefined ? "-" : stateName(state));
  return [kind, name(oldState), name(newState), `${socket!.sport}>${socket!.dport}`, source].join(" ");
}

const origin = { protocol: IPPROTO_TCP, describe: () => ({}) };
/** Local address, peer, and no peer. */
const loopback = Uint8Array.of(127, 0, 0, 1, 127, 0, 0, 2, 0, 0, 0, 0);

function ends(sport: number, dport: number) {
  return {
    family: AF_INET,
    bytes: loopback,
    sourceOffset: 0,
    destinationOffset: dport === 0 ? 8 : 4,
    sport,
    dport,
  };
}

/** A socket as sock_diag has it. */
function socketOf(sport: number, dport: number, state: number, cookie: number, inode = 0): InetSocket {
  const socket = bareSocket(ends(sport, dport), state, origin);
  setCookie(socket, cookie);
  return withHolder(socket, { inode, uid: 0 } as InetSocket);
}

function recordOf(
  event: TraceRecord["event"],
  address: number,
  [sport, dport]: readonly [number, number],
  more: Partial<TraceRecord>,
): TraceRecord {
  return {
    event,
    ns: now,
    tid: CLIENT,
    interrupted: false,
    address,
    cookie: 0,
    oldState: 0,
    newState: 0,
    inputInterface: 0,
    error: 0,
    ...ends(sport, dport),
    ...more,
  };
}

function stateRecord(
  address: number,
  pair: readonly [number, number],
  oldState: number,
  newState: number,
): TraceRecord {
  return recordOf("state", address, pair, { oldState, newState });
}

function record(
  event: TraceRecord["event"],
  address: number,
  pair: readonly [number, number],
  more: Partial<TraceRecord> = {},
): void {
  now += MS;
  join.trace(recordOf(event, address, pair, more));
}

function change(
  address: number,
  pair: readonly [number, number],
  from: number,
  to: number,
  tid = CLIENT,
): void {
  record("state", address, pair, { oldState: from, newState: to, tid, interrupted: to === SYN_RECV });
}

/** The time of day minus the trace's clock. */
let offsetMs = 0;
/** How many steps the last listing was taken in. */
let steps = 0;

function list(
  sockets: readonly InetSocket[],
  more: Partial<TableListing> & { baseline?: boolean } = {},
): void {
  const { baseline = false, ...rest } = more;
  now += MS;
  const begun = { place: 0, protocol: IPPROTO_TCP, begunNs: now, timeMs: now / MS, refresh: false, ...rest };
  const listing = join.tables.begin(begun);
  const changed = sockets.filter((socket) => !join.tables.isUnchanged(listing, socket));
  steps = [...join.tables.take({ ...listing, sockets: changed, complete: true, baseline })].length;
}

function advance(afterMs = 0): void {
  now += afterMs * MS;
  join.endRound(now, now / MS + offsetMs);
}

beforeEach(() => {
  covered = new Set<Coverage>(["ends", "tcpStates"]);
  events = [];
  reported = [];
  now = 1000 * MS;
  offsetMs = 0;
  join = newJoin();
});

function newJoin(existing = false): EventJoin {
  return new EventJoin({
    emit(event) {
      events.push(event);
      reported.push(textOf(event));
    },
    origin: () => origin,
    ownersOf: (inode) => (inode === 5 ? server : undefined),
    ownersByThread: (tid) => (tid === CLIENT ? client : undefined),
    placeOfThread: (tid) => (tid === CLIENT ? 0 : tid === STRANGER ? ELSEWHERE : UNPLACED),
    forget: () => undefined,
    covered,
    existing,
    places: () => [0],
    wallMs: (ns) => ns / MS + offsetMs,
  });
}

describe("a connection that a process here opens", () => {
  test("is reported by the trace, and at its end by the destroy event with the facts of both", () => {
    change(1, [0, 80], CLOSE, SYN_SENT);
    change(1, [40000, 80], SYN_SENT, ESTABLISHED);
    change(1, [40000, 80], ESTABLISHED, FIN_WAIT_1);
    change(1, [40000, 80], FIN_WAIT_1, CLOSE);
    record("destroy", 1, [40000, 80], { cookie: 9 });
    advance();
    join.destroyed(0, socketOf(40000, 80, CLOSE, 9), now / MS);
    advance(5000);
    expect(reported).toEqual([
      "open - SYN-SENT 40000>80 tracefs",
      "state SYN-SENT ESTAB 40000>80 tracefs",
      "state ESTAB FIN-WAIT-1 40000>80 tracefs",
      "close FIN-WAIT-1 UNCONN 40000>80 destroy",
    ]);
    expect(events.map(({ owners }) => owners)).toEqual([client, client, client, client]);
    expect(events[3]!.durationMs).toBe(4);
  });

  test.each([3_600_000, -3_600_000])(
    "has its duration although the clock was set by %i ms meanwhile",
    (stepMs) => {
      change(1, [0, 80], CLOSE, SYN_SENT);
      change(1, [40000, 80], SYN_SENT, ESTABLISHED);
      advance();
      // The time of day is derived from the same clock as before, with another offset.
      join.shiftTimes(stepMs);
      offsetMs = stepMs;
      change(1, [40000, 80], ESTABLISHED, FIN_WAIT_1);
      change(1, [40000, 80], FIN_WAIT_1, CLOSE);
      record("destroy", 1, [40000, 80], { cookie: 9 });
      advance();
      join.destroyed(0, socketOf(40000, 80, CLOSE, 9), now / MS + offsetMs);
      expect(events.at(-1)).toMatchObject({ kind: "close", durationMs: 4 });
    },
  );

  test("waits for its local port no longer than necessary", () => {
    change(1, [0, 80], CLOSE, SYN_SENT);
    advance();
    expect(reported).toEqual([]);
    expect(join.wantsPorts(now / MS)).toBe(false);
    expect(join.wantsPorts(now / MS + 100)).toBe(true);
    list([socketOf(40000, 80, SYN_SENT, 9)]);
    advance();
    expect(reported).toEqual(["open - SYN-SENT 40000>80 tracefs"]);
    expect(join.wantsPorts(now / MS + 100)).toBe(false);
  });

  test("is reported without its port if the port stays unknown", () => {
    change(1, [0, 80], CLOSE, SYN_SENT);
    advance(1000);
    expect(reported).toEqual(["open - SYN-SENT 0>80 tracefs"]);
  });

  test("that fails keeps its peer, although the kernel forgets it", () => {
    change(1, [0, 80], CLOSE, SYN_SENT);
    record("reset", 1, [40000, 80], { newState: 0 });
    change(1, [40000, 80], SYN_SENT, CLOSE);
    advance(10);
    record("destroy", 1, [40000, 0], { cookie: 9 });
    join.destroyed(0, socketOf(40000, 0, CLOSE, 9), now / MS);
    expect(reported).toEqual([
      "open - SYN-SENT 40000>80 tracefs",
      "reset - SYN-SENT 40000>80 tracefs",
      "failed SYN-SENT UNCONN 40000>80 tracefs",
      "close UNCONN UNCONN 40000>80 destroy",
    ]);
  });

  test("may be tried again with the same socket", () => {
    change(1, [0, 80], CLOSE, SYN_SENT);
    change(1, [40000, 80], SYN_SENT, CLOSE);
    advance(10);
    change(1, [40000, 81], CLOSE, SYN_SENT);
    expect(reported.slice(-2)).toEqual([
      "failed SYN-SENT UNCONN 40000>80 tracefs",
      "state UNCONN SYN-SENT 40000>81 tracefs",
    ]);
  });
});

describe("a connect that fails", () => {
  const fail = (more: Partial<TraceRecord> = {}) => {
    now += MS;
    join.trace({
      ...stateRecord(1, [40000, 80], SYN_SENT, CLOSE),
      interrupted: true,
      ...more,
    });
  };
  const error = (errno: number) =>
    record("error", 0, [40000, 80], { error: errno, interrupted: true, tid: GONE });
  const failures = () =>
    events
      .filter(({ kind }) => kind === "failed")
      .map(({ failure, durationMs }) => ({ ...failure, durationMs }));

  test.each([
    [111, "refused"],
    [110, "timed out"],
    [113, "unreachable"],
    [104, "reset"],
    [13, "Permission denied"],
  ])("has the reason that the socket reports, here errno %i", (errno, reason) => {
    change(1, [0, 80], CLOSE, SYN_SENT);
    record("retransmit", 1, [40000, 80], { newState: SYN_SENT });
    fail();
    error(errno);
    advance(10);
    expect(failures()).toEqual([{ reason, syns: 2, durationMs: 2 }]);
    expect(events.at(-1)!.owners).toEqual(client);
  });

  test("has the reason as well if the error is reported first", () => {
    change(1, [0, 80], CLOSE, SYN_SENT);
    // Only the record of the change has the socket's port.
    error(113);
    fail();
    advance(10);
    expect(failures()).toEqual([{ reason: "unreachable", syns: 1, durationMs: 2 }]);
  });

  test("without an error was refused by a reset, or abandoned by its process", () => {
    change(1, [0, 80], CLOSE, SYN_SENT);
    record("reset", 1, [40000, 80], { newState: SYN_SENT });
    fail();
    advance(10);
    change(1, [40000, 80], CLOSE, SYN_SENT);
    fail({ interrupted: false });
    advance(10);
    expect(failures().map(({ reason }) => reason)).toEqual(["refused", "abandoned"]);
  });

  test("has its reason, but no count and duration, if its beginning was not seen", () => {
    list([socketOf(40000, 80, SYN_SENT, 9)], { baseline: true });
    fail();
    error(110);
    advance(10);
    expect(failures()).toEqual([{ reason: "timed out", syns: undefined, durationMs: undefined }]);
  });

  test("is reported before its end, even if both come at once", () => {
    change(1, [0, 80], CLOSE, SYN_SENT);
    fail();
    record("destroy", 1, [40000, 0], { cookie: 9 });
    join.destroyed(0, socketOf(40000, 0, CLOSE, 9), now / MS);
    expect(reported.slice(1)).toEqual([
      "failed SYN-SENT UNCONN 40000>80 tracefs",
      "close UNCONN UNCONN 40000>80 destroy",
    ]);
  });
});

describe("a connection that is accepted here", () => {
  const begin = () => {
    change(2, [80, 40000], LISTEN, SYN_RECV, GONE);
    change(2, [80, 40000], SYN_RECV, ESTABLISHED, GONE);
  };

  test("is reported when it is found here, with the owner of the listed socket", () => {
    begin();
    advance();
    expect(reported).toEqual([]);
    const [wanted] = [...join.unplaced(now / MS + 100)];
    expect(wanted!.dport).toBe(40000);
    expect([...join.unplaced(now / MS + 100)]).toEqual([]);
    join.placed(0, socketOf(80, 40000, ESTABLISHED, 8, 5));
    advance();
    expect(reported).toEqual(["open - SYN-RECV 80>40000 tracefs", "state SYN-RECV ESTAB 80>40000 tracefs"]);
    expect(events.map(({ owners }) => owners)).toEqual([server, server]);
    list([socketOf(80, 40000, ESTABLISHED, 8, 5)]);
    expect(reported).toHaveLength(2);
  });

  test("has the owner of its listener until its own is known", () => {
    list([socketOf(80, 0, LISTEN, 1, 5)], { baseline: true });
    begin();
    join.placed(0, socketOf(80, 40000, ESTABLISHED, 8));
    advance();
    expect(events.map(({ owners }) => owners)).toEqual([server, server]);
    change(2, [80, 40000], ESTABLISHED, FIN_WAIT_1, CLIENT);
    advance();
    expect(events.at(-1)!.owners).toEqual(client);
  });

  test("is reported at its end if it ends before it is found", () => {
    begin();
    record("destroy", 2, [80, 40000], { cookie: 8 });
    advance();
    join.destroyed(0, socketOf(80, 40000, CLOSE, 8), now / MS);
    expect(reported).toEqual([
      "open - SYN-RECV 80>40000 tracefs",
      "state SYN-RECV ESTAB 80>40000 tracefs",
      "close ESTAB UNCONN 80>40000 destroy",
    ]);
  });

  test("is not reported if it is not found here", () => {
    begin();
    advance(3000);
    change(2, [80, 40000], ESTABLISHED, CLOSE_WAIT, GONE);
    record("destroy", 2, [80, 40000], { cookie: 8 });
    advance(3000);
    expect(reported).toEqual([]);
  });
});

test("a destroyed socket that nothing else has seen has the owner of its listener", () => {
  list([socketOf(80, 0, LISTEN, 1, 5)], { baseline: true });
  join.destroyed(0, socketOf(80, 40000, CLOSE, 8), now / MS);
  join.destroyed(0, socketOf(81, 40000, CLOSE, 9), now / MS);
  expect(events.map(({ owners }) => owners)).toEqual([server, undefined]);
});

test("sockets that exist at the start become events on request", () => {
  join = newJoin(true);
  list([socketOf(80, 0, LISTEN, 1, 5)], { baseline: true });
  list([socketOf(80, 0, LISTEN, 1, 5)]);
  expect(reported).toEqual(["existing - LISTEN 80>0 sock_diag"]);
  expect(events[0]!.owners).toEqual(server);
});

test("a connection of another namespace is not reported", () => {
  change(3, [0, 80], CLOSE, SYN_SENT, STRANGER);
  change(3, [40000, 80], SYN_SENT, ESTABLISHED, STRANGER);
  record("destroy", 3, [40000, 80], { cookie: 7 });
  advance(3000);
  expect(reported).toEqual([]);
});

test("the memory of a socket of another namespace, whose end was lost, may be that of one of ours", () => {
  change(3, [0, 80], CLOSE, SYN_SENT, STRANGER);
  change(3, [40000, 80], SYN_SENT, ESTABLISHED, STRANGER);
  change(3, [40000, 80], ESTABLISHED, FIN_WAIT_1, STRANGER);
  advance(3000);
  expect(reported).toEqual([]);
  change(3, [0, 443], CLOSE, SYN_SENT);
  change(3, [40001, 443], SYN_SENT, ESTABLISHED);
  advance();
  expect(reported).toEqual(["open - SYN-SENT 40001>443 tracefs", "state SYN-SENT ESTAB 40001>443 tracefs"]);
});

describe("a socket that exists at the start", () => {
  beforeEach(() =>
    list([socketOf(80, 0, LISTEN, 1, 5), socketOf(80, 40000, ESTABLISHED, 2, 5)], { baseline: true }),
  );

  test("is not an event, but its changes are", () => {
    expect(reported).toEqual([]);
    change(4, [80, 40000], ESTABLISHED, CLOSE_WAIT, GONE);
    record("retransmit", 4, [80, 40000], { newState: CLOSE_WAIT });
    list([socketOf(80, 0, LISTEN, 1, 5), socketOf(80, 40000, CLOSE_WAIT, 2, 5)]);
    expect(reported).toEqual([
      "state ESTAB CLOSE-WAIT 80>40000 tracefs",
      "retransmit - CLOSE-WAIT 80>40000 tracefs",
    ]);
    expect(events[0]!.owners).toEqual(server);
  });

  test("ends with its owner and without a duration", () => {
    join.destroyed(0, socketOf(80, 40000, CLOSE, 2), now / MS);
    expect(reported).toEqual(["close ESTAB UNCONN 80>40000 destroy"]);
    expect(events[0]!.owners).toEqual(server);
    expect(events[0]!.durationMs).toBeUndefined();
    expect(events[0]!.socket!.inode).toBe(5);
  });

  test("has ended if listings lack it and no destroy event comes", () => {
    const rest = [socketOf(80, 0, LISTEN, 1, 5)];
    list(rest);
    list(rest);
    expect(reported).toEqual([]);
    list(rest);
    expect(reported).toEqual(["close ESTAB UNCONN 80>40000 sock_diag"]);
    // The destroy event comes after all.
    join.destroyed(0, socketOf(80, 40000, CLOSE, 2), now / MS);
    expect(reported).toHaveLength(1);
  });
});

test("a listing that is older than the last trace record changes nothing", () => {
  change(1, [0, 80], CLOSE, SYN_SENT);
  change(1, [40000, 80], SYN_SENT, ESTABLISHED);
  const before = now;
  change(1, [40000, 80], ESTABLISHED, FIN_WAIT_1);
  list([socketOf(40000, 80, ESTABLISHED, 9)], { begunNs: before });
  advance();
  expect(reported.at(-1)).toBe("state ESTAB FIN-WAIT-1 40000>80 tracefs");
  expect(reported).toHaveLength(3);
});

test("a socket that is known only from its destroy event is reported once", () => {
  join.destroyed(0, socketOf(50000, 80, CLOSE, 33), now / MS);
  expect(reported).toEqual(["close - UNCONN 50000>80 destroy"]);
});

test("an end without a destroy event is reported by the trace, and only once", () => {
  change(1, [0, 80], CLOSE, SYN_SENT);
  change(1, [40000, 80], SYN_SENT, CLOSE);
  record("destroy", 1, [40000, 80], { cookie: 9 });
  advance(2000);
  expect(reported.at(-1)).toBe("close UNCONN UNCONN 40000>80 tracefs");
  join.destroyed(0, socketOf(40000, 80, CLOSE, 9), now / MS);
  expect(reported).toHaveLength(3);
});

test("a socket at the memory address of an earlier one is not mistaken for it", () => {
  change(1, [0, 80], CLOSE, SYN_SENT);
  change(1, [40000, 80], SYN_SENT, ESTABLISHED);
  // The record of its end was lost.
  change(1, [80, 50000], LISTEN, SYN_RECV, GONE);
  change(1, [80, 50000], SYN_RECV, ESTABLISHED, GONE);
  join.placed(0, socketOf(80, 50000, ESTABLISHED, 8, 5));
  advance();
  expect(reported.slice(2)).toEqual([
    "open - SYN-RECV 80>50000 tracefs",
    "state SYN-RECV ESTAB 80>50000 tracefs",
  ]);
});

describe("without destroy events and trace, listings", () => {
  beforeEach(() => {
    covered = new Set<Coverage>();
    join = newJoin();
    list([], { baseline: true });
  });

  test("report new sockets, changes and ends", () => {
    list([socketOf(40000, 80, SYN_SENT, 9)]);
    list([socketOf(40000, 80, ESTABLISHED, 9)]);
    list([socketOf(40000, 80, ESTABLISHED, 9)]);
    list([]);
    list([]);
    list([]);
    expect(reported).toEqual([
      "open - SYN-SENT 40000>80 sock_diag",
      "state SYN-SENT ESTAB 40000>80 sock_diag",
      "close ESTAB UNCONN 40000>80 sock_diag",
    ]);
  });

  test("report an end once, however long its TIME-WAIT is listed", () => {
    list([socketOf(40000, 80, ESTABLISHED, 9)]);
    for (let count = 0; count < 4; count++) list([socketOf(40000, 80, TIME_WAIT, 9)]);
    list([]);
    list([]);
    expect(reported).toEqual(["open - ESTAB 40000>80 sock_diag", "close ESTAB TIME-WAIT 40000>80 sock_diag"]);
  });

  test("report a connection that is listed only in TIME-WAIT", () => {
    for (let count = 0; count < 3; count++) list([socketOf(40000, 80, TIME_WAIT, 9)]);
    expect(reported).toEqual(["close - TIME-WAIT 40000>80 sock_diag"]);
  });
});

test("reads the cookie that was written", () => {
  const socket = socketOf(1, 2, ESTABLISHED, 0x1_2345_6789);
  expect(cookieOf(socket)).toBe(0x1_2345_6789);
});

test("a listing is taken in steps of a socket, so that signals are let in", () => {
  const sockets = Array.from({ length: 50 }, (_, index) =>
    socketOf(1000 + index, 80, ESTABLISHED, index + 1),
  );
  list(sockets, { baseline: true });
  expect(steps).toBe(50);
  list(sockets.slice(0, 1));
  // The missing sockets are scanned, too; the one that is as before is quiet.
  expect(steps).toBe(49);
});
