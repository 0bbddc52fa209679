/** Subjects of filters: one reusable object per kind of socket, so that a socket costs no allocation. */
import type { InetSocket } from "../families/inet/socket.ts";
import { type NetlinkDiagSocket, NO_PORT_ID } from "../families/netlink/socket.ts";
import type { PacketSocket } from "../families/packet/socket.ts";
import type { Socket } from "../families/socket.ts";
import type { TipcSocket } from "../families/tipc/socket.ts";
import type { UnixSocket } from "../families/unix/socket.ts";
import { VMADDR_ANY, type VsockSocket } from "../families/vsock/socket.ts";
import type { XdpSocket } from "../families/xdp/socket.ts";
import { AF_NETLINK, AF_PACKET, AF_TIPC, AF_UNIX, AF_VSOCK, AF_XDP } from "../model/family.ts";
import type { FilterSubject } from "./subject.ts";

const nothing = new Uint8Array(0);
const noBytes = new DataView(nothing.buffer);

/** The values of properties that a family does not have. */
const blank: FilterSubject = {
  family: 0,
  addresses: noBytes,
  sourceOffset: 0,
  destinationOffset: 0,
  sourceWord: 0,
  destinationWord: 0,
  sport: 0,
  dport: 0,
  sourceName: nothing,
  named: false,
  destinationName: nothing,
  interfaceIndex: 0,
  mark: 0,
  cgroupId: 0n,
  socket: undefined,
};

/** Points a subject at a socket. */
type Showing<S> = (socket: S) => FilterSubject;

/** Makes a reusable subject. @param readers its properties that read the current socket; the others stay blank */
function showing<S extends Socket>(
  readers: { readonly [K in keyof FilterSubject]?: (socket: S) => FilterSubject[K] },
): Showing<S> {
  let shown: S;
  const subject = { ...blank };
  for (const [name, read] of Object.entries({ ...readers, socket: (socket: S) => socket }) as [
    keyof FilterSubject,
    (socket: S) => unknown,
  ][])
    Object.defineProperty(subject, name, { get: () => read(shown) });
  return (socket) => {
    shown = socket;
    return subject;
  };
}

/** The name of a unix socket. A path ends at its first NUL. */
function unixName({ name }: UnixSocket): Uint8Array {
  if (name === undefined) return nothing;
  const end = name[0] === 0 ? -1 : name.indexOf(0);
  return end < 0 ? name : name.subarray(0, end);
}

/** A vsock port; -1 if the socket is not bound, as with netlink. */
function boundPort(port: number): number {
  return port === VMADDR_ANY ? -1 : port;
}

/** The subject of each kind of socket. */
export const subjects = {
  inet: showing<InetSocket>({
    family: ({ familyNumber }) => familyNumber,
    addresses: ({ data }) => data,
    sourceOffset: ({ sourceOffset }) => sourceOffset,
    destinationOffset: ({ destinationOffset }) => destinationOffset,
    sport: ({ sport }) => sport,
    dport: ({ dport }) => dport,
    interfaceIndex: ({ interfaceIndex }) => interfaceIndex,
    mark: ({ mark }) => mark ?? 0,
    cgroupId: ({ cgroupId }) => cgroupId ?? 0n,
  }),
  unix: showing<UnixSocket>({
    family: () => AF_UNIX,
    // ss compares inodes as signed numbers, so inodes above 2^31 are negative.
    sport: ({ inode }) => inode | 0,
    dport: ({ peerInode }) => (peerInode ?? 0) | 0,
    sourceName: unixName,
    named: ({ name }) => name !== undefined,
    destinationName: ({ procfs }) => procfs?.peerName ?? nothing,
  }),
  packet: showing<PacketSocket>({
    family: () => AF_PACKET,
    sourceWord: ({ protocol }) => protocol,
    sport: ({ interfaceIndex }) => interfaceIndex ?? 0,
    interfaceIndex: ({ interfaceIndex }) => interfaceIndex ?? 0,
  }),
  netlink: showing<NetlinkDiagSocket>({
    family: () => AF_NETLINK,
    sourceWord: ({ protocol }) => protocol,
    sport: ({ portId }) => portId,
    dport: () => NO_PORT_ID,
  }),
  vsock: showing<VsockSocket>({
    family: () => AF_VSOCK,
    sourceWord: ({ sourceCid }) => sourceCid,
    destinationWord: ({ destinationCid }) => destinationCid,
    sport: ({ sport }) => boundPort(sport),
    dport: ({ dport }) => boundPort(dport),
  }),
  tipc: showing<TipcSocket>({
    family: () => AF_TIPC,
    sourceWord: ({ node }) => node ?? 0,
    destinationWord: ({ connection }) => connection?.node ?? 0,
    sport: ({ ref }) => ref ?? 0,
    dport: ({ connection }) => connection?.ref ?? 0,
  }),
  xdp: showing<XdpSocket>({
    family: () => AF_XDP,
    sport: ({ queueId }) => queueId ?? 0,
    interfaceIndex: ({ interfaceIndex }) => interfaceIndex ?? 0,
  }),
} as const;

/** The subject of a socket. It is reused: valid until the next call with a socket of the same kind. */
export function subjectOf(socket: Socket): FilterSubject {
  return (subjects[socket.kind] as Showing<Socket>)(socket);
}
