/** Names for the numbers in a socket: ports, interfaces, hosts, cgroups. Each is looked up when it is first asked for. */
import { ascii } from "../bytes/writer.ts";
import type { BpfMaps } from "../enrich/bpf-maps.ts";
import { readNetlinkProtocols } from "../enrich/netlink-protocols.ts";
import { once } from "../enrich/once.ts";
import {
  type Owner,
  type Owners,
  processContext,
  type ScanOptions,
  scanProcesses,
} from "../enrich/processes.ts";
import type { ResolvedHosts } from "../enrich/resolve.ts";
import type { RpcNames } from "../enrich/rpc.ts";
import { readNumberNames, readServices, type Services } from "../enrich/services.ts";
import { userNames } from "../enrich/users.ts";
import type { Host } from "../host/host.ts";
import type { Netns } from "../host/namespaces.ts";
import type { InetTable } from "../model/inet-tables.ts";
import { NetlinkError } from "../netlink/errors.ts";
import { type Link, listLinks } from "../netlink/links.ts";
import { knowPlaces, type Place, type Places } from "./places.ts";

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

/** The interfaces of the host; none if the kernel does not tell. */
export function interfaces(host: Host): Link[] {
  try {
    return listLinks(host.transport);
  } catch (error) {
    if (error instanceof NetlinkError) return [];
    throw error;
  }
}

/** What ports are named by; each is read when it is first asked for. */
interface PortSources {
  readonly services: () => Services;
  readonly protocols: () => ReadonlyMap<number, string>;
  /** The ports that clients are given, which have no names. */
  readonly range: () => readonly [low: number, high: number];
}

/** What the port cells of one inet table show for ports: services, or for raw sockets protocols. */
export class PortNames {
  readonly #sources: PortSources;
  /** Names looked up so far, of the table in use. */
  #known = new Map<number, Uint8Array | undefined>();
  #table: InetTable | undefined;
  #rpc: RpcNames | undefined;

  constructor(sources: PortSources) {
    this.#sources = sources;
  }

