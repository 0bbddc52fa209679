/** The kernel's own counts and limits, from files below /proc: sockstat, netstat, snmp and sysctl settings. */
import { type Counters, readCounters } from "../doctor/counters.ts";
import { portsToChooseFrom } from "../doctor/rules/ephemeral-ports.ts";
import type { HostFacts } from "../doctor/sample.ts";

/** Bytes of a page; /proc counts the memory of protocols in pages. Linux has larger pages on some machines. */
const PAGE = 4096;

/** Why packets are dropped, by label value: the counters that are added up. No packet is in two of them. */
export const dropCounters: Readonly<Record<string, readonly string[]>> = {
  "accept-queue-full": ["TcpExt.ListenOverflows"],
  "syn-queue-full": ["TcpExt.TCPReqQFullDrop"],
  "tcp-backlog-full": ["TcpExt.TCPBacklogDrop"],
  "tcp-receive-queue-full": ["TcpExt.TCPRcvQDrop"],
  "tcp-checksum": ["Tcp.InCsumErrors"],
  "udp-receive-buffer-full": ["Udp.RcvbufErrors", "Udp6.RcvbufErrors"],
  "udp-send-buffer-full": ["Udp.SndbufErrors", "Udp6.SndbufErrors"],
  "udp-checksum": ["Udp.InCsumErrors", "Udp6.InCsumErrors"],
  "conntrack-full": ["nf_conntrack.drop"],
};

/** Protocols whose memory sockstat has, by label value. */
export const memoryCounters: Readonly<Record<string, string>> = {
  tcp: "sockstat.TCP.mem",
  udp: "sockstat.UDP.mem",
};

/** Files below /proc, as the doctor reads them. */
export type ProcFiles = Pick<HostFacts, "file" | "numbers">;

/** What was read at one moment. What the kernel does not have is undefined. */
export interface HostNumbers {
  /** Bytes that the sockets of each protocol hold. */
  readonly memory: Readonly<Record<string, number | undefined>>;
  /** The limits of TCP's memory in bytes: where pressure begins, and what is never exceeded. net.ipv4.tcp_mem. */
  readonly memoryPressure: number | undefined;
  readonly memoryLimit: number | undefined;
  readonly timeWait: number | undefined;
  readonly timeWaitLimit: number | undefined;
  readonly orphans: number | undefined;
  readonly orphanLimit: number | undefined;
  /** Packets by the words of {@link dropCounters}. */
  readonly drops: Readonly<Record<string, number | undefined>>;
  /** The range that connect(2) takes local ports from. */
  readonly portRange: readonly [low: number, high: number] | undefined;
  /** How many ports of the range are not reserved. */
  readonly ports: number | undefined;
}

/** The sum of the counters that exist; undefined if none does. */
function sumOf(counters: Counters, names: readonly string[]): number | undefined {
  const found = names.flatMap((name) => counters.get(name) ?? []);
  return found.length === 0 ? undefined : found.reduce((sum, each) => sum + each, 0);
}

const inBytes = (pages: number | undefined) => (pages === undefined ? undefined : pages * PAGE);

/** Reads the numbers. */
export function readHostNumbers(files: ProcFiles): HostNumbers {
  const counters = readCounters(files.file);
  const setting = (name: string, index = 0) => files.numbers(`sys/net/ipv4/${name}`)[index];
  const low = setting("ip_local_port_range");
  const high = setting("ip_local_port_range", 1);
  return {
    memory: Object.fromEntries(
      Object.entries(memoryCounters).map(([name, counter]) => [name, inBytes(counters.get(counter))]),
    ),
    memoryPressure: inBytes(setting("tcp_mem", 1)),
    memoryLimit: inBytes(setting("tcp_mem", 2)),
    timeWait: counters.get("sockstat.TCP.tw"),
    timeWaitLimit: setting("tcp_max_tw_buckets"),
    orphans: counters.get("sockstat.TCP.orphan"),
    orphanLimit: setting("tcp_max_orphans"),
    drops: Object.fromEntries(
      Object.entries(dropCounters).map(([reason, names]) => [reason, sumOf(counters, names)]),
    ),
    portRange: low === undefined || high === undefined ? undefined : [low, high],
    ports: portsToChooseFrom(files),
  };
}
