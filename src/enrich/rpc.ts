/** Names of ports that RPC programs are registered at: what rpcbind tells, in the words of /etc/rpc. rpc(5). */
import type { Files, Host, RpcService } from "../host/host.ts";
import { readNumberNames } from "./services.ts";

/** The protocols whose ports RPC programs have. */
export type RpcProtocol = "tcp" | "udp";

/** RPC programs by port, and ports by RPC program. */
export interface RpcNames {
  /** Whether any program is registered at a port. */
  has(port: number, protocol: RpcProtocol): boolean;
  /** `rpc.` and the name of the program at a port; undefined if there is none, or if it has no name. */
  name(port: number, protocol: RpcProtocol): string | undefined;
  /** The ports of a program by that name. */
  ports(name: string, protocol: RpcProtocol): readonly number[];
}

/** RFC 5665, 5.1.3: what an rpcbind netid stands for. */
const protocols: Readonly<Record<string, RpcProtocol>> = { tcp: "tcp", tcp6: "tcp", udp: "udp", udp6: "udp" };

/**
 * The port in a universal address, of a service that is there at every address: so ss knows them.
 *
 * @returns undefined for any other address. RFC 5665, 5.2.3.3 and 5.2.3.4: `HOST.HIGH.LOW`
 */
function universalPort(address: string): number | undefined {
  const match = /^(?:0\.0\.0\.0|::)\.(\d{1,3})\.(\d{1,3})$/.exec(address);
  if (match === null) return undefined;
  const [high, low] = [Number(match[1]), Number(match[2])];
  return high > 0xff || low > 0xff ? undefined : high * 0x100 + low;
}

/** Asks for what is registered on a host, and makes names of it. */
export async function lookUpRpcNames({ resolver, files }: Host): Promise<RpcNames> {
  return rpcNames(await resolver.rpcServices(), files);
}

/** Makes names of what is registered. */
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
    // Of several programs at a port, the last registered counts.
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
