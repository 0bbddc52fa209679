/** The machine that this process runs on. */
import { builtin, libc } from "#libc";
import { filePath } from "../bytes/text.ts";
import { parseIpv6 } from "../model/address.ts";
import { AF_INET, AF_INET6, AF_UNIX } from "../model/family.ts";
import { liveTransport } from "../netlink/live.ts";
import type { BpfObjects, Files, Host, Resolver, SweepWorker } from "./host.ts";
import { unescapePath } from "./mounts.ts";
import { type NameWorker, threadedResolver } from "./name-threads.ts";
import { readFile } from "./read.ts";
import { descriptorCount, numbersIn, socketLinks, socketLinksInSteps } from "./socket-links.ts";

/** Starts threads. Without one of these functions its work is done on this thread, or by the runtime. */
export interface LiveThreads {
  /** Starts a thread that reads descriptors of processes, see {@link Files.startSweep}. */
  readonly startSweep?: () => SweepWorker;
  /** Starts a thread that looks up host names, see {@link threadedResolver}. */
  readonly startNames?: () => NameWorker;
}

/** This machine: its kernel, its files, its resolver, its cgroups. */
export function liveHost({ startSweep, startNames }: LiveThreads = {}): Host {
  const files = startSweep === undefined ? liveFiles : { ...liveFiles, startSweep };
  let bpf: Promise<BpfObjects> | undefined;
  return {
    transport: liveTransport(),
    files,
    resolver:
      startNames === undefined
        ? liveResolver
        : { ...liveResolver, ...threadedResolver(startNames, liveResolver) },
    bpf: () => (bpf ??= import("./bpf.ts").then(({ liveBpf }) => liveBpf())),
    cgroups: liveCgroups,
    cgroupId: liveCgroupId,
    interfaceName: liveInterfaceName,
  };
}

/** SELinux contexts are shorter than a page. */
const CONTEXT_LIMIT = 4096;

/** The files of this machine. */
export const liveFiles: Files = {
  read: readFile,
  list: (path) => builtin("node:fs").readdirSync(path),
  numbers: numbersIn,
  link(path) {
    try {
      return builtin("node:fs").readlinkSync(path);
    } catch {
      return undefined;
    }
  },
  securityContext(path) {
    const value = new Uint8Array(CONTEXT_LIMIT);
    const length = libc.getxattr(path, "security.selinux", value);
    return length < 0 ? undefined : value.subarray(0, length);
  },
  sockets: socketLinks,
  socketsInSteps: socketLinksInSteps,
  descriptorCount,
};

/** rpcbind runs on this host and has the answer ready, so a longer wait is pointless. */
const RPCBIND_DEADLINE_MS = 1000;

const ipFamilies: Readonly<Record<number, 4 | 6>> = { [AF_INET]: 4, [AF_INET6]: 6 };

/**
 * The runtime's own resolver. The addresses of a name come from the C library on Node and on Bun. The name of an address
 * does on Node; Bun takes it from the hosts file and DNS alone, so the executable has threads for it. The library looks
 * up no name of an address.
 */
const liveResolver: Resolver = {
  async addresses(name, family) {
    try {
      const { lookup } = await import("node:dns/promises");
      const wanted = family === undefined ? ([4, 6] as const) : [ipFamilies[family] ?? 0];
      const found = await Promise.all(
        wanted.map((each) => lookup(name, { all: true, family: each }).catch(() => [])),
      );
      return found
        .flat()
        .map(({ address, family }) => (family === 4 ? ipv4Bytes(address) : ipv6Bytes(address)));
    } catch {
      return [];
    }
  },
  async name(address) {
    try {
      const { lookupService } = await import("node:dns/promises");
      return (await lookupService(ipText(address), 0)).hostname;
    } catch {
      return undefined;
    }
  },
  async rpcServices() {
    const { listRpcServices, RPCBIND_SOCKET } = await import("./rpcbind.ts");
    return listRpcServices(RPCBIND_SOCKET, RPCBIND_DEADLINE_MS);
  },
};

/** Writes an address without abbreviations. */
export function ipText(address: Uint8Array): string {
  if (address.length === 4) return address.join(".");
  const data = new DataView(address.buffer, address.byteOffset, address.byteLength);
  return Array.from({ length: 8 }, (_, word) => data.getUint16(word * 2).toString(16)).join(":");
}

function ipv4Bytes(text: string): Uint8Array {
  return Uint8Array.from(text.split("."), Number);
}

/** Reads an IPv6 address, and ignores its zone (`%eth0`). */
function ipv6Bytes(text: string): Uint8Array {
  const bytes = parseIpv6(text.replace(/%.*/, ""));
  if (bytes === undefined) throw new RangeError(`Cannot read "${text}" as an IPv6 address`);
  return bytes;
}

/** CGROUP2_SUPER_MAGIC. linux/magic.h. */
const CGROUP2_MAGIC = 0x63677270;

/** The id of a control group: the inode of its directory. */
function liveCgroupId(path: string): bigint | undefined {
  const file = filePath(path);
  const { statfsSync, statSync } = builtin("node:fs");
  const status = statSync(file, { bigint: true });
  return status.isDirectory() && statfsSync(file).type === CGROUP2_MAGIC ? status.ino : undefined;
}

/** Struct ifreq: a name, then here an index. linux/if.h. */
const IFREQ = { nameBytes: 16, size: 40 };
const SIOCGIFNAME = 0x8910;
const SOCK_DGRAM_CLOEXEC = 0x80002;

function liveInterfaceName(index: number): Uint8Array | undefined {
  const fd = libc.socket(AF_UNIX, SOCK_DGRAM_CLOEXEC, 0);
  if (fd < 0) return undefined;
  const request = new Uint8Array(IFREQ.size);
  new DataView(request.buffer).setInt32(IFREQ.nameBytes, index, true);
  const failed = libc.ioctl(fd, SIOCGIFNAME, request) < 0;
  libc.close(fd);
  return failed ? undefined : request.slice(0, request.indexOf(0));
}

/** The first cgroup2 tree that is mounted. */
function liveCgroups(): ReturnType<Host["cgroups"]> {
  try {
    const mount = cgroup2Mount(builtin("node:fs").readFileSync("/proc/mounts", "utf8"));
    return mount === undefined ? undefined : walkCgroups(mount);
  } catch {
    return undefined;
  }
}

/** The mount point of the first cgroup2 tree in the text of /proc/mounts. */
export function cgroup2Mount(mounts: string): string | undefined {
  const path = /^\S+ (\S+) cgroup2 /m.exec(mounts)?.[1];
  return path === undefined ? undefined : unescapePath(path);
}

/** Walks the cgroups of a mounted tree, parents first. Leaves out cgroups that vanish during the walk. */
export function* walkCgroups(mount: string, path = "/"): Generator<[id: bigint, path: string]> {
  const { join } = builtin("node:path");
  const { readdirSync, statSync } = builtin("node:fs");
  const folder = join(mount, path);
  let children: string[];
  try {
    yield [statSync(folder, { bigint: true }).ino, path];
    children = readdirSync(folder, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map(({ name }) => name);
  } catch {
    return;
  }
  for (const name of children) yield* walkCgroups(mount, join(path, name));
}
