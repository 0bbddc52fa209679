/** The kernel of this host, spoken to over netlink sockets. */
import { libc as hostLibc } from "#libc";
import { type Layout, layoutSize, readField, writeField } from "../bytes/layout.ts";
import { EAGAIN, EINTR, EMSGSIZE, type Libc } from "../native/libc.ts";
import { AF_NETLINK } from "./constants.ts";
import { NetlinkError } from "./errors.ts";
import { type NetlinkSocket, pending, type Transport } from "./transport.ts";

/** Socket types and options. asm-generic/socket.h, linux/net.h, linux/netlink.h. */
const SOCK_RAW = 3;
const SOCK_CLOEXEC = 0x80000;
const SOL_SOCKET = 1;
const SO_SNDBUF = 7;
const SO_RCVBUF = 8;
/** The same beyond rmem_max, with CAP_NET_ADMIN. */
const SO_RCVBUFFORCE = 33;
const SOL_NETLINK = 270;
const NETLINK_EXT_ACK = 11;

/** poll.h. */
const POLLIN = 1;

/** Flags of recvfrom. linux/socket.h. */
export const MSG_PEEK = 0x02;
export const MSG_TRUNC = 0x20;
const MSG_DONTWAIT = 0x40;

/** The buffer sizes that ss requests; the kernel may grant less. */
const SEND_BUFFER = 32 * 1024;
const RECEIVE_BUFFER = 1024 * 1024;
/** Events come whether they are read or not: this much holds tens of thousands. */
const EVENT_BUFFER = 32 * 1024 * 1024;

/** The kernel fills datagrams of a dump up to this much, if it has seen a buffer as large. */
export const SMALLEST_DATAGRAM_BUFFER = 32 * 1024;

/** struct sockaddr_nl. linux/netlink.h. */
export const sockaddrNl = {
  family: { offset: 0, type: "u16", kernel: "nl_family", doc: "AF_NETLINK." },
  portId: { offset: 4, type: "u32", kernel: "nl_pid", doc: "Port id; 0 is the kernel." },
  groups: { offset: 8, type: "u32", kernel: "nl_groups", doc: "Mask of multicast groups." },
} as const satisfies Layout;

/** The bytes of an int, as setsockopt takes it. */
function intBytes(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setInt32(0, value, true);
  return bytes;
}

/** Gives back a result that is not an errno, throws one that is. */
export function checked(operation: string, result: number): number {
  if (result < 0) throw new NetlinkError(operation, -result);
  return result;
}

/** Sets the options of a socket, binds it, and gives its port id. */
function prepare(libc: Libc, fd: number, groups: number): number {
  checked("setsockopt", libc.setsockopt(fd, SOL_SOCKET, SO_SNDBUF, intBytes(SEND_BUFFER)));
  const room = intBytes(groups === 0 ? RECEIVE_BUFFER : EVENT_BUFFER);
  checked("setsockopt", libc.setsockopt(fd, SOL_SOCKET, SO_RCVBUF, room));
  if (groups !== 0) libc.setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, room);
  // Kernels before 4.12 do not have it, and do without.
  libc.setsockopt(fd, SOL_NETLINK, NETLINK_EXT_ACK, intBytes(1));
  const address = new Uint8Array(layoutSize(sockaddrNl));
  const data = new DataView(address.buffer);
  writeField(sockaddrNl.family, data, 0, AF_NETLINK);
  writeField(sockaddrNl.groups, data, 0, groups);
  checked("bind", libc.bind(fd, address));
  checked("getsockname", libc.getsockname(fd, address));
  return Number(readField(sockaddrNl.portId, data, 0));
}

/** A socket that is open and bound. */
export interface OpenSocket {
  readonly fd: number;
  readonly portId: number;
}

/** Opens and binds a socket. @throws NetlinkError */
export function openSocket(libc: Libc, protocol: number, groups: number): OpenSocket {
  const fd = checked("socket", libc.socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol));
  try {
    return { fd, portId: prepare(libc, fd, groups) };
  } catch (error) {
    libc.close(fd);
    throw error;
  }
}

/** Talks over a socket. @param waits whether a receive waits until something comes */
export function socketOf(libc: Libc, opened: OpenSocket, waits: boolean): NetlinkSocket {
  const { portId } = opened;
  let { fd } = opened;
  const waiting = waits ? 0 : MSG_DONTWAIT;
  const sender = new Uint8Array(layoutSize(sockaddrNl));
  const senderData = new DataView(sender.buffer);

  /** Receives a datagram, and who sent it. @returns its size, or -EAGAIN */
  function receiveOne(buffer: Uint8Array | null, flags: number): number {
    for (;;) {
      const result = libc.recvfrom(fd, buffer, flags | waiting, sender);
      if (result === -EINTR || (result === -EAGAIN && waits)) continue;
      return result === -EAGAIN ? result : checked("recv", result);
    }
  }

  /**
   * Whether the kernel sent what was received last. Every process with CAP_NET_ADMIN over this network namespace can
   * write to our port, too, by unicast and to groups (the protocols that we speak do not have NL_CFG_F_NONROOT_SEND).
   * What it sends could pass for an answer.
   */
  const isFromKernel = () => senderData.getUint32(sockaddrNl.portId.offset, true) === 0;

  /** The bytes of a datagram. @param length its size */
  function datagramIn(buffer: Uint8Array, length: number): Uint8Array {
    if (length > buffer.length)
      throw new NetlinkError("recv", EMSGSIZE, `${length} bytes do not fit into ${buffer.length}`);
    return new Uint8Array(buffer.buffer, buffer.byteOffset, length);
  }

  return {
    portId,
    send(datagram) {
      let result: number;
      do result = libc.send(fd, datagram, 0);
      while (result === -EINTR);
      checked("send", result);
    },
    beginSend(datagram) {
      const wait = libc.beginWrite(fd, datagram);
      return wait && (() => void checked("send", wait()));
    },
    receive(allocate) {
      for (;;) {
        const size = receiveOne(null, MSG_PEEK | MSG_TRUNC);
        if (size === -EAGAIN) return pending;
        if (!isFromKernel()) {
          receiveOne(null, MSG_TRUNC);
          continue;
        }
        const buffer = allocate(Math.max(size, SMALLEST_DATAGRAM_BUFFER));
        const length = receiveOne(buffer, MSG_TRUNC);
        return length === -EAGAIN ? pending : datagramIn(buffer, length);
      }
    },
    receiveInto(buffer) {
      for (;;) {
        const length = receiveOne(buffer, MSG_TRUNC);
        if (length === -EAGAIN) return pending;
        if (isFromKernel()) return datagramIn(buffer, length);
      }
    },
    isDrained: () => libc.poll(fd, POLLIN, 0) === 0,
    close() {
      libc.close(fd);
      // A second close must not hit a descriptor that somebody opened since.
      fd = -1;
    },
  };
}

/**
 * The kernel of this host: each socket is a netlink socket of the calling thread's network namespace.
 *
 * A receive waits for as long as the kernel takes; a signal without a handler still ends the process.
 *
 * @param libc the native seam to use
 */
export function liveTransport(libc: Libc = hostLibc): Transport {
  return {
    open(protocol, groups = 0) {
      return socketOf(libc, openSocket(libc, protocol, groups), true);
    },
  };
}
