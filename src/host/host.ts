/** The machine whose sockets are listed: its kernel, its files, its resolver. Live, or replayed from a recording. */
import type { Transport } from "../netlink/transport.ts";

/** Limits for reading a file whose content somebody else controls. */
export interface ReadBound {
  /** Bytes to read at most. A longer file gives one byte more. */
  readonly limit: number;
  /**
   * Set for a file in a user's own folder, where the path may lead anywhere. The file is then opened only if it is a
   * regular file of that user, without a symbolic link or a mount point between the folder and the file.
   */
  readonly stranger?: {
    /** User id that must own the file. */
    readonly uid: number;
    /** The folder that the administrator chose: the user's home. */
    readonly folder: string;
  };
}

/** A thread that helps with a sweep over the descriptors of all processes: the part of a Worker that is used. */
export type SweepWorker = Pick<Worker, "addEventListener" | "postMessage" | "unref">;

/** Reading of files, by absolute path (or relative to the working directory). All calls are synchronous. */
export interface Files {
  /**
   * Reads a file: the whole of it, or with a bound its beginning.
   *
   * @throws an error with a system error `code`
   */
  read(path: string, bound?: ReadBound): Uint8Array;
  /** Names in a directory, in the kernel's order. @throws an error with a system error `code` */
  list(path: string): string[];
  /**
   * The numbers among the names in a directory, ascending; undefined if it cannot be read. Where this is absent, `list`
   * does the same.
   */
  readonly numbers?: (path: string) => number[] | undefined;
  /** The target of a symbolic link, or undefined if it cannot be read. */
  link(path: string): string | undefined;
  /** The SELinux context of the file that a path leads to, or undefined if there is none or it cannot be read. */
  securityContext(path: string): Uint8Array | undefined;
  /**
   * Visits the sockets in a directory of descriptors (/proc/PID/fd), in one pass that makes no strings. Where this is
   * absent, `list` and `link` do the same.
   *
   * @param visit takes each descriptor that is a socket, with its inode
   * @returns false if the directory cannot be read
   */
  readonly sockets?: (directory: string, visit: (fd: number, inode: number) => void) => boolean;
  /** The same in steps of some hundred descriptors. A process may have a million. */
  readonly socketsInSteps?: (
    directory: string,
    visit: (fd: number, inode: number) => void,
  ) => Generator<void, boolean>;
  /** Starts a thread that reads descriptors for a sweep, see `sweepingFiles` in socket-sweep.ts. */
  readonly startSweep?: () => SweepWorker;
  /**
   * How many descriptors such a directory has, without reading it. Linux 6.2 and newer report this.
   *
   * @returns undefined on an older kernel
   */
  readonly descriptorCount?: (directory: string) => number | undefined;
}

/** The beginning of a file. */
export interface Beginning {
  /** At most as many bytes as the limit. */
  readonly bytes: Uint8Array;
  /** Whether the file has more. */
  readonly cut: boolean;
}

/** Reads the beginning of a file. @throws an error with a system error `code` */
export function readBounded(files: Files, path: string, bound: ReadBound): Beginning {
  const bytes = files.read(path, bound);
  return bytes.length > bound.limit
    ? { bytes: bytes.subarray(0, bound.limit), cut: true }
    : { bytes, cut: false };
}

/**
 * Bytes that are read at most of a file below /proc/PID, except for the command line. A status file with all 65,536
 * supplementary groups that Linux allows is shorter.
 */
const PROCESS_FILE_LIMIT = 1 << 20;

/** The bound of files below /proc/PID. */
export const processFile: ReadBound = { limit: PROCESS_FILE_LIMIT };

/** A program that offers remote procedure calls, as rpcbind has it registered. RFC 1833. */
export interface RpcService {
  readonly program: number;
  readonly version: number;
  /** The transport: `tcp`, `udp6`, `local` and others. RFC 5665. */
  readonly netid: string;
  /** The universal address on that transport: `0.0.0.0.8.1` is port 2049. RFC 5665, 5.2.3.3. */
  readonly address: string;
}

