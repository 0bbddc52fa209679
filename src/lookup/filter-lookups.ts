/** What the words of a filter are looked up in: services, interfaces, cgroups, the kernel's abilities. */

import { once } from "../enrich/once.ts";
import { readServices } from "../enrich/services.ts";
import { INET_DIAG_REQ_BYTECODE } from "../families/inet/layouts/inet-diag.ts";
import { inetRequest } from "../families/inet/socket.ts";
import { cgroupProbe } from "../filter/bytecode.ts";
import type { Lookups } from "../filter/operands.ts";
import type { Host } from "../host/host.ts";
import { cgroup2Mount } from "../host/live.ts";
import { AF_INET, IPPROTO_TCP } from "../model/family.ts";
import { netlinkProtocolNumber } from "../model/netlink-protocols.ts";
import { systemMessage } from "../native/errno.ts";
import { NETLINK_SOCK_DIAG, SOCK_DIAG_BY_FAMILY } from "../netlink/constants.ts";
import { dump, encodeDumpRequest } from "../netlink/dump.ts";
import { NetlinkError } from "../netlink/errors.ts";
import { interfaces } from "./names.ts";

const decoder = new TextDecoder();

/** The look-ups of one run. Each source is read when it is first asked. */
export function filterLookups(host: Host): Lookups {
  const services = once(() => readServices(host.files));
  const links = once(() => {
    const byName = new Map<string, number>();
    for (const { index, name, alternativeNames } of interfaces(host))
      for (const each of [...alternativeNames, name]) byName.set(decoder.decode(each), index);
    return byName;
  });
  return {
    port: (service, protocol) => services().port(service, protocol),
    interfaceIndex: (name) => links().get(name),
    netlinkProtocol: netlinkProtocolNumber,
    cgroupId: (path) => cgroupId(host, path),
    knowsCgroups: () => knowsCgroups(host),
  };
}

/** The id of a cgroup by its path, from the root of all files or from that of the cgroups; or why there is none. */
function cgroupId(host: Host, path: string): bigint | string {
  let mount: string | undefined;
  try {
    mount = cgroup2Mount(decoder.decode(host.files.read("/proc/mounts")));
  } catch (error) {
    return `Failed to open mounts file: ${systemMessage(error)}\nFailed to find cgroup2 mount`;
  }
  const tree = host.cgroups();
  if (mount === undefined || tree === undefined) return "Failed to find cgroup2 mount";
  const outside = "Invalid cgroup2 path";
  if (path === "/") return outside;
  const relative = path.startsWith(mount) ? path.slice(mount.length) : path;
  const wanted = `/${relative.split("/").filter(Boolean).join("/")}`;
  for (const [id, known] of tree) if (known === wanted) return id;
  try {
    host.files.list(path);
    return outside;
  } catch (error) {
    return `Failed to get cgroup2 ID: ${systemMessage(error)}`;
  }
}

/** Whether the kernel takes a filter by cgroup: it is asked for no socket, with one. */
function knowsCgroups({ transport }: Host): boolean {
  const socket = transport.open(NETLINK_SOCK_DIAG);
  try {
    const attribute = { type: INET_DIAG_REQ_BYTECODE, payload: cgroupProbe() };
    const request = encodeDumpRequest(SOCK_DIAG_BY_FAMILY, inetRequest(AF_INET, IPPROTO_TCP, 0, 0), [
      attribute,
    ]);
    for (const _ of dump(socket, request, (size) => new Uint8Array(size)));
    return true;
  } catch (error) {
    if (error instanceof NetlinkError) return false;
    throw error;
  } finally {
    socket.close();
  }
}
