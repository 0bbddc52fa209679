/**
 * Demands: details of a socket that the kernel does not always send. Columns, filter predicates, doctor rules and
 * options all name members of this table, so an unknown name does not compile. The query turns demands into request
 * bits, scans of /proc, and lookups.
 */

/** One demand. */
interface DemandRow {
  /** The source of the data; `us` is computed from other fields. */
  readonly from: "kernel" | "proc" | "resolver" | "us";
  /** Demands that it needs. */
  readonly implies?: readonly string[];
  /** The detail that it adds to a socket, in one line. */
  readonly doc: string;
}

/** All demands. */
export const demands = {
  memory: { from: "kernel", doc: "memory of the socket: INET_DIAG_SKMEMINFO and its equivalents" },
  info: { from: "kernel", doc: "struct tcp_info, mptcp_info or sctp_info, and the congestion control" },
  tos: { from: "kernel", doc: "type of service, traffic class, class id" },
  uid: { from: "kernel", doc: "owner of a UNIX socket; the kernel always sends the owner of other sockets" },
  extended: { from: "kernel", doc: "file and pending connections of a UNIX socket" },
  bpfStorages: { from: "kernel", doc: "values that BPF programs stored with the socket" },
  owners: { from: "proc", implies: ["peerOwners"], doc: "processes that have the socket open" },
  threads: { from: "proc", implies: ["owners"], doc: "threads that have the socket open" },
  processContext: { from: "proc", implies: ["owners"], doc: "SELinux contexts of the processes" },
  socketContext: { from: "proc", implies: ["owners"], doc: "SELinux contexts of the socket's descriptors" },
  peerOwners: { from: "proc", doc: "processes at the other end of a UNIX socket" },
  peerNames: { from: "kernel", doc: "name of the UNIX socket at the other end" },
  peers: {
    from: "kernel",
    implies: ["owners", "peerOwners"],
    doc: "processes at the other end of a local TCP connection",
  },
  containers: { from: "proc", doc: "container and systemd unit of the owner" },
  cgroup: { from: "proc", doc: "path of the socket's control group" },
  hostNames: { from: "resolver", doc: "host names of addresses, and names of RPC programs" },
  netns: { from: "proc", doc: "network namespace" },
  explanation: { from: "us", implies: ["info", "memory"], doc: "what limits a TCP connection now" },
  past: { from: "us", doc: "when a connection of the past was opened and ended, and why" },
} as const satisfies Readonly<Record<string, DemandRow>>;

/** The name of a demand. */
export type Demand = keyof typeof demands;

/** A set of demands. */
export type Demands = ReadonlySet<Demand>;

/** The empty set: only what the kernel always sends. */
export const noDemands: Demands = new Set();

/** The set of the given demands and of all demands that they imply. */
export function demandSet(...lists: readonly (Iterable<Demand> | undefined)[]): Demands {
  const all = new Set<Demand>();
  const add = (demand: Demand): void => {
    if (all.has(demand)) return;
    all.add(demand);
    const { implies = [] }: DemandRow = demands[demand];
    for (const each of implies) add(each as Demand);
  };
  for (const list of lists) for (const demand of list ?? []) add(demand);
  return all;
}
