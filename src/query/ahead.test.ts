import { describe, expect, test } from "bun:test";
import type { Files, Host } from "../host/host.ts";
import type { Place } from "../lookup/places.ts";
import type { NetlinkSocket } from "../netlink/transport.ts";
import { type DumpsAhead, dumpsAhead } from "./ahead.ts";

const REQUEST = Uint8Array.of(1, 2, 3);
const LIMITS = "Max open files            1024                 1024                 files\n";
const IDLE = "sockets: used 4\nTCP: inuse 0 orphan 0 tw 0 alloc 0 mem 0\n";
const BUSY = "sockets: used 4\nTCP: inuse 1 orphan 0 tw 0 alloc 0 mem 0\n";

/** What a test wants of the namespaces. */
interface Wanted {
  readonly limits?: string;
  /** Namespaces without connections. */
  readonly idle?: readonly number[];
  /** Namespaces where no socket can be opened. */
  readonly closed?: readonly number[];
  /** Whether there are no threads. */
  readonly single?: boolean;
}

/** Namespaces that log what is done with their netlink sockets. */
function placesOf(count: number, log: string[], wanted: Wanted = {}): Place[] {
  const { limits = LIMITS, idle = [], closed = [], single = false } = wanted;
  return Array.from({ length: count }, (_, index): Place => {
    const files = {
      read(path: string) {
        const text = path.endsWith("limits")
          ? limits
          : path.endsWith("6")
            ? "TCP6: inuse 0\n"
            : idle.includes(index)
              ? IDLE
              : BUSY;
        return new TextEncoder().encode(text);
      },
    } as Files;
    const open = (): NetlinkSocket => {
      if (closed.includes(index)) throw new Error("no socket");
      log.push(`open ${index}`);
      return {
        portId: 100 + index,
        send: (request) => log.push(`send ${index} ${request.join("")}`),
        ...(single
          ? {}
          : {
              beginSend(request) {
                log.push(`begin ${index} ${request.join("")}`);
                return () => log.push(`finish ${index}`);
              },
            }),
        receive: (allocate) => allocate(1),
        close: () => log.push(`close ${index}`),
      };
    };
    return { host: { transport: { open }, files } as unknown as Host };
  });
}

/** Lists places as a query does. */
function listAll(ahead: DumpsAhead, count: number, requestOf = (_index: number) => REQUEST): void {
  for (let index = 0; index < count; index++) {
    const socket = ahead.at(index).transport.open(4);
    socket.send(requestOf(index));
    expect(socket.portId).toBe(100 + index);
    socket.receive(() => new Uint8Array(1));
    socket.close();
  }
}

const width = Math.min(navigator.hardwareConcurrency, 16);

describe.skipIf(width < 2)("dumpsAhead()", () => {
  const COUNT = width + 3;

  test("begins as many dumps as there are processors, and finishes each in its turn", () => {
    const log: string[] = [];
    using ahead = dumpsAhead(placesOf(COUNT, log))!;
    listAll(ahead, COUNT);
    const expected = ["open 0"];
    for (let index = 1; index <= width; index++) expected.push(`open ${index}`, `begin ${index} 123`);
    expected.push("send 0 123", "close 0");
    expect(log.slice(0, expected.length)).toEqual(expected);
    for (const what of ["open", "finish", "close"])
      expect(log.filter((line) => line.startsWith(what))).toEqual(
        Array.from({ length: COUNT }, (_, index) => `${what} ${index}`).slice(what === "finish" ? 1 : 0),
      );
    let most = 0;
    let under = 0;
    for (const line of log) {
      if (line.startsWith("begin")) under++;
      if (line.startsWith("finish")) under--;
      most = Math.max(most, under);
    }
    // The one whose turn it is, and the next ones.
    expect(most).toBe(width + 1);
  });

  test("leaves out namespaces without connections and those that cannot be entered", () => {
    const log: string[] = [];
    using ahead = dumpsAhead(placesOf(COUNT, log, { idle: [1], closed: [2] }))!;
    ahead.at(0).transport.open(4).send(REQUEST);
    expect(log.slice(0, 3)).toEqual(["open 0", "open 3", "begin 3 123"]);
    expect([ahead.at(1).begun, ahead.at(2).begun, ahead.at(3).begun]).toEqual([false, false, true]);
    expect(() => ahead.at(2).transport.open(4)).toThrow("no socket");
  });

  test("sends a request that differs on a socket of its own, and begins no more", () => {
    const log: string[] = [];
    using ahead = dumpsAhead(placesOf(COUNT, log))!;
    listAll(ahead, COUNT, (index) => (index === 1 ? Uint8Array.of(9) : REQUEST));
    const second = log.indexOf("finish 1");
    expect(log.slice(second, second + 4)).toEqual(["finish 1", "close 1", "open 1", "send 1 9"]);
    expect(log.filter((line) => line.startsWith("begin"))).toHaveLength(width);
    expect(log.filter((line) => line.startsWith("open"))).toHaveLength(COUNT + 1);
    expect(log.filter((line) => line.startsWith("close"))).toHaveLength(COUNT + 1);
  });

  test("ends dumps that nobody takes", () => {
    const log: string[] = [];
    {
      using ahead = dumpsAhead(placesOf(COUNT, log))!;
      ahead.at(0).transport.open(4).send(REQUEST);
      ahead.at(1).transport.open(4).close();
    }
    for (let index = 1; index <= width; index++)
      expect(log.filter((line) => line.endsWith(` ${index}`))).toEqual([
        `open ${index}`,
        `finish ${index}`,
        `close ${index}`,
      ]);
  });

  test("sends as usual without threads", () => {
    const log: string[] = [];
    using ahead = dumpsAhead(placesOf(COUNT, log, { single: true }))!;
    listAll(ahead, COUNT);
    expect(log.slice(0, 4)).toEqual(["open 0", "open 1", "close 1", "send 0 123"]);
    expect(log.filter((line) => line.startsWith("send"))).toHaveLength(COUNT);
  });

  test("does not pay for few namespaces, and needs descriptors", () => {
    expect(dumpsAhead(placesOf(3, []))).toBeUndefined();
    expect(dumpsAhead(placesOf(COUNT, [], { limits: LIMITS.replace("1024", "64") }))).toBeUndefined();
  });
});
