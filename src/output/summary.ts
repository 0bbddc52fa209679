/** The summary of `-s`. */
import type { FamilyCounts, SocketCounts } from "../procfs/sockstat.ts";

/** Width of the columns of numbers. */
const WIDTH = 9;

function row(label: string, { ipv4, ipv6 }: FamilyCounts): string {
  const numbers = [ipv4 + ipv6, ipv4, ipv6].map((number) => String(number).padEnd(WIDTH));
  return `${label}\t  ${numbers.join(" ")}\n`;
}

function inet({ raw, udp, tcp }: SocketCounts): FamilyCounts {
  return { ipv4: raw.ipv4 + udp.ipv4 + tcp.ipv4, ipv6: raw.ipv6 + udp.ipv6 + tcp.ipv6 };
}

/**
 * The summary as ss writes it. Its number of closed connections is what is left of the host's TCP sockets without
 * those that the network namespace uses, so it says nothing where the host has more than one namespace.
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

/** Sockets of one transport: by address family, and in all. */
export interface TransportCounts extends FamilyCounts {
  /** Of both. */
  readonly total: number;
}

/** Counts of sockets by transport and family, as `ss -s`: the kernel's own, and no sum across namespaces. */
export interface Summary {
  /** Sockets that programs have open, of any family. */
  readonly used: number;
  /** TCP sockets by what has become of them. */
  readonly tcpStates: {
    /** Established, or waiting to be closed. */
    readonly established: number;
    /** In TIME-WAIT. */
    readonly timeWait: number;
    /** Those that no program has open any more. */
    readonly orphaned: number;
    /** Of the whole host: the kernel does not count these by network namespace. */
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
    /** All of those three. */
    readonly inet: TransportCounts;
    /** Fragmented datagrams being put together. */
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