  /**
   * Turns to the services of a table. Tables that have no services of their own take those of the table before
   * them, and any protocol's if there was none: so ss does.
   */
  useTable(table: InetTable): void {
    if (table === this.#table || !["raw", "udp", "tcp"].includes(table)) return;
    this.#table = table;
    this.#known = new Map();
  }

  /** Takes the RPC programs from now on; they come before services. */
  useRpc(rpc: RpcNames): void {
    this.#rpc = rpc;
    this.#known = new Map();
  }

  /** The name of a port, or undefined if only its number can be shown. */
  port(port: number): Uint8Array | undefined {
    if (!this.#known.has(port)) {
      const name = this.#lookUp(port);
      this.#known.set(port, name === undefined ? undefined : ascii(name));
    }
    return this.#known.get(port);
  }

  #lookUp(port: number): string | undefined {
    const { services, protocols, range } = this.#sources;
    if (this.#table === "raw") return protocols().get(port) ?? `ipproto-${port}`;
    // A program without a name hides the service that may be called after its port, too: so ss does.
    if ((this.#table === "tcp" || this.#table === "udp") && this.#rpc?.has(port, this.#table))
      return this.#rpc.name(port, this.#table);
    const [low, high] = range();
    if (port >= low && port <= high) return undefined;
    return services().name(port, this.#table);
  }
}

/** Names of interfaces by index. */
export class InterfaceNames {
  readonly #names;

  constructor(host: Host) {
    this.#names = once(() => new Map(interfaces(host).map(({ index, name }) => [index, name])));
  }

  /** The name, or `if<N>` for an interface that is not there (any more). */
  interface(index: number): Uint8Array {
    const names = this.#names();
    let name = names.get(index);
    if (name === undefined) {
      name = ascii(`if${index}`);
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

/** All the names of one run, and the places of sockets. */
export interface HostNames extends Places {
  /** See {@link PortNames.useTable}. @param netns where its sockets are; if left out, where we are */
  useTable(table: InetTable, netns?: Netns): void;
  /** See {@link PortNames.port}. */
  port(port: number): Uint8Array | undefined;
  /** See {@link InterfaceNames.interface}. @param netns where the interface is; if left out, where we are */
  interface(index: number, netns?: Netns): Uint8Array;
  /** Name of a netlink protocol, see {@link readNetlinkProtocols}. */
  netlinkProtocol(protocol: number): Uint8Array | undefined;
  /** The /proc/PID/stat of a process, which has its name; undefined for one that is not there. */
  processStat(pid: number): Uint8Array | undefined;
  /** See {@link processContext}. */
  processContext(pid: number): Uint8Array | undefined;
  /** Path of a cgroup from the root of the first cgroup2 mount, or `unreachable:HEX`. */
  cgroup(id: bigint): Uint8Array;
  /** Name of a user, if there is one. */
  user(uid: number): string | undefined;
  /** Who has the socket of an inode open, as far as {@link HostNames.findOwners} looked for it. */
  owners(inode: number): readonly Owner[] | undefined;
  /** Looks for the owners of sockets, see {@link scanProcesses}. @returns ids of processes that could not be looked at */
  findOwners(root: string, inodes: ReadonlySet<number> | undefined, options: ScanOptions): readonly number[];
  /** Takes the host names that were looked up. */
  useHosts(resolved: ResolvedHosts): void;
  /** Takes the BPF maps that values can be from. */
  useBpfMaps(maps: BpfMaps): void;
  /** They, where they were looked up. */
  readonly bpfMaps: BpfMaps | undefined;
  /** See {@link PortNames.useRpc}. */
  useRpc(rpc: RpcNames): void;
  /** Host name of the 4 or 16 bytes at `at`, if it is known. */
  host(data: DataView, at: number, length: number): Uint8Array | undefined;
}

/** Where names are read. */
export interface NamePaths {
  /** Where /proc is. */
  readonly root: string;
  /** Where ip_local_port_range stands. */
  readonly portRange: string;
}

/** A name that cannot be looked up. */
export type NameProblem =
  /** /proc/mounts cannot be read. */
  | { readonly kind: "mounts"; readonly cause: unknown }
  /** No cgroup2 tree is mounted. */
  | { readonly kind: "cgroupMount" }
  /** A socket has the control group id 0, which is none. */
  | { readonly kind: "cgroupId" };

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
  let portsWithin: ReadonlyMap<Netns | undefined, PortNames> = new Map();
  const links = new InterfaceNames(host);
  let linksWithin: ReadonlyMap<Netns | undefined, InterfaceNames> = new Map();
  const netlinkProtocols = once(() => readNetlinkProtocols(host.files));
  const stats = new Map<number, Uint8Array | undefined>();
  const processStat = (pid: number): Uint8Array | undefined => {
    if (!stats.has(pid)) stats.set(pid, readOptional(host, `${root}/${pid}/stat`));
    return stats.get(pid);
  };
  const contexts = new Map<number, Uint8Array | undefined>();
  let owners: Owners = new Map();
  let hosts: ResolvedHosts | undefined;
  let bpfMaps: BpfMaps | undefined;
  const missing = () => {
    try {
      host.files.read("/proc/mounts");
    } catch (error) {
      report({ kind: "mounts", cause: error });
    }
    report({ kind: "cgroupMount" });
  };
  const cgroupPaths = once(() => {
    const tree = host.cgroups();
    return tree && new Map(tree);
  });
  const cgroups = once(() => {
    const tree = cgroupPaths();
    if (tree === undefined) missing();
    return tree && new Map(Array.from(tree, ([id, path]) => [id, new TextEncoder().encode(path)]));
  });
  const cgroup = (id: bigint): Uint8Array => {
    const known = cgroups();
    if (id === 0n) report({ kind: "cgroupId" });
    else if (known === undefined) missing();
    return known?.get(id) ?? ascii(`unreachable:${id.toString(16)}`);
  };
  const places = knowPlaces({
    host,
    root,
    owners: (inode) => owners.get(inode),
    cgroupPath: (id) => cgroupPaths()?.get(id),
  });
  return {
    ...places,
    usePlaces(listed: readonly Place[]) {
      places.usePlaces(listed);
      linksWithin = new Map(listed.map(({ netns, host }) => [netns, new InterfaceNames(host)]));
      portsWithin = new Map(listed.map(({ netns, host }) => [netns, portsOf(host)]));
    },
    useTable(table, netns) {
      ports = portsWithin.get(netns) ?? home;
      ports.useTable(table);
    },
    port: (port) => ports.port(port),
    interface: (index, netns) => (linksWithin.get(netns) ?? links).interface(index),
    netlinkProtocol: (protocol) => netlinkProtocols().get(protocol),
    processStat,
    processContext(pid) {
      if (!contexts.has(pid)) contexts.set(pid, processContext(host.files, root, pid));
      return contexts.get(pid);
    },
    cgroup,
    user: userNames(host.files),
    owners: (inode) => owners.get(inode),
    findOwners(root, inodes, options) {
      const scan = scanProcesses(host.files, root, inodes, options);
      owners = scan.owners;
      return scan.unreadable;
    },
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