/** Host names, addresses, and RPC services. */
export interface Resolver {
  /** Addresses of a name (4 or 16 bytes each), of one family (AF_*), or the IPv4 and then the IPv6 addresses. */
  addresses(name: string, family: number | undefined): Promise<Uint8Array[]>;
  /** The name of an address (4 or 16 bytes), if it has one; bytes that are not UTF-8 as `decodeBytes` gives them. */
  name(address: Uint8Array): Promise<string | undefined>;
  /** The RPC services of this host; empty if rpcbind does not answer. */
  rpcServices(): Promise<readonly RpcService[]>;
}

/** A BPF map. linux/bpf.h, struct bpf_map_info. */
export interface BpfMap {
  readonly id: number;
  /** BPF_MAP_TYPE_*. */
  readonly type: number;
  readonly name: string;
  /** The id of the BTF object that describes its types, 0 for none. */
  readonly btfId: number;
  /** The id of its value type within that object. */
  readonly valueType: number;
  /** A descriptor that keeps it alive; undefined for a map of a recording. */
  readonly fd: number | undefined;
}

/** BPF maps and types. */
export interface BpfObjects {
  /** A map by its id, or the negated errno if it cannot be opened. */
  map(id: number): BpfMap | number;
  /** A BTF blob by its id, or undefined if it cannot be read. */
  btf(id: number): Uint8Array | undefined;
}

/** A network namespace of a machine that is not this one, and the machine as seen from within. */
export interface HostNamespace {
  readonly host: Host;
  readonly netns: {
    readonly inode: number;
    readonly name: string | undefined;
    readonly pid: number | undefined;
  };
}

/** Something that the recorder noted about a span of time, such as lost events. */
export interface PastNote {
  readonly kind: string;
  readonly fromMs: number;
  readonly untilMs: number;
  readonly count: number | undefined;
  readonly detail: string | undefined;
}

/** A span of the past in which nothing was recorded, in milliseconds since 1970. An end without samples is undefined. */
export interface PastGap {
  readonly fromMs: number | undefined;
  readonly untilMs: number | undefined;
  /** What the recorder noted about it, such as why it was restarted. */
  readonly notes: readonly PastNote[];
}

/** How completely the present sample of a past machine, and the time since the sample before, were recorded. */
export interface PastCoverage {
  /** The tables and the filter of the recorder; empty if it kept everything. */
  readonly limits: string;
  readonly notes: readonly PastNote[];
}

/** The time of a past machine, which can be moved from sample to sample. */
export interface PastTime {
  /** When the present sample was taken, in milliseconds since 1970. */
  readonly wallMs: number;
  /** The same in milliseconds since boot. */
  readonly bootMs: number;
  /** Identifies the boot: {@link bootMs} of two samples can be compared only within one boot. */
  readonly bootId: string;
  /** Inode of the recorder's own network namespace. */
  readonly netns: number;
  /** Milliseconds between two samples, as long as the recorder leaves out none. */
  readonly intervalMs: number;
  readonly coverage: PastCoverage;
  /** Moves to the next sample, or to the one before. @returns false if the recorder took none soon after or before */
  step(by: 1 | -1): boolean;
  /** The gap that keeps {@link step} from moving. */
  gap(by: 1 | -1): PastGap;
  /** Moves to the last sample that is not later than a time. @returns false if there is none */
  seek(wallMs: number): boolean;
}

/** The machine whose sockets are listed. */
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
   * @throws an error with a system error `code` if the path does not exist
   */
  readonly cgroupId?: (path: string) => bigint | undefined;
  /**
   * The name of an interface of the network namespace by its index, without netlink; undefined if there is none. Left
   * out for recordings. if_indextoname(3).
   */
  readonly interfaceName?: (index: number) => Uint8Array | undefined;
  /** The time of a past machine. Left out for this one. */
  readonly past?: PastTime;
  /** All network namespaces of a past machine, its own first. Left out for this one, whose namespaces can be entered. */
  readonly namespaces?: () => readonly HostNamespace[];
  /**
   * Every cgroup of the first mounted cgroup2 tree: its id, and its path from the root of the tree (`/` is the root).
   * undefined if none is mounted. The tree is walked while the result is consumed.
   */
  cgroups(): Iterable<readonly [id: bigint, path: string]> | undefined;
}
