/** The machine that is looked at: its kernel, its files, its resolver. Live, or played from a recording. */
import type { Transport } from "../netlink/transport.ts";

/** Reading of files, by absolute path (or relative to the working directory). All answers are synchronous. */
export interface Files {
  /** The whole file. @throws an error with a system error `code` */
  read(path: string): Uint8Array;
  /** Names in a directory, in the kernel's order. @throws an error with a system error `code` */
  list(path: string): string[];
  /** The target of a symbolic link, or undefined if it cannot be read. */
  link(path: string): string | undefined;
  /** The SELinux context of what a path leads to, or undefined if it has none that can be read. */
  securityContext(path: string): Uint8Array | undefined;
  /**
   * What `list` and `link` tell of the sockets in a directory of descriptors (/proc/PID/fd), in one sweep that
   * makes no string; where it is absent, those two do the same.
   *
   * @param visit takes each descriptor that is a socket, with its inode
   * @returns false if the directory cannot be read
   */
  readonly sockets?: (directory: string, visit: (fd: number, inode: number) => void) => boolean;
  /**
   * Says that `sockets` is going to be asked for the descriptors of every process, once: where these are many, they
   * are read ahead on another thread.
   *
   * @param root where /proc is
   */
  readonly beginSockets?: (root: string) => void;
  /**
   * How many descriptors are in such a directory, without a look at each: the kernel tells since 6.2.
   *
   * @returns undefined if it does not
   */
  readonly descriptorCount?: (directory: string) => number | undefined;
}

/** A program that offers remote procedure calls, as rpcbind has it registered. RFC 1833. */
export interface RpcService {
  readonly program: number;
  readonly version: number;
  /** The transport: `tcp`, `udp6`, `local` and the like. RFC 5665. */
  readonly netid: string;
  /** Where on that transport, as a universal address: `0.0.0.0.8.1` is port 2049. RFC 5665, 5.2.3.3. */
  readonly address: string;
}

/** Host names and addresses, and what is offered at them. */
export interface Resolver {
  /** Addresses of a name (4 or 16 bytes each), of one family (AF_*), or the IPv4 and then the IPv6 addresses. */
  addresses(name: string, family: number | undefined): Promise<Uint8Array[]>;
  /** The name of an address (4 or 16 bytes), if it has one; bytes that are not UTF-8 as `decodeBytes` gives them. */
  name(address: Uint8Array): Promise<string | undefined>;
  /** The RPC services of this host; none if nobody tells. */
  rpcServices(): Promise<readonly RpcService[]>;
}

/** A BPF map. linux/bpf.h, struct bpf_map_info. */
export interface BpfMap {
  readonly id: number;
  /** BPF_MAP_TYPE_*. */
  readonly type: number;
  readonly name: string;
  /** The id of the types (BTF) that it was made with, 0 for none. */
  readonly btfId: number;
  /** The id that its value's type has among these. */
  readonly valueType: number;
  /** A descriptor that holds it; undefined for a map of a recording. */
  readonly fd: number | undefined;
}

/** BPF maps and types. */
export interface BpfObjects {
  /** A map by its id, or the negated errno of why it cannot be had. */
  map(id: number): BpfMap | number;
  /** A blob of types (BTF) by its id, or undefined if it cannot be had. */
  btf(id: number): Uint8Array | undefined;
}

/** The machine whose sockets are asked for. */
export interface Host {
  readonly transport: Transport;
  readonly files: Files;
  readonly resolver: Resolver;
  /** Its BPF objects. */
  bpf(): Promise<BpfObjects>;
  /**
   * The id of a version 2 control group by the path of its directory, whichever mount it is in. Left out for recordings,
   * which have only `cgroups`.
   *
   * @returns undefined if the path is something else
   * @throws an error with a system error `code` if nothing is there
   */
  readonly cgroupId?: (path: string) => bigint | undefined;
  /**
   * The name of an interface of the network namespace by its index, without netlink; undefined if there is none. Left
   * out for recordings. if_indextoname(3).
   */
  readonly interfaceName?: (index: number) => Uint8Array | undefined;
  /**
   * Every cgroup of the first mounted cgroup2 tree: its id and its path from the root of the tree (`/` is the
   * root). undefined if none is mounted. The tree is walked as the answer is read.
   */
  cgroups(): Iterable<readonly [id: bigint, path: string]> | undefined;
}
