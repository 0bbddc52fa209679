/** Finds the peers, containers and process details of sockets, across network namespaces. */

import { type CgroupOwner, findContainers } from "../enrich/containers.ts";
import { once } from "../enrich/once.ts";
import { type ProcessDetails, processDetails } from "../enrich/process-details.ts";
import type { Owner } from "../enrich/processes.ts";
import type { InetSocket } from "../families/inet/socket.ts";
import type { Socket } from "../families/socket.ts";
import type { Host } from "../host/host.ts";
import type { Netns } from "../host/namespaces.ts";
import type { Transport } from "../netlink/transport.ts";

/** What finds the other ends of connections. Only some queries load it, as it needs the views of sockets. */
export type PeerSearch = typeof import("./peers.ts");
type TcpPeers = import("./peers.ts").TcpPeers;

/** A network namespace whose sockets are listed. */
export interface Place {
  /** The host as seen from inside the namespace. */
  readonly host: Host;
  /** The namespace; undefined if only our own is listed. */
  readonly netns?: Netns;
  /** Runs a function there; undefined for our own namespace, and for one that cannot be entered. */
  readonly within?: <T>(action: () => T) => T;
}

/** Lookups about sockets. Each result is computed on first use. */
export interface Places {
  /** Sets the listed namespaces. Default: only our own. */
  usePlaces(places: readonly Place[]): void;
  /** Finds the other ends of TCP connections. For UNIX sockets, the kernel sends them unrequested. */
  findPeers(sockets: Iterable<Socket>): void;
  /** Inode of the socket at the other end; 0 if it is unknown, or not open in any process. */
  peerInode(socket: Socket): number;
  /** The processes that have the other end open, if owners were looked up. */
  peerOwners(socket: Socket): readonly Owner[] | undefined;
  /** The bound name of the other end of a UNIX socket. */
  peerName(socket: { readonly peerInode: number | undefined }): Uint8Array | undefined;
  /** The container and systemd unit of a socket's owner, or else of the control group in which it was created. */
  cgroupOwner(socket: Socket): CgroupOwner;
  /** Further details of a process. */
  details(owner: Owner): ProcessDetails;
}

/** What the lookups read from. */
export interface PlaceSources {
  readonly host: Host;
  /** Path of /proc. */
  readonly root: string;
  /** The processes that have the socket with this inode open. */
  owners(inode: number): readonly Owner[] | undefined;
  /** Path of a cgroup, or undefined if it is unknown. */
  cgroupPath(id: bigint): string | undefined;
  /** Needed for the other ends of TCP connections, and for the names of UNIX sockets. */
  readonly peers: PeerSearch | undefined;
}

const nobody: CgroupOwner = { container: undefined, unit: undefined };

/** The lookups of one run. */
export function knowPlaces({ host, root, owners, cgroupPath, peers }: PlaceSources): Places {
  const search = (): PeerSearch => {
    if (peers === undefined) throw new TypeError("peers are not looked up in this run");
    return peers;
  };
  let transports: ReadonlyMap<Netns | undefined, Transport> = new Map([[undefined, host.transport]]);
  const tcpPeers = new Map<Netns | undefined, TcpPeers>();
  const containers = once(() => findContainers(host.files, root));
  const details = processDetails(host.files, root);
  // The peer of a UNIX socket may be in another network namespace.
  const namesByInode = once(() => {
    const names = new Map<number, Uint8Array>();
    for (const transport of transports.values())
      for (const [inode, name] of search().unixNames(transport)) names.set(inode, name);
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
      const { findTcpPeers, isTcpConnection } = search();
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
