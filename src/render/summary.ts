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

/** The summary as JSON: the kernel's counts as they are, and no sum of what belongs to different namespaces. */
export function summaryObject(counts: SocketCounts) {
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
