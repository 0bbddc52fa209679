import { describe, expect, test } from "bun:test";
import { EAGAIN, EINTR, EMSGSIZE, type Libc } from "../native/libc.ts";
import { NETLINK_SOCK_DIAG } from "./constants.ts";
import { NetlinkError } from "./errors.ts";
import { liveTransport } from "./live.ts";

const EPERM = 1;
const ENOMEM = 12;
const ENOPROTOOPT = 92;
const MSG_PEEK = 0x02;

/** A datagram queued at a fake socket, or the errno of the next receive. */
type Waiting = { readonly bytes: Uint8Array; readonly sender?: number } | { readonly errno: number };

/** A fake kernel: returns the queued datagrams, and logs the calls by name. */
function fakeLibc(waiting: Waiting[], overrides: Partial<Libc> = {}) {
  const calls: string[] = [];
  const record =
    (name: string, result: number) =>
    (...values: unknown[]): number => {
      calls.push(
        `${name} ${values.map((value) => (value instanceof Uint8Array ? `[${value}]` : value)).join(" ")}`,
      );
      return result;
    };
  const libc: Partial<Libc> = {
    socket: record("socket", 7),
    setsockopt: record("setsockopt", 0),
    bind: record("bind", 0),
    getsockname(_fd, address) {
      new DataView(address.buffer).setUint32(4, 4242, true);
      return 12;
    },
    send: record("send", 16),
    close: record("close", 0),
    recvfrom(_fd, buffer, flags, address) {
      const next = waiting[0];
      if (next === undefined) throw new Error("Cannot receive: nothing waits");
      if ("errno" in next) {
        waiting.shift();
        return -next.errno;
      }
      if (address !== null) new DataView(address.buffer).setUint32(4, next.sender ?? 0, true);
      buffer?.set(next.bytes.subarray(0, buffer.length));
      if ((flags & MSG_PEEK) === 0) waiting.shift();
      return next.bytes.length;
    },
    ...overrides,
  };
  return { libc: libc as Libc, calls };
}

const allocate = (size: number) => new Uint8Array(size);

/** The error that `body` throws. */
function errorOf(body: () => unknown): NetlinkError {
  try {
    body();
  } catch (error) {
    if (error instanceof NetlinkError) return error;
    throw error;
  }
  throw new Error("Nothing was thrown");
}

describe("liveTransport().open()", () => {
  test("opens the socket like ss, with a larger buffer for events", () => {
    const { libc, calls } = fakeLibc([]);
    expect(liveTransport(libc).open(NETLINK_SOCK_DIAG, 0b101).portId).toBe(4242);
    expect(calls).toEqual([
      "socket 16 524291 4",
      "setsockopt 7 1 7 [0,128,0,0]",
      "setsockopt 7 1 8 [0,0,0,2]",
      "setsockopt 7 1 33 [0,0,0,2]",
      "setsockopt 7 270 11 [1,0,0,0]",
      "bind 7 [16,0,0,0,0,0,0,0,5,0,0,0]",
    ]);
  });

  test("throws the errno of the failed call, and leaves no descriptor open", () => {
    const cases: [string, Partial<Libc>, string[]][] = [
      ["socket", { socket: () => -EPERM }, []],
      ["setsockopt", { setsockopt: () => -EPERM }, ["close 7"]],
      ["bind", { bind: () => -EPERM }, ["close 7"]],
      ["getsockname", { getsockname: () => -EPERM }, ["close 7"]],
    ];
    for (const [operation, overrides, closed] of cases) {
      const { libc, calls } = fakeLibc([], overrides);
      const error = errorOf(() => liveTransport(libc).open(NETLINK_SOCK_DIAG));
      expect([error.operation, error.errno]).toEqual([operation, EPERM]);
      expect(calls.filter((call) => call.startsWith("close"))).toEqual(closed);
    }
  });

  test("works without extended acknowledgements if the kernel has none", () => {
    const SOL_NETLINK = 270;
    const setsockopt: Libc["setsockopt"] = (_fd, level) => (level === SOL_NETLINK ? -ENOPROTOOPT : 0);
    expect(liveTransport(fakeLibc([], { setsockopt }).libc).open(NETLINK_SOCK_DIAG).portId).toBe(4242);
  });
});

