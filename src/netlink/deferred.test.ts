import { describe, expect, test } from "bun:test";
import { EAGAIN, EINTR, EMSGSIZE, type Libc } from "../native/libc.ts";
import { NETLINK_SOCK_DIAG } from "./constants.ts";
import { offThreadTransport, pollingTransport } from "./deferred.ts";
import { NetlinkError } from "./errors.ts";
import { type DeferredTransport, type NetlinkSocket, pending } from "./transport.ts";

const EBADF = 9;
const ENOBUFS = 105;
const MSG_PEEK = 0x02;
const MSG_DONTWAIT = 0x40;

/** A datagram that waits at a fake socket, or an errno that the next receive meets. */
type Waiting = { readonly bytes: Uint8Array; readonly sender?: number } | { readonly errno: number };

/** A fake kernel: gives what waits, EAGAIN for what does not, and notes which descriptors are closed. */
function fakeLibc(waiting: Waiting[]) {
  const closed: number[] = [];
  const recvfrom: Libc["recvfrom"] = (_, buffer, flags, address) => {
    const next = waiting[0];
    if (next === undefined) return -EAGAIN;
    if ("errno" in next) {
      waiting.shift();
      return -next.errno;
    }
    if (address !== null) new DataView(address.buffer).setUint32(4, next.sender ?? 0, true);
    buffer?.set(next.bytes.subarray(0, buffer.length));
    if ((flags & MSG_PEEK) === 0) waiting.shift();
    return next.bytes.length;
  };
  const sends: number[] = [];
  const libc: Partial<Libc> = {
    socket: () => 7,
    setsockopt: () => 0,
    bind: () => 0,
    getsockname: () => 12,
    close: (fd) => closed.push(fd),
    recvfrom,
    recvfromAsync: async (...values) => recvfrom(...values),
    sendAsync: async () => sends.shift() ?? 16,
  };
  return { libc: libc as Libc, closed, sends };
}

const allocate = (size: number) => new Uint8Array(size);

/** Receives like a driver: after a pending result, tries again when something has arrived. */
async function receive(transport: DeferredTransport, socket: NetlinkSocket): Promise<number[]> {
  for (;;) {
    const datagram = socket.receive(allocate);
    if (datagram !== pending) return [...datagram];
    await transport.arrival();
  }
}

/** The operation and errno of the NetlinkError that a promise ends in. */
async function refusal(promise: Promise<unknown>): Promise<readonly [string, number]> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof NetlinkError) return [error.operation, error.errno];
  }
  throw new Error("No NetlinkError was thrown");
}

describe("offThreadTransport()", () => {
  const open = (waiting: Waiting[]) => {
    const fake = fakeLibc(waiting);
    const transport = offThreadTransport(fake.libc);
    return { ...fake, transport, socket: transport.open(NETLINK_SOCK_DIAG) };
  };

  test("returns datagrams in order, each after a pending result", async () => {
    const { transport, socket } = open([{ bytes: Uint8Array.of(1, 2) }, { bytes: new Uint8Array(40_000) }]);
    expect(socket.receive(allocate)).toBe(pending);
    expect(await receive(transport, socket)).toEqual([1, 2]);
    expect(socket.receive(allocate)).toBe(pending);
    expect(await receive(transport, socket)).toHaveLength(40_000);
  });

  test("retries on EINTR, and ignores datagrams of other processes", async () => {
    const waiting: Waiting[] = [
      { errno: EINTR },
      { bytes: Uint8Array.of(1), sender: 99 },
      { errno: EINTR },
      { bytes: Uint8Array.of(2) },
    ];
    const { transport, socket, sends } = open(waiting);
    sends.push(-EINTR, 16);
    socket.send(new Uint8Array(16));
    expect(await receive(transport, socket)).toEqual([2]);
    expect(sends).toEqual([]);
  });

  test("throws the error of an earlier send or receive from receive, and continues", async () => {
    const { transport, socket, sends } = open([{ errno: ENOBUFS }, { bytes: Uint8Array.of(3) }]);
    expect(await refusal(receive(transport, socket))).toEqual(["recv", ENOBUFS]);
    sends.push(-EBADF);
    socket.send(new Uint8Array(16));
    expect(await refusal(receive(transport, socket))).toEqual(["send", EBADF]);
    expect(await receive(transport, socket)).toEqual([3]);
  });

  test("throws if a datagram does not fit into its buffer", async () => {
    const { transport, socket } = open([{ bytes: new Uint8Array(20) }]);
    expect(socket.receive(() => new Uint8Array(10))).toBe(pending);
    await transport.arrival();
    expect(() => socket.receive(allocate)).toThrow(
      new NetlinkError("recv", EMSGSIZE, "20 bytes do not fit into 10"),
    );
  });

  test("closes the descriptor once, and not during a call", async () => {
    const idle = open([]);
    idle.socket.close();
    idle.socket.close();
    expect(idle.closed).toEqual([7]);
    const busy = open([{ bytes: Uint8Array.of(1) }]);
    busy.socket.receive(allocate);
    busy.socket.close();
    expect(busy.closed).toEqual([]);
    await busy.transport.arrival();
    expect(busy.closed).toEqual([7]);
  });
});

describe("pollingTransport()", () => {
  test("never blocks in a call, and polls again after an arrival", async () => {
    const waiting: Waiting[] = [{ errno: EAGAIN }, { errno: EINTR }, { bytes: Uint8Array.of(1), sender: 99 }];
    const { libc } = fakeLibc(waiting);
    const flags: number[] = [];
    const { recvfrom } = libc;
    libc.recvfrom = (fd, buffer, given, address) => {
      flags.push(given);
      return recvfrom(fd, buffer, given, address);
    };
    const transport = pollingTransport(libc);
    const socket = transport.open(NETLINK_SOCK_DIAG, 1);
    expect(socket.receive(allocate)).toBe(pending);
    expect(socket.receive(allocate)).toBe(pending);
    waiting.push({ bytes: Uint8Array.of(4) });
    expect(await receive(transport, socket)).toEqual([4]);
    expect(flags.every((given) => (given & MSG_DONTWAIT) !== 0)).toBe(true);
    socket.close();
  });

  test("throws ENOBUFS if events were lost", () => {
    const socket = pollingTransport(fakeLibc([{ errno: ENOBUFS }]).libc).open(NETLINK_SOCK_DIAG, 1);
    expect(() => socket.receive(allocate)).toThrow(new NetlinkError("recv", ENOBUFS));
  });
});
