import { dlopen } from "bun:ffi";
import { describe, expect, test } from "bun:test";
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { constants } from "node:os";
import { libc } from "#libc";
import { readField, writeField } from "../../src/bytes/layout.ts";
import { UNIX_DIAG_REQUEST_SIZE, unixDiagMessage, unixDiagRequest } from "../../src/families/unix/layout.ts";
import { AF_UNIX } from "../../src/model/family.ts";
import {
  AF_NETLINK,
  NETLINK_ROUTE,
  NETLINK_SOCK_DIAG,
  NLM_F_ACK,
  NLM_F_REQUEST,
  NLMSG_NOOP,
  SOCK_DIAG_BY_FAMILY,
} from "../../src/netlink/constants.ts";
import { dump, encodeDumpRequest } from "../../src/netlink/dump.ts";
import { NetlinkError } from "../../src/netlink/errors.ts";
import { liveTransport } from "../../src/netlink/live.ts";
import { encodeMessage } from "../../src/netlink/message.ts";
import type { NetlinkSocket } from "../../src/netlink/transport.ts";

const { ECONNREFUSED, EPROTONOSUPPORT } = constants.errno;
const SOCK_STREAM = 1;
const SOCK_RAW = 3;
const O_CLOEXEC = 0o2000000;
const transport = liveTransport();
const allocate = (size: number) => new Uint8Array(size);

/** Opens as many sockets, runs `body` with them, closes them. */
function withSockets(count: number, body: (sockets: NetlinkSocket[]) => void): void {
  const sockets = Array.from({ length: count }, () => transport.open(NETLINK_SOCK_DIAG));
  try {
    body(sockets);
  } finally {
    for (const socket of sockets) socket.close();
  }
}

/** A message that does nothing but asks for an acknowledgement. */
function noop(sequence: number): Uint8Array {
  const flags = NLM_F_REQUEST | NLM_F_ACK;
  return encodeMessage({ type: NLMSG_NOOP, flags, sequence, portId: 0 }, new Uint8Array(0));
}

/** `nlmsg_seq` and `nlmsg_pid` of the first message. */
function addressee(datagram: Uint8Array): [sequence: number, portId: number] {
  const data = new DataView(datagram.buffer, datagram.byteOffset, datagram.byteLength);
  return [data.getUint32(8, true), data.getUint32(12, true)];
}

/** The request for all Unix sockets. */
function unixRequest(): Uint8Array {
  const payload = new Uint8Array(UNIX_DIAG_REQUEST_SIZE);
  const data = new DataView(payload.buffer);
  writeField(unixDiagRequest.family, data, 0, AF_UNIX);
  writeField(unixDiagRequest.states, data, 0, 0xffffffff);
  return encodeDumpRequest(SOCK_DIAG_BY_FAMILY, payload);
}

/** The target of a symbolic link, if it is there. */
function linkOf(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch {
    return undefined;
  }
}

/** The words of a socket's line in /proc/net/netlink, found by protocol and port id. */
function procLine(protocol: number, portId: number): string[] | undefined {
  const lines = readFileSync("/proc/self/net/netlink", "latin1").split("\n");
  return lines
    .map((line) => line.trim().split(/ +/))
    .find((w) => w[1] === `${protocol}` && w[2] === `${portId}`);
}

describe("live transport", () => {
  test("reports the port id that the kernel assigned", () => {
    withSockets(2, (sockets) => {
      expect(new Set(sockets.map(({ portId }) => portId)).size).toBe(2);
      for (const { portId } of sockets) expect(procLine(NETLINK_SOCK_DIAG, portId)?.[3]).toBe("00000000");
    });
  });

  test("joins the requested groups", () => {
    const socket = transport.open(NETLINK_ROUTE, 0b101);
    expect(procLine(NETLINK_ROUTE, socket.portId)?.[3]).toBe("00000005");
    socket.close();
    expect(procLine(NETLINK_ROUTE, socket.portId)).toBeUndefined();
  });

  test("closes its descriptor in child processes", () => {
    withSockets(1, ([socket]) => {
      const link = `socket:[${procLine(NETLINK_SOCK_DIAG, socket!.portId)?.at(-1)}]`;
      const fd = readdirSync("/proc/self/fd").find((name) => linkOf(`/proc/self/fd/${name}`) === link);
      const flags = /^flags:\s*([0-7]+)/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, "latin1"))?.[1];
      expect(Number.parseInt(flags ?? "", 8) & O_CLOEXEC).toBe(O_CLOEXEC);
    });
  });

  test("receives a dump of several datagrams, up to NLMSG_DONE", () => {
    const descriptors = Array.from({ length: 300 }, () => libc.socket(AF_UNIX, SOCK_STREAM, 0));
    const inodes = descriptors.map((fd) => Number(linkOf(`/proc/self/fd/${fd}`)?.match(/\d+/)?.[0]));
    withSockets(1, ([socket]) => {
      const seen = new Set<number>();
      let datagrams = 0;
      for (const { data, count, offsets } of dump(socket!, unixRequest(), allocate)) {
        datagrams++;
        for (let index = 0; index < count; index++)
          seen.add(Number(readField(unixDiagMessage.inode, data, offsets[index]!)));
      }
      expect(datagrams).toBeGreaterThan(1);
      expect(inodes.filter((inode) => !seen.has(inode))).toEqual([]);
    });
    for (const fd of descriptors) libc.close(fd);
  });

  test("keeps earlier datagrams intact if each has its own buffer", () => {
    withSockets(1, ([socket]) => {
      socket!.send(noop(1));
      socket!.send(noop(2));
      const kept = [socket!.receive(allocate), socket!.receive(allocate)];
      expect(kept.map(addressee)).toEqual([
        [1, socket!.portId],
        [2, socket!.portId],
      ]);
    });
  });

  const root = process.getuid?.() === 0;
  const forging = "ignores what another process sends to its port";
  test.skipIf(!root)(root ? forging : `${forging} (skipped: the forger needs CAP_NET_ADMIN)`, () => {
    const { symbols, close } = dlopen("libc.so.6", {
      sendto: { args: ["i32", "ptr", "u64", "i32", "ptr", "u32"], returns: "i32" },
    });
    withSockets(1, ([socket]) => {
      const address = new Uint8Array(12);
      const data = new DataView(address.buffer);
      data.setUint16(0, AF_NETLINK, true);
      data.setUint32(4, socket!.portId, true);
      const forger = libc.socket(AF_NETLINK, SOCK_RAW, NETLINK_SOCK_DIAG);
      const forged = noop(666);
      expect(symbols.sendto(forger, forged, forged.length, 0, address, address.length)).toBe(forged.length);
      libc.close(forger);
      socket!.send(noop(3));
      expect(addressee(socket!.receive(allocate))).toEqual([3, socket!.portId]);
    });
    close();
  });

  test("throws the kernel's errno", () => {
    const NO_PROTOCOL = 31;
    expect(() => transport.open(NO_PROTOCOL)).toThrow(new NetlinkError("socket", EPROTONOSUPPORT));
    const NETLINK_USERSOCK = 2;
    const deaf = transport.open(NETLINK_USERSOCK);
    expect(() => deaf.send(noop(4))).toThrow(new NetlinkError("send", ECONNREFUSED));
    deaf.close();
  });

  test("fails with EBADF after close", () => {
    const socket = transport.open(NETLINK_SOCK_DIAG);
    socket.close();
    expect(() => socket.send(noop(5))).toThrow(new NetlinkError("send", constants.errno.EBADF));
    expect(() => socket.receive(allocate)).toThrow(new NetlinkError("recv", constants.errno.EBADF));
  });
});
