/**
 * Every metric family: one row with name, type, unit, help, labels, and how it is read. The exposition, docs/metrics.md
 * and the tests of the dashboard and the alert rules are made from it.
 */
import { dumpOrder } from "../model/selection.ts";
import { type State, states } from "../model/state.ts";
import { kindCount } from "./connection-kind.ts";
import { endings } from "./ending.ts";
import { countedKinds, failures } from "./event-counters.ts";
import { findingSeries } from "./findings.ts";
import { type GroupName, type GroupRow, groupNames, groupRows } from "./groups.ts";
import {
  byteBounds,
  durationBounds,
  type Histogram,
  ratioBounds,
  rttBounds,
  sampleBounds,
  seriesOf,
} from "./histogram.ts";
import { dropCounters, memoryCounters } from "./host-numbers.ts";
import type { KindCounters } from "./kind-counters.ts";
import { portTables } from "./sample-counters.ts";
import type { MetricsState } from "./state.ts";

/** One series with a number, or the series of one histogram. */
export interface Point {
  /** Label values in the order of the family's labels. */
  readonly labels: readonly string[];
  readonly value: number | Histogram;
}

/** The types that we use. OpenMetrics 1.0, "Metric Types". */
export type FamilyType = "gauge" | "counter" | "histogram" | "info";

/** A metric family. */
export interface FamilyRow {
  readonly type: FamilyType;
  /** Base unit, which is the end of the name. */
  readonly unit?: "seconds" | "bytes" | "ratio";
  /** One sentence, without `"`, `\` and a full stop. */
  readonly help: string;
  readonly labels: readonly string[];
  /** Where the kernel or we have the number from. */
  readonly source: string;
  /** The bounded group that decides which series there are; undefined if the label values are ours. */
  readonly group?: GroupName;
  /** The most series that it can have. A family of a group has none of its own: its group counts them. */
  readonly most: number;
  /** Reads all points. A value that is unknown is left out. */
  read(state: MetricsState): Iterable<Point>;
}

/** A number without labels; none if it is unknown. */
function* single(value: number | undefined): Generator<Point> {
  if (value !== undefined) yield { labels: [], value };
}

/** Numbers with one label. */
function* labelled(entries: Iterable<readonly [label: string, value: number | undefined]>): Generator<Point> {
  for (const [label, value] of entries) if (value !== undefined) yield { labels: [label], value };
}

/** A gauge or counter without labels. */
function plain(
  type: "gauge" | "counter",
  help: string,
  source: string,
  read: (state: MetricsState) => number | undefined,
  unit?: FamilyRow["unit"],
): FamilyRow {
  const row = { type, help, labels: [], source, most: 1, read: (state: MetricsState) => single(read(state)) };
  return unit === undefined ? row : { ...row, unit };
}

const KIND_LABELS = ["direction", "scope"] as const;
const EVENTS = "events: destroy, tracefs";
const SAMPLES = "samples and events: tcp_info";

/** A counter of each kind of connections. */
function perKind(
  help: string,
  source: string,
  read: (kind: KindCounters) => number,
  unit?: FamilyRow["unit"],
): FamilyRow {
  return {
    type: "counter",
    ...(unit === undefined ? {} : { unit }),
    help,
    labels: KIND_LABELS,
    source,
    most: kindCount,
    read: ({ kinds }) => kinds.map((kind) => ({ labels: kind.labels, value: read(kind) })),
  };
}

/** A histogram of each kind of connections, with one observation for each that ended. */
function ofEnded(
  name: keyof KindCounters["ended"],
  unit: FamilyRow["unit"] & string,
  bounds: readonly number[],
  help: string,
  source: string,
): FamilyRow {
  return {
    type: "histogram",
    unit,
    help,
    labels: KIND_LABELS,
    source,
    most: kindCount * seriesOf(bounds),
    read: ({ kinds }) => kinds.map(({ labels, ended }) => ({ labels, value: ended[name] })),
  };
}

/** A value of each member of a bounded group. */
function ofGroup<G extends GroupName>(
  group: G,
  value: keyof (typeof groupRows)[G]["values"] & string,
  type: "gauge" | "counter",
  help: string,
  source: string,
  unit?: FamilyRow["unit"],
): FamilyRow {
  const row: GroupRow = groupRows[group];
  const [at] = row.values[value]!;
  return {
    type,
    ...(unit === undefined ? {} : { unit }),
    help,
    labels: row.labels,
    source,
    group,
    most: 0,
    *read({ groups }) {
      for (const { labels, values, used } of groups[group].members())
        if (used[at] === 1) yield { labels, value: values[at]! };
    },
  };
}

/** The words of states as label values: those of the filter language, where they have some. */
export const stateLabels: readonly string[] = states.map(
  ({ words, name, label }: State) => words[0] ?? (name ?? label).toLowerCase(),
);

