/** Numbers that sockets of several kinds have, each with a reader for every kind: a new kind does not compile without. */
import type { Kind } from "../model/selection.ts";
import type { Socket, SocketsByKind } from "./socket.ts";

/** Reads a number of a socket; undefined if its kind does not have it, or the kernel did not send it. */
export type NumberReader = (socket: Socket) => number | undefined;

type Readers = { readonly [K in Kind]: (socket: SocketsByKind[K]) => number | undefined };

/** Makes one reader of those of all kinds. */
function byKind(readers: Readers): NumberReader {
  return (socket) => (readers[socket.kind] as NumberReader)(socket);
}

const none = () => undefined;
const uidOf = ({ uid }: { readonly uid: number | undefined }) => uid;
const rqueueOf = ({ rqueue }: { readonly rqueue: number | undefined }) => rqueue;
const wqueueOf = ({ wqueue }: { readonly wqueue: number | undefined }) => wqueue;
const stateOf = ({ stateNumber }: { readonly stateNumber: number | undefined }) => stateNumber;
const memoryDrops = ({ memory }: { readonly memory: { readonly drops: number | undefined } | undefined }) =>
  memory?.drops;

/** User id of the owner, as the kernel has it. */
export const uidNumber = byKind({
  inet: uidOf,
  unix: uidOf,
  packet: uidOf,
  netlink: none,
  vsock: none,
  tipc: uidOf,
  xdp: uidOf,
});

/** What ss shows as Recv-Q: bytes of a connection, connections of a listener, packets of TIPC. */
export const receiveQueue = byKind({
  inet: rqueueOf,
  unix: rqueueOf,
  packet: rqueueOf,
  netlink: rqueueOf,
  vsock: none,
  tipc: rqueueOf,
  xdp: rqueueOf,
});

/** What ss shows as Send-Q: bytes of a connection, the backlog of a listener, packets of TIPC. */
export const sendQueue = byKind({
  inet: wqueueOf,
  unix: wqueueOf,
  packet: none,
  netlink: wqueueOf,
  vsock: none,
  tipc: wqueueOf,
  xdp: none,
});

/** Number of the TCP state; undefined for kinds without states. */
export const stateNumber = byKind({
  inet: stateOf,
  unix: stateOf,
  packet: none,
  netlink: none,
  vsock: stateOf,
  tipc: stateOf,
  xdp: none,
});

/** Packets dropped before the application could read them. */
export const drops = byKind({
  inet: memoryDrops,
  unix: memoryDrops,
  packet: memoryDrops,
  netlink: memoryDrops,
  vsock: none,
  tipc: ({ statistics }) => statistics?.drops,
  xdp: memoryDrops,
});
