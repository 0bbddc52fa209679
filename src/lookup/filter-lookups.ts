/** Look-ups for the words of a filter: services, interfaces, control groups, users, and what the kernel supports. */
import { libc } from "#libc";
import { decodeBytes } from "../bytes/text.ts";
import { readNetlinkProtocols } from "../enrich/netlink-protocols.ts";
import { once } from "../enrich/once.ts";
import { parseUsers } from "../enrich/passwd.ts";
import { readServices } from "../enrich/services.ts";
import { INET_DIAG_REQ_BYTECODE } from "../families/inet/layouts/inet-diag.ts";
import { inetRequest } from "../families/inet/request.ts";
import { cgroupProbe } from "../filter/bytecode.ts";
import type { Lookups } from "../filter/reading.ts";
import type { Host } from "../host/host.ts";
import { cgroup2Mount } from "../host/live.ts";
import { AF_INET, IPPROTO_TCP } from "../model/family.ts";
import { systemMessage } from "../native/errno.ts";
import { NETLINK_SOCK_DIAG, SOCK_DIAG_BY_FAMILY } from "../netlink/constants.ts";
import { dump, encodeDumpRequest } from "../netlink/dump.ts";
import { NetlinkError } from "../netlink/errors.ts";
import { interfaces } from "./names.ts";

const decoder = new TextDecoder();

/** The look-ups of one run. Each source is read at its first use. */
export function filterLookups(host: Host): Lookups {
  const services = once(() => readServices(host.files));
  const links = once(() => {
    const byName = new Map<string, number>();
    for (const { index, name, alternativeNames } of interfaces(host))
      for (const each of [...alternativeNames, name]) byName.set(decodeBytes(each), index);
    return byName;
  });
  const protocols = once(() => {
    // The names of rows complain about a damaged file.
    const names = readNetlinkProtocols(host.files, () => {});
    const byName = Array.from(names, ([number, name]) => [decodeBytes(name), number] as const);
    // Of two protocols with the same name the first counts.
    return new Map(byName.sort(([, a], [, b]) => b - a));
  });
  const users = once(() => {
    try {
      return parseUsers(decoder.decode(host.files.read("/etc/passwd")));
    } catch {
      return new Map<string, number>();
    }
  });
  return {
    port: (service, protocol) => services().port(service, protocol),
    interfaceIndex: (name) => links().get(name),
    netlinkProtocol: (name) => protocols().get(name),
    cgroupId: (path) => cgroupId(host, path),
    knowsCgroups: () => knowsCgroups(host),
    userId: (name) => users().get(name),
  };
}

const OUTSIDE = "Invalid cgroup2 path";

/**
 * Finds the id of a control group.
 *
 * @param path from the root or the working directory, or from the root of the cgroup2 tree
 * @returns the lines that say why there is none
 */
function cgroupId(host: Host, path: string): bigint | string {
  let mount: string | undefined;
  try {
    mount = cgroup2Mount(decoder.decode(host.files.read("/proc/mounts")));
  } catch (error) {
    return `Failed to open mounts file: ${systemMessage(error)}\nFailed to find cgroup2 mount`;
  }
  if (mount === undefined) return "Failed to find cgroup2 mount";
  return host.cgroupId === undefined
    ? recordedCgroupId(host, mount, path)
    : liveCgroupId(host.cgroupId, mount, path);
}

/** As in ss, the first path that exists counts, even if it is no control group. */
function liveCgroupId(idOf: NonNullable<Host["cgroupId"]>, mount: string, path: string): bigint | string {
  let problem: unknown;
  for (const each of [path, `${mount}/${path.replace(/^\//, "")}`]) {
    try {
      return idOf(each) ?? OUTSIDE;
    } catch (error) {
      problem ??= error;
    }
  }
  return `Failed to get cgroup2 ID: ${systemMessage(problem)}`;
}

/** A recording has only the paths of control groups, so paths are compared. */
function recordedCgroupId(host: Host, mount: string, path: string): bigint | string {
  if (path === "/") return OUTSIDE;
  const tree = host.cgroups();
  if (tree === undefined) return "Failed to find cgroup2 mount";
  const within = path === mount || path.startsWith(`${mount}/`) ? path.slice(mount.length) : path;
  const wanted = `/${within.split("/").filter(Boolean).join("/")}`;
  for (const [id, known] of tree) if (known === wanted) return id;
  try {
    host.files.list(path);
    return OUTSIDE;
  } catch (error) {
    return `Failed to get cgroup2 ID: ${systemMessage(error)}`;
  }
}

/** Whether the kernel can filter by control group: requests sockets in no state, filtered by one. */
function knowsCgroups({ transport }: Host): boolean | string {
  const attribute = { type: INET_DIAG_REQ_BYTECODE, payload: cgroupProbe() };
  const request = encodeDumpRequest(SOCK_DIAG_BY_FAMILY, inetRequest(AF_INET, IPPROTO_TCP, 0, 0), [
    attribute,
  ]);
  try {
    const socket = transport.open(NETLINK_SOCK_DIAG);
    try {
      for (const _ of dump(socket, request, (size) => new Uint8Array(size)));
      return true;
    } finally {
      socket.close();
    }
  } catch (error) {
    if (!(error instanceof NetlinkError)) throw error;
    return error.operation === "socket" ? `Cannot open netlink socket: ${libc.strerror(error.errno)}` : false;
  }
}
