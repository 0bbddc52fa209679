/** Where sockets live, and who is at their other ends: what is known of them beyond their own network namespace. */

import { type CgroupOwner, findContainers } from "../enrich/containers.ts";
import { once } from "../enrich/once.ts";
import { type ProcessDetails, processDetails } from "../enrich/process-details.ts";
import type { Owner } from "../enrich/processes.ts";
import type { InetSocket } from "../families/inet/socket.ts";
import type { Socket } from "../families/socket.ts";
import type { Host } from "../host/host.ts";
import type { Netns } from "../host/namespaces.ts";
import type { Transport } from "../netlink/transport.ts";
import { findTcpPeers, isTcpConnection, type TcpPeers, unixNames } from "./peers.ts";

/** A network namespace that sockets are listed in. */
export interface Place {
  /** The host as it looks from within. */
  readonly host: Host;
  /** Which it is; undefined for the only one that is looked into. */
  readonly netns?: Netns;
}

/** What is known of places. Each answer is looked for when it is first asked for. */
export interface Places {
  /** Takes the places that sockets are listed in; until then, it is only that which we are in. */
  usePlaces(places: readonly Place[]): void;
  /** Finds the sockets at the other ends of TCP connections; of others the kernel tells without being asked. */
  findPeers(sockets: Iterable<Socket>): void;
  /** Inode of the socket at the other end; 0 if it is not known, or no process has it open. */
  peerInode(socket: Socket): number;
  /** Who has the socket at the other end open, as far as owners were looked for. */
  peerOwners(socket: Socket): readonly Owner[] | undefined;
  /** The name that the socket at the other end of a UNIX socket is bound to. */
  peerName(socket: { readonly peerInode: number | undefined }): Uint8Array | undefined;
  /** The container and systemd unit of a socket: its owner's, or else those that it was made in. */
  cgroupOwner(socket: Socket): CgroupOwner;
  /** What more there is to know of a process. */
  details(owner: Owner): ProcessDetails;
}

/** What places are found by. */
export interface PlaceSources {
  readonly host: Host;
  /** Where /proc is. */
  readonly root: string;
  /** Who has the socket of an inode open. */
  owners(inode: number): readonly Owner[] | undefined;
  /** Path of a cgroup, or undefined if it is not known. */
  cgroupPath(id: bigint): string | undefined;
}

const nobody: CgroupOwner = { container: undefined, unit: undefined };

/** Makes what knows the places of one run. */
export function knowPlaces({ host, root, owners, cgroupPath }: PlaceSources): Places {
  let transports: ReadonlyMap<Netns | undefined, Transport> = new Map([[undefined, host.transport]]);
  const tcpPeers = new Map<Netns | undefined, TcpPeers>();
  const containers = once(() => findContainers(host.files, root));
  const details = processDetails(host.files, root);
  // A UNIX socket may have its peer in another network namespace.
  const namesByInode = once(() => {
    const names = new Map<number, Uint8Array>();
    for (const transport of transports.values())
      for (const [inode, name] of unixNames(transport)) names.set(inode, name);
    return names;
  });

  function peerInode(socket: Socket): number {
    if (socket.kind === "unix") return socket.peerInode ?? 0;
    if (socket.kind !== "inet") return 0;
    return tcpPeers.get(socket.origin.netns)?.inode(socket) ?? 0;
  }

  function peerOwners(socket: Socket): readonly Owner[] | undefined {
    const inode = peerInode(socket);
    return inode === 0 ? undefined : owners(inode);
  }

  return {
    usePlaces(places) {
      transports = new Map(places.map(({ netns, host }) => [netns, host.transport]));
    },
    findPeers(sockets) {
      const connections = new Map<Netns | undefined, InetSocket[]>();
      for (const socket of sockets) {
        if (socket.kind !== "inet" || !isTcpConnection(socket)) continue;
        const { netns } = socket.origin;
        const same = connections.get(netns);
        if (same === undefined) connections.set(netns, [socket]);
        else same.push(socket);
      }
      for (const [netns, same] of connections) {
        const transport = transports.get(netns);
        if (transport !== undefined) tcpPeers.set(netns, findTcpPeers(transport, same));
      }
    },
    peerInode,
    peerOwners,
    peerName: ({ peerInode }) => (peerInode ? namesByInode().get(peerInode) : undefined),
    cgroupOwner(socket) {
      const holders = socket.inode ? owners(socket.inode) : undefined;
      if (holders !== undefined) {
        const found = holders.map(({ pid }) => containers().byProcess(pid));
        return found.find(({ container }) => container !== undefined) ?? found[0] ?? nobody;
      }
      const id = socket.kind === "inet" ? socket.cgroupId : undefined;
      const path = id === undefined ? undefined : cgroupPath(id);
      return path === undefined ? nobody : containers().byPath(path);
    },
    details,
  };
}
