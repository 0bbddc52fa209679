/** A host for the tests of metrics: samples, events and /proc by description, and a clock that the test moves. */
import type { Owner } from "../../src/enrich/processes.ts";
import type { SocketEvent } from "../../src/events/event.ts";
import { SocketTable } from "../../src/live/table.ts";
import type { Family } from "../../src/metrics/exposition.ts";
import { families } from "../../src/metrics/families.ts";
import { Metrics, type MetricsOptions } from "../../src/metrics/metrics.ts";
import { batch, inetSocket, type SocketLike } from "../live/sockets.ts";

/** Files below /proc, with the settings that metrics read. */
export const procFiles: Readonly<Record<string, string>> = {
  "net/sockstat":
    "sockets: used 300\nTCP: inuse 9 orphan 2 tw 7 alloc 20 mem 3\nUDP: inuse 4 mem 1\nUDPLITE: inuse 0\n",
  "net/netstat": "TcpExt: ListenOverflows TCPReqQFullDrop TCPBacklogDrop TCPRcvQDrop\nTcpExt: 11 12 13 14\n",
  "net/snmp": "Tcp: InCsumErrors\nTcp: 1\nUdp: RcvbufErrors SndbufErrors InCsumErrors\nUdp: 20 21 22\n",
  "net/snmp6": "Udp6RcvbufErrors                \t100\n",
  "sys/net/ipv4/ip_local_port_range": "32768\t60999\n",
  "sys/net/ipv4/ip_local_reserved_ports": "40000-40009\n",
  "sys/net/ipv4/tcp_mem": "100\t200\t300\n",
  "sys/net/ipv4/tcp_max_tw_buckets": "1000\n",
  "sys/net/ipv4/tcp_max_orphans": "2000\n",
};

/** The owner of a socket as events have it. */
export function ownerNamed(name: string | Uint8Array, pid = 7): Owner {
  const stat = Buffer.concat([
    Buffer.from(`${pid} (`),
    typeof name === "string" ? Buffer.from(name) : name,
    Buffer.from(") S 1"),
  ]);
  return { pid, tid: pid, fd: 3, stat, processContext: undefined, socketContext: undefined };
}

/** An event of a socket that is described. */
export function socketEvent(
  kind: SocketEvent["kind"],
  like: SocketLike,
  more: Partial<SocketEvent> = {},
): SocketEvent {
  return { timeMs: 0, kind, source: "destroy", socket: inetSocket(like), ...more };
}

/** Metrics with a clock of their own, and samples by description. */
export class MetricsWorld {
  /** The time that the metrics see, in milliseconds. */
  nowMs = 0;
  readonly table = new SocketTable();
  /** The names of processes by pid. */
  readonly names = new Map<number, string>();
  readonly metrics: Metrics;
  #number = 0;

  constructor(options: Partial<MetricsOptions> = {}) {
    this.metrics = new Metrics({
      version: "1.2.3",
      now: () => this.nowMs,
      files: {
        file: (path) => procFiles[path],
        numbers: (path) => (procFiles[path] ?? "").trim().split(/\s+/).map(Number),
      },
      cost: () => ({ cpuSeconds: 1.5, rssBytes: 4096, startSeconds: 1_000_000 }),
      sources: ["destroy", "tracefs"],
      ...options,
    });
  }

  /** Reads sockets into the table. @param pids the process of each, by cookie */
  read(likes: readonly SocketLike[], pids: Readonly<Record<number, number>> = {}): void {
    const { table } = this;
    table.begin(this.nowMs);
    for (const like of likes) table.add(batch(like), this.nowMs);
    table.finish();
    for (let slot = 0; slot < table.end; slot++) table.process[slot] = pids[table.cookie(slot)] ?? 0;
    this.#number++;
  }

  /** Has the metrics count the table. */
  count(): void {
    const holders = { name: (pid: number) => this.names.get(pid) };
    this.metrics.takeSample({ number: this.#number, durationMs: 4, table: this.table, holders });
  }

  /** Reads sockets and counts them. */
  sample(likes: readonly SocketLike[], pids: Readonly<Record<number, number>> = {}): void {
    this.read(likes, pids);
    this.count();
  }

  /** Has the metrics take an event. */
  event(kind: SocketEvent["kind"], like: SocketLike, more: Partial<SocketEvent> = {}): void {
    this.metrics.takeEvent(socketEvent(kind, like, more));
  }

  /** The value of each series of a family, by its labels joined with blanks. Histograms give their count. */
  values(name: string): Record<string, number> {
    if (!(name in families)) throw new Error(`There is no family ${name}`);
    const family = this.metrics.collect().find((each) => each.name === name);
    return Object.fromEntries(
      (family?.points ?? []).map(({ labels, value }) => [
        labels.join(" "),
        typeof value === "number" ? value : value.count,
      ]),
    );
  }

  /** The values that are not 0. */
  nonzero(name: string): Record<string, number> {
    return Object.fromEntries(Object.entries(this.values(name)).filter(([, value]) => value !== 0));
  }

  /** The sum over all series of a family. */
  sum(name: string): number {
    return Object.values(this.values(name)).reduce((sum, each) => sum + each, 0);
  }

  /** How many series there are. */
  series(): number {
    return seriesIn(this.metrics.collect());
  }
}

function seriesIn(all: readonly Family[]): number {
  let count = 0;
  for (const { points } of all)
    for (const { value } of points) count += typeof value === "number" ? 1 : value.counts.length + 2;
  return count;
}