describe("receive()", () => {
  const open = (waiting: Waiting[], overrides?: Partial<Libc>) =>
    liveTransport(fakeLibc(waiting, overrides).libc).open(NETLINK_SOCK_DIAG);

  test("returns a subarray of a buffer of at least 32 KiB", () => {
    const socket = open([{ bytes: Uint8Array.of(1, 2, 3) }, { bytes: new Uint8Array(40_000).fill(9) }]);
    const sizes: number[] = [];
    const buffer = new Uint8Array(40_000);
    const reuse = (size: number) => {
      sizes.push(size);
      return buffer;
    };
    const first = socket.receive(reuse);
    expect([...first]).toEqual([1, 2, 3]);
    expect(first.buffer).toBe(buffer.buffer);
    expect(socket.receive(reuse)).toEqual(new Uint8Array(40_000).fill(9));
    expect(sizes).toEqual([32768, 40_000]);
  });

  test("retries on EINTR and EAGAIN, before and after the peek", () => {
    const waiting: Waiting[] = [{ errno: EINTR }, { errno: EAGAIN }, { bytes: Uint8Array.of(5) }];
    expect([...open(waiting).receive(allocate)]).toEqual([5]);
    const late: Waiting[] = [{ bytes: Uint8Array.of(6) }];
    const interrupting = (size: number) => {
      late.unshift({ errno: EINTR }, { errno: EAGAIN });
      return new Uint8Array(size);
    };
    expect([...open(late).receive(interrupting)]).toEqual([6]);
  });

  test("ignores datagrams of other processes, without allocating a buffer", () => {
    const waiting: Waiting[] = [
      { bytes: Uint8Array.of(1), sender: 99 },
      { bytes: new Uint8Array(0), sender: 99 },
      { bytes: Uint8Array.of(2) },
    ];
    let buffers = 0;
    const counting = (size: number) => {
      buffers++;
      return new Uint8Array(size);
    };
    expect([...open(waiting).receive(counting)]).toEqual([2]);
    expect(buffers).toBe(1);
  });

  test("throws EMSGSIZE for a datagram that did not fit", () => {
    const error = errorOf(() => open([{ bytes: new Uint8Array(20) }]).receive(() => new Uint8Array(10)));
    expect([error.operation, error.errno, error.detail]).toEqual([
      "recv",
      EMSGSIZE,
      "20 bytes do not fit into 10",
    ]);
  });

  test("throws every other errno", () => {
    const error = errorOf(() => open([{ errno: ENOMEM }]).receive(allocate));
    expect([error.operation, error.errno]).toEqual(["recv", ENOMEM]);
  });
});

describe("receiveInto()", () => {
  const receiveInto = (waiting: Waiting[], buffer: Uint8Array) =>
    liveTransport(fakeLibc(waiting).libc).open(NETLINK_SOCK_DIAG).receiveInto!(buffer);

  test("gives what the kernel sent, as a subarray of the buffer, and nothing that another process sent", () => {
    const buffer = new Uint8Array(16);
    const waiting: Waiting[] = [
      { bytes: new Uint8Array(20).fill(1), sender: 99 },
      { errno: EINTR },
      { bytes: Uint8Array.of(2, 3) },
    ];
    const datagram = receiveInto(waiting, buffer);
    expect([...datagram]).toEqual([2, 3]);
    expect(datagram.buffer).toBe(buffer.buffer);
    expect(waiting).toEqual([]);
  });

  test("throws EMSGSIZE for a datagram that did not fit", () => {
    const error = errorOf(() => receiveInto([{ bytes: new Uint8Array(20) }], new Uint8Array(10)));
    expect([error.operation, error.errno]).toEqual(["recv", EMSGSIZE]);
  });
});

describe("send() and close()", () => {
  test("send() retries on EINTR and throws every other errno", () => {
    const answers = [-EINTR, 16, -ENOMEM];
    const { libc } = fakeLibc([], { send: () => answers.shift() ?? 0 });
    const socket = liveTransport(libc).open(NETLINK_SOCK_DIAG);
    socket.send(new Uint8Array(16));
    expect(answers).toEqual([-ENOMEM]);
    const error = errorOf(() => socket.send(new Uint8Array(16)));
    expect([error.operation, error.errno]).toEqual(["send", ENOMEM]);
  });

  test("a second close() does not touch the descriptor again", () => {
    const { libc, calls } = fakeLibc([]);
    const socket = liveTransport(libc).open(NETLINK_SOCK_DIAG);
    socket.close();
    socket.close();
    expect(calls.filter((call) => call.startsWith("close"))).toEqual(["close 7", "close -1"]);
  });
});
