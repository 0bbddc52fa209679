/** The summary of `-s`, as text and as JSON. */
import type { FamilyCounts, SocketCounts } from "../procfs/sockstat.ts";

/** Width of a number column. */
const WIDTH = 9;

function row(label: string, { ipv4, ipv6 }: FamilyCounts): string {
  const numbers = [ipv4 + ipv6, ipv4, ipv6].map((number) => String(number).padEnd(WIDTH));
  return `${label}\t  ${numbers.join(" ")}\n`;
}

function inet({ raw, udp, tcp }: SocketCounts): FamilyCounts {
  return { ipv4: raw.ipv4 + udp.ipv4 + tcp.ipv4, ipv6: raw.ipv6 + udp.ipv6 + tcp.ipv6 };
}

/**
 * The summary in ss's format. ss computes closed connections as the host's TCP sockets minus those that the network
 * namespace uses. The number is meaningless on a host with several namespaces.
 */
export function formatSummary(counts: SocketCounts): string {
  const { used, tcpAllocated, tcpOrphaned, tcpTimeWait, tcpEstablished, raw, udp, tcp, frag } = counts;
  const closed = tcpAllocated - (tcp.ipv4 + tcp.ipv6 - tcpTimeWait);
  return (
    `Total: ${used}\n` +
    `TCP:   ${tcpAllocated + tcpTimeWait} (estab ${tcpEstablished}, closed ${closed}, ` +
    `orphaned ${tcpOrphaned}, timewait ${tcpTimeWait})\n\n` +
    "Transport Total     IP        IPv6\n" +
    row("RAW", raw) +
    row("UDP", udp) +
    row("TCP", tcp) +
    row("INET", inet(counts)) +
    row("FRAG", frag) +
    "\n"
  );
}

/** Sockets of one transport, by address family and in total. */
export interface TransportCounts extends FamilyCounts {
  /** Sum of both families. */
  readonly total: number;
}

/** The kernel's own counts of sockets by transport and family, like `ss -s`, without sums across namespaces. */
export interface Summary {
  /** Sockets that programs have open, of any family. */
  readonly used: number;
  /** TCP sockets by state. */
  readonly tcpStates: {
    /** In ESTABLISHED or CLOSE-WAIT. */
    readonly established: number;
    /** In TIME-WAIT. */
    readonly timeWait: number;
    /** Not open in any process any more. */
    readonly orphaned: number;
    /** TCP sockets of the whole host. The kernel does not count these per network namespace. */
    readonly allocatedOnHost: number;
  };
  /** Sockets by transport. */
  readonly transports: {
    /** Raw sockets. */
    readonly raw: TransportCounts;
    /** UDP sockets. */
    readonly udp: TransportCounts;
    /** TCP sockets. */
    readonly tcp: TransportCounts;
    /** Raw, UDP and TCP sockets together. */
    readonly inet: TransportCounts;
    /** IP fragment queues: datagrams in reassembly. */
    readonly frag: TransportCounts;
  };
}

/** The summary as JSON. */
export function summaryObject(counts: SocketCounts): Summary {
  const { used, tcpAllocated, tcpOrphaned, tcpTimeWait, tcpEstablished, raw, udp, tcp, frag } = counts;
  const transport = (families: FamilyCounts) => ({ total: families.ipv4 + families.ipv6, ...families });
  return {
    used,
    tcpStates: {
      established: tcpEstablished,
      timeWait: tcpTimeWait,
      orphaned: tcpOrphaned,
      allocatedOnHost: tcpAllocated,
    },
    transports: {
      raw: transport(raw),
      udp: transport(udp),
      tcp: transport(tcp),
      inet: transport(inet(counts)),
      frag: transport(frag),
    },
  };
}
