/** Where sockets are read: over netlink, from /proc, or from a file, as the environment says. */
import type { DumpName } from "../model/selection.ts";

/** The files below /proc that are read beside processes, and the variables that name others in their place. */
const files = {
  tcp: { path: "net/tcp", variable: "PROC_NET_TCP" },
  tcp6: { path: "net/tcp6", variable: "PROC_NET_TCP6" },
  udp: { path: "net/udp", variable: "PROC_NET_UDP" },
  udp6: { path: "net/udp6", variable: "PROC_NET_UDP6" },
  raw: { path: "net/raw", variable: "PROC_NET_RAW" },
  raw6: { path: "net/raw6", variable: "PROC_NET_RAW6" },
  unix: { path: "net/unix", variable: "PROC_NET_UNIX" },
  packet: { path: "net/packet", variable: "PROC_NET_PACKET" },
  netlink: { path: "net/netlink", variable: "PROC_NET_NETLINK" },
  sockstat: { path: "net/sockstat", variable: "PROC_NET_SOCKSTAT" },
  sockstat6: { path: "net/sockstat6", variable: "PROC_NET_SOCKSTAT6" },
  snmp: { path: "net/snmp", variable: "PROC_NET_SNMP" },
  portRange: { path: "sys/net/ipv4/ip_local_port_range", variable: "PROC_IP_LOCAL_PORT_RANGE" },
} as const;

/** A file below /proc. */
export type ProcFile = keyof typeof files;

/** The variable that takes each table away from netlink; those without are always asked for there. */
const switches: Partial<Record<DumpName, string>> = {
  tcp: "PROC_NET_TCP",
  udp: "PROC_NET_UDP",
  raw: "PROC_NET_RAW",
  mptcp: "PROC_NET_MPTCP",
  dccp: "PROC_NET_DCCP",
  sctp: "PROC_NET_SCTP",
  unix: "PROC_NET_UNIX",
  packet: "PROC_NET_PACKET",
  netlink: "PROC_NET_NETLINK",
};

/** Where sockets are read. */
export interface Sources {
  /** Where /proc is. */
  readonly root: string;
  /** The file of netlink messages that TCP sockets are read from instead. */
  readonly diagFile: string | undefined;
  /** Where a file of /proc is. */
  path(file: ProcFile): string;
  /** Whether netlink is left alone for a table, so that only /proc can tell of it. */
  withoutNetlink(table: DumpName): boolean;
}

/** Environment variables. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** Where sockets are read by an environment: PROC_ROOT, PROC_NET_* and TCPDIAG_FILE. */
export function sourcesOf(env: Environment): Sources {
  const root = env["PROC_ROOT"] ?? "/proc";
  return {
    root,
    diagFile: env["TCPDIAG_FILE"],
    path: (file) => env[files[file].variable] ?? `${root}/${files[file].path}`,
    withoutNetlink(table) {
      const variable = switches[table];
      return variable !== undefined && (env["PROC_ROOT"] !== undefined || env[variable] !== undefined);
    },
  };
}
