/** Names of the ports of RPC programs, as rpcbind has them registered and /etc/rpc names them. rpc(5). */
import type { Files, Host, RpcService } from "../host/host.ts";
import { readNumberNames } from "./services.ts";

/** Protocols with ports of RPC programs. */
export type RpcProtocol = "tcp" | "udp";

/** Look-ups of RPC programs by port, and of ports by program. */
export interface RpcNames {
  /** Whether a program is registered at a port. */
  has(port: number, protocol: RpcProtocol): boolean;
  /** `rpc.` and the name of the program at a port; undefined if there is no program, or it has no name. */
  name(port: number, protocol: RpcProtocol): string | undefined;
  /** The ports of a program, by its name with `rpc.`. */
  ports(name: string, protocol: RpcProtocol): readonly number[];
}

/** The protocol of each rpcbind netid. RFC 5665, 5.1.3. */
const protocols: Readonly<Record<string, RpcProtocol>> = { tcp: "tcp", tcp6: "tcp", udp: "udp", udp6: "udp" };

/**
 * The port of a universal address. As in ss, only services at the unspecified address count.
 *
 * @returns undefined for other addresses. RFC 5665, 5.2.3.3 and 5.2.3.4: `HOST.HIGH.LOW`
 */
function universalPort(address: string): number | undefined {
  const match = /^(?:0\.0\.0\.0|::)\.(\d{1,3})\.(\d{1,3})$/.exec(address);
  if (match === null) return undefined;
  const [high, low] = [Number(match[1]), Number(match[2])];
  return high > 0xff || low > 0xff ? undefined : high * 0x100 + low;
}

/** Looks up the registered programs of a host. */
export async function lookUpRpcNames({ resolver, files }: Host): Promise<RpcNames> {
  return rpcNames(await resolver.rpcServices(), files);
}

/** Names the ports of registered programs. */
export function rpcNames(services: readonly RpcService[], files: Files): RpcNames {
  const programNames = readNumberNames(files, "/etc/rpc");
  const names = new Map<string, string | undefined>();
  const ports = new Map<string, Set<number>>();
  for (const { program, netid, address } of services) {
    const protocol = Object.hasOwn(protocols, netid) ? protocols[netid] : undefined;
    const port = universalPort(address);
    if (protocol === undefined || port === undefined) continue;
    const known = programNames.get(program);
    const name = known === undefined ? undefined : `rpc.${known}`;
    // The last program that registered a port counts.
    names.set(`${port}/${protocol}`, name);
    if (name === undefined) continue;
    const key = `${name}/${protocol}`;
    ports.set(key, (ports.get(key) ?? new Set()).add(port));
  }
  return {
    has: (port, protocol) => names.has(`${port}/${protocol}`),
    name: (port, protocol) => names.get(`${port}/${protocol}`),
    ports: (name, protocol) => [...(ports.get(`${name}/${protocol}`) ?? [])],
  };
}
