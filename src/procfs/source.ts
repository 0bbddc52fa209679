/** Selects the source of sockets by environment variables: netlink, /proc, or a file. */
import type { DumpName } from "../model/selection.ts";

/** Files below /proc, except those of processes, and the variables that replace them. */
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

/** The name of a row in {@link files}. */
export type ProcFile = keyof typeof files;

/** The variable that makes each table come from /proc. A table without one always comes over netlink. */
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

/** Sources of sockets. */
export interface Sources {
  /** Path of /proc. */
  readonly root: string;
  /** TCPDIAG_FILE: the file of netlink messages to read TCP sockets from. */
  readonly diagFile: string | undefined;
  /** Path of a file of /proc. */
  path(file: ProcFile): string;
  /** Whether a table is read from /proc only, without netlink. */
  withoutNetlink(table: DumpName): boolean;
}

/** Environment variables. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** The sources that an environment selects: PROC_ROOT, PROC_NET_* and TCPDIAG_FILE. */
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
