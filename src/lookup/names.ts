/** Names for the numbers in a socket: ports, interfaces, hosts, cgroups. Each is looked up at its first use. */
import { encodeBytes } from "../bytes/text.ts";
import { ascii } from "../bytes/writer.ts";
import type { BpfMaps } from "../enrich/bpf-maps.ts";
import { readNetlinkProtocols } from "../enrich/netlink-protocols.ts";
import { once } from "../enrich/once.ts";
import type { Owner, OwnerTable } from "../enrich/owner-table.ts";
import type { ScanOptions } from "../enrich/processes.ts";
import type { ResolvedHosts } from "../enrich/resolve.ts";
import type { RpcNames } from "../enrich/rpc.ts";
import { readNumberNames, readServices, type Services } from "../enrich/services.ts";
import { userNames } from "../enrich/users.ts";
import type { Host } from "../host/host.ts";
import type { Netns } from "../host/namespaces.ts";
import type { InetTable } from "../model/inet-tables.ts";
import { NetlinkError } from "../netlink/errors.ts";
import { type Link, listLinks } from "../netlink/links.ts";
import type { OwnerLookup } from "./owners.ts";
import type { PeerSearch, Place } from "./places.ts";

/** Ports that the kernel gives to clients when the range cannot be read. */
const DEFAULT_PORT_RANGE = [1024, 4999] as const;
const decoder = new TextDecoder();

/** The range of local ports that clients are given: ip_local_port_range. */
export function localPortRange(host: Host, path: string): readonly [low: number, high: number] {
  try {
    const match = /^\s*(-?\d+)\s+(-?\d+)/.exec(decoder.decode(host.files.read(path)));
    return match === null ? DEFAULT_PORT_RANGE : [Number(match[1]), Number(match[2])];
  } catch {
    return DEFAULT_PORT_RANGE;
  }
}

/** Indices that are tried for interfaces if netlink cannot list them. */
const MOST_INDICES = 1024;

/** The interfaces of the host. If netlink is refused, those with a small index, without alternative names. */
export function interfaces({ transport, interfaceName }: Host): Link[] {
  try {
    return listLinks(transport);
  } catch (error) {
    if (!(error instanceof NetlinkError)) throw error;
    if (interfaceName === undefined) return [];
    const links: Link[] = [];
    for (let index = 1; index <= MOST_INDICES; index++) {
      const name = interfaceName(index);
      if (name !== undefined) links.push({ index, name, alternativeNames: [] });
    }
    return links;
  }
}

/** The sources of names for ports. Each is read at its first use. */
interface PortSources {
  readonly services: () => Services;
  readonly protocols: () => ReadonlyMap<number, string>;
  /** The ports that the kernel assigns to clients. They have no names. */
  readonly range: () => readonly [low: number, high: number];
}

/** Names of ports in the tables of inet sockets: services, or protocols for raw sockets. */
export class PortNames {
  readonly #sources: PortSources;
  /** The names so far, for the current table. */
  #known = new Map<number, Uint8Array | undefined>();
  #table: InetTable | undefined;
  #rpc: RpcNames | undefined;

  constructor(sources: PortSources) {
    this.#sources = sources;
  }