const TCP = dumpOrder.indexOf("tcp");
const STATES = states.length;
/** States without a socket in any listing: the kernel does not use the first, and sends the last two as others. */
const TCP_STATES = [1, 2, 3, 4, 5, 6, 8, 9, 10, 11] as const;

/** Every family by name; the name of a counter is without its `_total`. */
export const families: Readonly<Record<string, FamilyRow>> = {
  sockscope_build: {
    type: "info",
    help: "Version of Sockscope",
    labels: ["version"],
    source: "this program",
    most: 1,
    read: ({ version }) => [{ labels: [version], value: 1 }],
  },
  sockscope_sockets: {
    type: "gauge",
    help: "Sockets by table and state",
    labels: ["table", "state"],
    source: "sample: sock_diag",
    most: dumpOrder.length * STATES,
    *read({ sample: { sockets, seen } }) {
      for (const [index, table] of dumpOrder.entries())
        for (const [state, label] of stateLabels.entries()) {
          const at = index * STATES + state;
          const isShown = seen[at] === 1 || (index === TCP && TCP_STATES.some((each) => each === state));
          if (isShown) yield { labels: [table, label], value: sockets[at]! };
        }
    },
  },
  sockscope_receive_queue_bytes: {
    type: "gauge",
    unit: "bytes",
    help: "Bytes that programs have not read yet, by table, without listeners",
    labels: ["table"],
    source: "sample: idiag_rqueue and its equivalents",
    most: dumpOrder.length,
    read: ({ sample }) => queues(sample.receiveQueues, sample.seen),
  },
  sockscope_send_queue_bytes: {
    type: "gauge",
    unit: "bytes",
    help: "Bytes that were written and not acknowledged or sent yet, by table, without listeners",
    labels: ["table"],
    source: "sample: idiag_wqueue and its equivalents",
    most: dumpOrder.length,
    read: ({ sample }) => queues(sample.sendQueues, sample.seen),
  },
  sockscope_memory_bytes: {
    type: "gauge",
    unit: "bytes",
    help: "Memory of the buffers of all sockets of the host, by protocol",
    labels: ["protocol"],
    source: "mem in /proc/net/sockstat",
    most: Object.keys(memoryCounters).length,
    read: ({ host }) => labelled(Object.entries(host?.memory ?? {})),
  },
  sockscope_tcp_memory_pressure_bytes: plain(
    "gauge",
    "TCP memory from which on the kernel shrinks buffers",
    "second value of net.ipv4.tcp_mem",
    ({ host }) => host?.memoryPressure,
    "bytes",
  ),
  sockscope_tcp_memory_limit_bytes: plain(
    "gauge",
    "TCP memory that is never exceeded",
    "third value of net.ipv4.tcp_mem",
    ({ host }) => host?.memoryLimit,
    "bytes",
  ),
  sockscope_accept_queue_connections: ofGroup(
    "listener",
    "waiting",
    "gauge",
    "Connections that wait to be accepted, by listener",
    "sample: idiag_rqueue of LISTEN",
  ),
  sockscope_accept_queue_limit_connections: ofGroup(
    "listener",
    "limit",
    "gauge",
    "How many connections may wait to be accepted: the backlog of listen(2)",
    "sample: idiag_wqueue of LISTEN",
  ),
  sockscope_dropped_packets: {
    type: "counter",
    help: "Packets that the kernel dropped, by reason",
    labels: ["reason"],
    source: "/proc/net/netstat, snmp, snmp6 and stat/nf_conntrack",
    most: Object.keys(dropCounters).length,
    read: ({ host }) => labelled(Object.entries(host?.drops ?? {})),
  },
  sockscope_tcp_time_wait_sockets: plain(
    "gauge",
    "Connections in TIME-WAIT",
    "tw in /proc/net/sockstat",
    ({ host }) => host?.timeWait,
  ),
  sockscope_tcp_time_wait_limit_sockets: plain(
    "gauge",
    "How many connections may be in TIME-WAIT",
    "net.ipv4.tcp_max_tw_buckets",
    ({ host }) => host?.timeWaitLimit,
  ),
  sockscope_tcp_orphan_sockets: plain(
    "gauge",
    "Connections that no process has open any more",
    "orphan in /proc/net/sockstat",
    ({ host }) => host?.orphans,
  ),
  sockscope_tcp_orphan_limit_sockets: plain(
    "gauge",
    "How many connections may be without a process before the kernel resets some",
    "net.ipv4.tcp_max_orphans",
    ({ host }) => host?.orphanLimit,
  ),
  sockscope_ephemeral_ports_used: {
    type: "gauge",
    help: "Local ports in use within the range that connect(2) takes them from, without listeners",
    labels: ["protocol"],
    source: "sample, net.ipv4.ip_local_port_range",
    most: portTables.length,
    read: ({ sample: { portsInUse } }) => labelled(portTables.map((name) => [name, portsInUse[name]])),
  },
  sockscope_ephemeral_ports_limit: plain(
    "gauge",
    "How many local ports there are to connect from: the limit for each destination",
    "net.ipv4.ip_local_port_range without ip_local_reserved_ports",
    ({ host }) => host?.ports,
  ),
  sockscope_ephemeral_ports_busiest_destination: plain(
    "gauge",
    "Local ports in use toward the destination that has most connections from one local address",
    "sample",
    ({ sample }) => sample.busiestDestination,
  ),
  sockscope_tcp_connections_opened: perKind(
    "TCP connections that began",
    `${EVENTS}; a connection without a trace is not seen to open`,
    ({ opened }) => opened,
  ),
  sockscope_tcp_connections_closed: {
    type: "counter",
    help: "TCP connections that ended, by reason",
    labels: [...KIND_LABELS, "reason"],
    source: `${EVENTS}; reason unknown without a trace`,
    most: kindCount * endings.length,
    *read({ kinds }) {
      for (const { labels, closed } of kinds)
        for (const [index, reason] of endings.entries())
          yield { labels: [...labels, reason], value: closed[index]! };
    },
  },
  sockscope_tcp_connect_failures: {
    type: "counter",
    help: "TCP connects that failed, by reason",
    labels: ["reason"],
    source: EVENTS,
    most: failures.length,
    read: ({ events }) => labelled(events.failed),
  },
  sockscope_tcp_sent_bytes: perKind(
    "Bytes that TCP peers acknowledged",
    `${SAMPLES}, bytes_acked`,
    ({ sent }) => sent,
    "bytes",
  ),
  sockscope_tcp_received_bytes: perKind(
    "Bytes received in order over TCP",
    `${SAMPLES}, bytes_received`,
    ({ received }) => received,
    "bytes",
  ),
  sockscope_tcp_retransmitted_segments: perKind(
    "TCP segments sent again",
    `${SAMPLES}, total_retrans`,
    ({ retransmitted }) => retransmitted,
  ),
  sockscope_tcp_retransmitted_bytes: perKind(
    "Bytes sent again over TCP, of connections that ended",
    "events: destroy, tcpi_bytes_retrans",
    ({ retransmittedBytes }) => retransmittedBytes,
    "bytes",
  ),
  sockscope_tcp_connection_duration_seconds: ofEnded(
    "duration",
    "seconds",
    durationBounds,
    "How long TCP connections lived, for each that ended and was seen to begin",
    EVENTS,
  ),
  sockscope_tcp_connection_rtt_seconds: ofEnded(
    "rtt",
    "seconds",
    rttBounds,
    "Last smoothed round trip time of each TCP connection that ended",
    "events: destroy, tcpi_rtt",
  ),
  sockscope_tcp_connection_sent_bytes: ofEnded(
    "sent",
    "bytes",
    byteBounds,
    "Acknowledged bytes of each TCP connection that ended",
    "events: destroy, tcpi_bytes_acked",
  ),
  sockscope_tcp_connection_received_bytes: ofEnded(
    "received",
    "bytes",
    byteBounds,
    "Received bytes of each TCP connection that ended",
    "events: destroy, tcpi_bytes_received",
  ),
  sockscope_tcp_connection_retransmitted_ratio: ofEnded(
    "retransmitted",
    "ratio",
    ratioBounds,
    "Share of the bytes that were sent again, for each TCP connection that ended and had sent some",
    "events: destroy, tcpi_bytes_retrans / tcpi_bytes_sent",
  ),
  sockscope_process_sockets: {
    type: "gauge",
    help: "Sockets by process and state",
    labels: [...groupRows.process.labels, "state"],
    source: "sample, /proc/PID/fd",
    group: "process",
    most: 0,
    *read({ groups }) {
      const [at] = groupRows.process.values.sockets;
      for (const { labels, values, used } of groups.process.members())
        for (const [state, label] of stateLabels.entries())
          if (used[at + state] === 1) yield { labels: [...labels, label], value: values[at + state]! };
    },
  },
  sockscope_process_sent_bytes: ofGroup(
    "process",
    "sent",
    "counter",
    "Bytes that TCP peers acknowledged, by process",
    `${SAMPLES}, /proc/PID/fd`,
    "bytes",
  ),
  sockscope_process_received_bytes: ofGroup(
    "process",
    "received",
    "counter",
    "Bytes received in order over TCP, by process",
    `${SAMPLES}, /proc/PID/fd`,
    "bytes",
  ),
  sockscope_process_retransmitted_segments: ofGroup(
    "process",
    "retransmitted",
    "counter",
    "TCP segments sent again, by process",
    `${SAMPLES}, /proc/PID/fd`,
  ),
  sockscope_process_dropped_packets: ofGroup(
    "process",
    "dropped",
    "counter",
    "Packets dropped before the process received them: its sockets' buffers were full",
    "sample: SK_MEMINFO_DROPS",
  ),
  sockscope_process_connect_failures: ofGroup(
    "process",
    "failures",
    "counter",
    "TCP connects that failed, by process",
    EVENTS,
  ),
  sockscope_peer_connections: ofGroup(
    "peer",
    "connections",
    "gauge",
    "Open TCP connections by peer, service port, process and direction",
    "sample",
  ),
  sockscope_peer_sent_bytes: ofGroup(
    "peer",
    "sent",
    "counter",
    "Bytes that this peer acknowledged over TCP",
    SAMPLES,
    "bytes",
  ),
  sockscope_peer_received_bytes: ofGroup(
    "peer",
    "received",
    "counter",
    "Bytes received from this peer over TCP",
    SAMPLES,
    "bytes",
  ),
  sockscope_peer_retransmitted_segments: ofGroup(
    "peer",
    "retransmitted",
    "counter",
    "TCP segments sent again to this peer",
    SAMPLES,
  ),
  sockscope_peer_connect_failures: ofGroup(
    "peer",
    "failures",
    "counter",
    "TCP connects to this peer that failed",
    EVENTS,
  ),
  sockscope_findings: {
    type: "gauge",
    help: "Findings of the doctor by rule and severity",
    labels: ["rule", "severity"],
    source: "sockscope doctor",
    most: findingSeries,
    *read({ findings }) {
      for (const { labels, findings: value } of findings.counts) yield { labels, value };
    },
  },
  sockscope_findings_timestamp_seconds: plain(
    "gauge",
    "When the doctor last examined the host, in seconds since 1970",
    "sockscope doctor",
    ({ findings }) => findings.examinedSeconds,
    "seconds",
  ),
  sockscope_events: {
    type: "counter",
    help: "Events of sockets by kind",
    labels: ["kind"],
    source: "sockscope events",
    most: countedKinds.length,
    read: ({ events }) => labelled(events.events),
  },
  sockscope_events_lost: {
    type: "counter",
    help: "Events that the kernel dropped, at least, by source: what they would have counted is missing",
    labels: ["source"],
    source: "/proc/net/netlink, per_cpu/cpuN/stats of tracefs",
    most: 8,
    read: ({ events }) => labelled(events.lost),
  },
  sockscope_sample_duration_seconds: {
    type: "histogram",
    unit: "seconds",
    help: "Time that each sample took: listing all sockets and their processes",
    labels: [],
    source: "this program",
    most: seriesOf(sampleBounds),
    read: ({ sampleDurations }) => [{ labels: [], value: sampleDurations }],
  },
  sockscope_tracked_connections: plain(
    "gauge",
    "Connections whose counters are remembered from sample to sample",
    "this program",
    ({ traffic }) => traffic.size,
  ),
  sockscope_series_folded: {
    type: "counter",
    help: "How often something was counted in the series other, as its group was full",
    labels: ["group"],
    source: "this program",
    most: groupNames.length,
    read: ({ groups }) => labelled(groupNames.map((name) => [name, groups[name].folded])),
  },
  sockscope_series_limit: plain(
    "gauge",
    "The most series that an exposition can have",
    "this program",
    ({ seriesLimit }) => seriesLimit,
  ),
  process_cpu_seconds: plain(
    "counter",
    "Processor time of Sockscope in seconds",
    "getrusage(2)",
    ({ cost }) => cost.cpuSeconds,
    "seconds",
  ),
  process_resident_memory_bytes: plain(
    "gauge",
    "Resident memory of Sockscope in bytes",
    "getrusage(2)",
    ({ cost }) => cost.rssBytes,
    "bytes",
  ),
  process_start_time_seconds: plain(
    "gauge",
    "When Sockscope was started, in seconds since 1970",
    "this program",
    ({ cost }) => cost.startSeconds,
    "seconds",
  ),
  // The last one: it counts itself and those before it.
  sockscope_series: plain("gauge", "Series of this exposition", "this program", ({ series }) => series + 1),
};

/** The queues of the tables that have ever had a socket. */
function* queues(bytes: Float64Array, seen: Uint8Array): Generator<Point> {
  for (const [index, table] of dumpOrder.entries())
    if (seen.subarray(index * STATES, (index + 1) * STATES).includes(1))
      yield { labels: [table], value: bytes[index]! };
}

/** The most series of the families whose label values are ours. */
export const fixedSeries = Object.values(families).reduce((sum, { most }) => sum + most, 0);
