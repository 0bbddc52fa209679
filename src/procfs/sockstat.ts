/** Counts of sockets: /proc/net/sockstat, /proc/net/sockstat6 and /proc/net/snmp. proc(5). */

/** Sockets of one transport by address family, of this network namespace. */
export interface FamilyCounts {
  /** IPv4 sockets. */
  readonly ipv4: number;
  /** IPv6 sockets, including dual-stack sockets. */
  readonly ipv6: number;
}

/** Counts of sockets. A count that is missing in the files is 0. */
export interface SocketCounts {
  /** Sockets that programs have open, of any family. */
  readonly used: number;
  /** TCP sockets of the whole host. The kernel does not count these per network namespace. */
  readonly tcpAllocated: number;
  /** TCP sockets that no process has open any more. */
  readonly tcpOrphaned: number;
  /** TCP connections in TIME-WAIT. */
  readonly tcpTimeWait: number;
  /** TCP connections in ESTABLISHED or CLOSE-WAIT. */
  readonly tcpEstablished: number;
  /** Raw sockets. */
  readonly raw: FamilyCounts;
  /** UDP sockets. */
  readonly udp: FamilyCounts;
  /** TCP sockets. */
  readonly tcp: FamilyCounts;
  /** IP fragment queues: datagrams in reassembly. */
  readonly frag: FamilyCounts;
}

/** Parses lines of sockstat and sockstat6 into counts with keys such as `TCP inuse`. */
function parseSockstat(text: string, counts: Map<string, number>): void {
  for (const line of text.split("\n")) {
    const [label = "", ...words] = line.split(/\s+/);
    if (!label.endsWith(":")) continue;
    for (let index = 0; index + 1 < words.length; index += 2) {
      const value = Number.parseInt(words[index + 1]!, 10);
      if (Number.isFinite(value)) counts.set(`${label.slice(0, -1)} ${words[index]}`, value);
    }
  }
}

/**
 * The counts in the text of sockstat and sockstat6.
 *
 * @param established see {@link establishedOf}
 */
export function countSockets(sockstat: string, sockstat6: string, established: number): SocketCounts {
  const counts = new Map<string, number>();
  parseSockstat(sockstat, counts);
  parseSockstat(sockstat6, counts);
  const count = (name: string) => counts.get(name) ?? 0;
  const families = (label: string) => ({ ipv4: count(`${label} inuse`), ipv6: count(`${label}6 inuse`) });
  return {
    used: count("sockets used"),
    tcpAllocated: count("TCP alloc"),
    tcpOrphaned: count("TCP orphan"),
    tcpTimeWait: count("TCP tw"),
    tcpEstablished: established,
    raw: families("RAW"),
    udp: families("UDP"),
    tcp: families("TCP"),
    frag: families("FRAG"),
  };
}

const TCP_LABEL = "Tcp:";

function wordsOf(line: string): string[] {
  return line.split(/\s+/);
}

/**
 * The `CurrEstab` value of /proc/net/snmp. Like ss, uses the last column if no column has that name.
 *
 * @returns undefined if the file has no such value
 */
export function establishedOf(snmp: string): number | undefined {
  const lines = snmp.split("\n");
  let at = 0;
  while (at < lines.length && wordsOf(lines[at]!)[0] !== TCP_LABEL) at++;
  const heading = wordsOf(lines[at] ?? "");
  const values = wordsOf(lines[at + 1] ?? "");
  if (values[0] !== TCP_LABEL) return undefined;
  const named = heading.indexOf("CurrEstab");
  const value = values[named < 0 ? heading.length - 1 : named];
  return value === undefined ? undefined : Number.parseInt(value, 10) || 0;
}