  /**
   * Switches to the services of a table. As in ss, a table without services of its own keeps those of the table before
   * it, or takes those of any protocol.
   */
  useTable(table: InetTable): void {
    if (table === this.#table || !["raw", "udp", "tcp"].includes(table)) return;
    this.#table = table;
    this.#known = new Map();
  }

  /** Sets the RPC programs. They come before services. */
  useRpc(rpc: RpcNames): void {
    this.#rpc = rpc;
    this.#known = new Map();
  }

  /** The name of a port, or undefined if only its number can be shown. */
  port(port: number): Uint8Array | undefined {
    if (!this.#known.has(port)) {
      const name = this.#lookUp(port);
      this.#known.set(port, name === undefined ? undefined : encodeBytes(name));
    }
    return this.#known.get(port);
  }

  #lookUp(port: number): string | undefined {
    const { services, protocols, range } = this.#sources;
    if (this.#table === "raw") return protocols().get(port) ?? `ipproto-${port}`;
    // As in ss, a program without a name hides the service with its port.
    if ((this.#table === "tcp" || this.#table === "udp") && this.#rpc?.has(port, this.#table))
      return this.#rpc.name(port, this.#table);
    const [low, high] = range();
    if (port >= low && port <= high) return undefined;
    return services().name(port, this.#table);
  }
}

/** Names of interfaces by their index. */
export class InterfaceNames {
  readonly #names;
  readonly #host;

  constructor(host: Host) {
    this.#host = host;
    this.#names = once(() => new Map(interfaces(host).map(({ index, name }) => [index, name])));
  }

  /** The name, or `if<N>` for an interface that does not exist any more. */
  interface(index: number): Uint8Array {
    const names = this.#names();
    let name = names.get(index);
    if (name === undefined) {
      name = this.#host.interfaceName?.(index) ?? ascii(`if${index}`);
      names.set(index, name);
    }
    return name;
  }
}

/** A file, or undefined if it cannot be read. */
function readOptional(host: Host, path: string): Uint8Array | undefined {
  try {
    return host.files.read(path);
  } catch {
    return undefined;
  }
}

/** What owners are looked up with, see owners.ts. */
export type MakeOwnerLookup = typeof import("./owners.ts").ownerLookup;

/** No process of any socket is known. */
const nobody: Pick<OwnerLookup, "owners" | "peerOwners" | "peerInode" | "peerName"> = {
  owners: () => undefined,
  peerOwners: () => undefined,
  peerInode: () => 0,
  peerName: () => undefined,
};

/**
 * All names of one run. What is about processes is known once {@link HostNames.useOwners} has been called; until then
 * no socket has an owner or a peer.
 */
export interface HostNames extends Omit<OwnerLookup, "findOwners" | "ownerTable"> {
  /** Lets owners and containers be looked up, and peers if the code for that is given. */
  useOwners(make: MakeOwnerLookup, peers: PeerSearch | undefined): void;
  /** Looks for the owners of sockets. @returns ids of processes that cannot be read */
  findOwners(inodes: ReadonlySet<number> | undefined, options: ScanOptions): readonly number[];
  /** See {@link OwnerLookup.ownerTable}. */
  ownerTable(): OwnerTable | undefined;
  /** See {@link PortNames.useTable}. @param netns where its sockets are; if left out, where we are */
  useTable(table: InetTable, netns?: Netns): void;
  /** See {@link PortNames.port}. */
  port(port: number): Uint8Array | undefined;
  /** See {@link InterfaceNames.interface}. @param netns where the interface is; if left out, where we are */
  interface(index: number, netns?: Netns): Uint8Array;
  /** Name of a netlink protocol, see {@link readNetlinkProtocols}. */
  netlinkProtocol(protocol: number): Uint8Array | undefined;
  /** The contents of /proc/PID/stat, which has the name of a process; undefined if the process is gone. */
  processStat(pid: number): Uint8Array | undefined;
  /** Path of a cgroup from the root of the first cgroup2 mount, or `unreachable:HEX`. */
  cgroup(id: bigint): Uint8Array;
  /** The same path without a complaint; undefined for a cgroup that has none. */
  cgroupPath(id: bigint): Uint8Array | undefined;
  /** Name of a user; undefined if there is none. */
  user(uid: number): string | undefined;
  /** Sets the host names that were looked up. */
  useHosts(resolved: ResolvedHosts): void;
  /** Sets the BPF maps of socket storage. */
  useBpfMaps(maps: BpfMaps): void;
  /** The BPF maps; undefined if they were not looked up. */
  readonly bpfMaps: BpfMaps | undefined;
  /** See {@link PortNames.useRpc}. */
  useRpc(rpc: RpcNames): void;
  /** Host name of the 4 or 16 bytes at `at`, if it is known. */
  host(data: DataView, at: number, length: number): Uint8Array | undefined;
}

/** Paths of files with names. */
export interface NamePaths {
  /** The mount point of proc. */
  readonly root: string;
  /** The file ip_local_port_range. */
  readonly portRange: string;
}

/** A name that cannot be looked up. */
export type NameProblem =
  /** /proc/mounts cannot be read. */
  | {
      readonly kind: "mounts";
      /** What the read threw. */
      readonly cause: unknown;
    }
  /** No cgroup2 tree is mounted. */
  | { readonly kind: "cgroupMount" }
  /** A file of names has a line that is no entry; reading stopped there. */
  | {
      readonly kind: "database";
      /** Path of the file. */
      readonly path: string;
      /** The line, without its newline. */
      readonly line: string;
    }
  /** A socket has the control group id 0, which is none. */
  | { readonly kind: "cgroupId" };

/** The paths of control groups by id. The tree is walked at most once, when the first path is needed. */
interface CgroupNames {
  /** As text; undefined if the id is unknown. */
  path(id: bigint): string | undefined;
  /** As bytes; undefined if the id is unknown, or without a cgroup2 mount, which is reported once. */
  known(id: bigint): Uint8Array | undefined;
  /** As ss prints it: `unreachable:ID` if the id is unknown. Without a mount, each call reports that. */
  shown(id: bigint): Uint8Array;
}

function cgroupNames(host: Host, report: (problem: NameProblem) => void): CgroupNames {
  const reportMissing = () => {
    try {
      host.files.read("/proc/mounts");
    } catch (error) {
      report({ kind: "mounts", cause: error });
    }
    report({ kind: "cgroupMount" });
  };
  const paths = once(() => {
    const tree = host.cgroups();
    return tree && new Map(tree);
  });
  const encoded = once(() => {
    const tree = paths();
    if (tree === undefined) reportMissing();
    return tree && new Map(Array.from(tree, ([id, path]) => [id, new TextEncoder().encode(path)]));
  });
  return {
    path: (id) => paths()?.get(id),
    known: (id) => encoded()?.get(id),
    shown(id) {
      const names = encoded();
      if (id === 0n) report({ kind: "cgroupId" });
      else if (names === undefined) reportMissing();
      return names?.get(id) ?? ascii(`unreachable:${id.toString(16)}`);
    },
  };
}

/**
 * The names of one run.
 *
 * @param report takes each problem as often as it occurs
 */
export function hostNames(
  host: Host,
  { root, portRange }: NamePaths,
  report: (problem: NameProblem) => void,
): HostNames {
  const services = once(() => readServices(host.files));
  const protocols = once(() => readNumberNames(host.files, "/etc/protocols"));
  const portsOf = (place: Host) =>
    new PortNames({ services, protocols, range: once(() => localPortRange(place, portRange)) });
  const home = portsOf(host);
  let ports = home;
  let portsWithin: Map<Netns | undefined, PortNames> = new Map();
  const links = new InterfaceNames(host);
  let linksWithin: Map<Netns | undefined, InterfaceNames> = new Map();
  const netlinkProtocols = once(() =>
    readNetlinkProtocols(host.files, (path, line) => report({ kind: "database", path, line })),
  );
  const stats = new Map<number, Uint8Array | undefined>();
  const processStat = (pid: number): Uint8Array | undefined => {
    if (!stats.has(pid)) stats.set(pid, readOptional(host, `${root}/${pid}/stat`));
    return stats.get(pid);
  };
  let placed: readonly Place[] = [];
  let lookup: OwnerLookup | undefined;
  const known = (): OwnerLookup => {
    if (lookup === undefined) throw new TypeError("owners are not looked up in this run");
    return lookup;
  };
  let hosts: ResolvedHosts | undefined;
  let bpfMaps: BpfMaps | undefined;
  const cgroups = cgroupNames(host, report);
  return {
    useOwners(make, peers) {
      if (lookup !== undefined) return;
      lookup = make({ host, root, cgroupPath: cgroups.path, peers });
      if (placed.length > 0) lookup.usePlaces(placed);
    },
    owners: (inode) => (lookup ?? nobody).owners(inode),
    ownerTable: () => lookup?.ownerTable?.(),
    findOwners: (inodes, options) => known().findOwners(inodes, options),
    findPeers: (sockets) => known().findPeers(sockets),
    peerInode: (socket) => (lookup ?? nobody).peerInode(socket),
    peerOwners: (socket) => (lookup ?? nobody).peerOwners(socket),
    peerName: (socket) => (lookup ?? nobody).peerName(socket),
    cgroupOwner: (socket) => known().cgroupOwner(socket),
    details: (owner: Owner) => known().details(owner),
    usePlaces(listed: readonly Place[]) {
      placed = listed;
      lookup?.usePlaces(listed);
      linksWithin = new Map();
      portsWithin = new Map();
      for (const { netns, host } of listed) {
        linksWithin.set(netns, new InterfaceNames(host));
        portsWithin.set(netns, portsOf(host));
      }
    },
    useTable(table, netns) {
      ports = portsWithin.get(netns) ?? home;
      ports.useTable(table);
    },
    port: (port) => ports.port(port),
    interface: (index, netns) => (linksWithin.get(netns) ?? links).interface(index),
    netlinkProtocol: (protocol) => netlinkProtocols().get(protocol),
    processStat,
    processContext: (pid) => lookup?.processContext(pid),
    cgroup: cgroups.shown,
    cgroupPath: cgroups.known,
    user: userNames(host.files),
    useHosts: (resolved) => {
      hosts = resolved;
    },
    useRpc(rpc) {
      for (const each of [home, ...portsWithin.values()]) each.useRpc(rpc);
    },
    useBpfMaps: (maps) => {
      bpfMaps = maps;
    },
    get bpfMaps() {
      return bpfMaps;
    },
    host: (data, at, length) => hosts?.name(data, at, length),
  };
}
