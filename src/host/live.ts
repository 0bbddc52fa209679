/** This machine. */
import { readdirSync, readFileSync, readlinkSync, statSync } from "node:fs";
import { join } from "node:path";
import { libc } from "#libc";
import { parseIpv6 } from "../model/address.ts";
import { AF_INET, AF_INET6 } from "../model/family.ts";
import { liveTransport } from "../netlink/live.ts";
import type { BpfObjects, Files, Host, Resolver } from "./host.ts";
import { unescapePath } from "./mounts.ts";
import { readFile } from "./read.ts";
import { descriptorCount, socketLinks } from "./socket-links.ts";
import { beginSweep, type SocketSweep, type SweepWorker } from "./socket-sweep.ts";

/**
 * This machine: its kernel, its files, its resolver, its cgroups.
 *
 * @param startWorker starts a thread that helps to read many descriptors, see {@link beginSweep}
 */
export function liveHost(startWorker?: () => SweepWorker): Host {
  const files = startWorker === undefined ? liveFiles : sweepingFiles(startWorker);
  let bpf: Promise<BpfObjects> | undefined;
  return {
    transport: liveTransport(),
    files,
    resolver: liveResolver,
    bpf: () => (bpf ??= import("./bpf.ts").then(({ liveBpf }) => liveBpf())),
    cgroups: liveCgroups,
  };
}

/** The files of this machine; if there are many descriptors, a second thread reads them ahead. */
function sweepingFiles(startWorker: () => SweepWorker): Files {
  let sweep: SocketSweep | undefined;
  return {
    ...liveFiles,
    sockets: (directory, visit) => sweep?.take(directory, visit) ?? socketLinks(directory, visit),
    beginSockets(root) {
      sweep = beginSweep(root, startWorker);
    },
  };
}

/** SELinux contexts are shorter than a page. */
const CONTEXT_LIMIT = 4096;

/** The files of this machine. */
export const liveFiles: Files = {
  read: readFile,
  list: (path) => readdirSync(path),
  link(path) {
    try {
      return readlinkSync(path);
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
  descriptorCount,
};

/** rpcbind runs on this host and has the answer ready, so a longer wait is pointless. */
const RPCBIND_DEADLINE_MS = 1000;

const ipFamilies: Readonly<Record<number, 4 | 6>> = { [AF_INET]: 4, [AF_INET6]: 6 };

/** The names that the C library knows: the hosts file, DNS, whatever else it is set up for. */
const liveResolver: Resolver = {
  async addresses(name, family) {
    try {
      const { lookup } = await import("node:dns/promises");
      const found = await lookup(name, { all: true, family: (family && ipFamilies[family]) ?? 0 });
      return found.map(({ address, family }) => (family === 4 ? ipv4Bytes(address) : ipv6Bytes(address)));
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

/** An address in the simplest form that the C library accepts. */
export function ipText(address: Uint8Array): string {
  if (address.length === 4) return address.join(".");
  const data = new DataView(address.buffer, address.byteOffset, address.byteLength);
  return Array.from({ length: 8 }, (_, word) => data.getUint16(word * 2).toString(16)).join(":");
}

function ipv4Bytes(text: string): Uint8Array {
  return Uint8Array.from(text.split("."), Number);
}

/** The bytes of an IPv6 address as the C library writes it; a zone (`%eth0`) is left out. */
function ipv6Bytes(text: string): Uint8Array {
  const bytes = parseIpv6(text.replace(/%.*/, ""));
  if (bytes === undefined) throw new RangeError(`Cannot read "${text}" as an IPv6 address`);
  return bytes;
}

/** The first mounted cgroup2 tree. */
function liveCgroups(): ReturnType<Host["cgroups"]> {
  try {
    const mount = cgroup2Mount(readFileSync("/proc/mounts", "utf8"));
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

/** Every cgroup of a mounted tree, parents first. A cgroup that is removed during the walk is left out. */
export function* walkCgroups(mount: string, path = "/"): Generator<[id: bigint, path: string]> {
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
