/** TCP memory near its limits. */
import type { InetSocket } from "../../families/inet/socket.ts";
import { SS_ESTABLISHED, stateMask } from "../../model/state.ts";
import { bytesText, seconds } from "../amounts.ts";
import { type Collector, rule } from "../rule.ts";
import { growth, type Samples } from "../sample.ts";
import { keep } from "../suspects.ts";

const PAGES = "sockstat.TCP.mem";
const LIMITS = "sys/net/ipv4/tcp_mem";
/** Bytes of a page; proc counts TCP memory in pages. Linux has larger pages on some machines. */
const PAGE = 4096;

/** Counters of data thrown away for want of memory, with what they mean. */
const losses: readonly (readonly [counter: string, meaning: string])[] = [
  ["TcpExt.TCPMemoryPressures", "times TCP came under memory pressure"],
  ["TcpExt.PruneCalled", "receive queues pruned because their buffer was full"],
  ["TcpExt.RcvPruned", "received packets dropped in pruning"],
  ["TcpExt.TCPAbortOnMemory", "connections reset for want of memory"],
];
const PRESSURES = losses[0]![0];

/** How many of the sockets with most data queued are kept to be shown. */
const KEPT = 20;

function queued({ rqueue, wqueue }: InetSocket): number {
  return rqueue + wqueue;
}

/** Keeps the sockets with most data queued. */
function largest(): Collector<readonly InetSocket[]> {
  const gathered: InetSocket[] = [];
  let least = 0;
  return {
    gathered,
    see(each) {
      const socket = each as InetSocket;
      if (queued(socket) <= least) return;
      gathered.push(keep(socket));
      if (gathered.length <= KEPT) return;
      gathered.sort((a, b) => queued(b) - queued(a)).pop();
      least = queued(gathered.at(-1)!);
    },
  };
}

function evidenceOf(samples: Samples<unknown>): string[] {
  return losses.flatMap(([counter, meaning]) => {
    const grown = growth(samples, counter) ?? 0;
    return grown > 0 ? [`${grown} ${meaning} in ${seconds(samples.elapsedMs)} (${counter})`] : [];
  });
}

/** Compares the memory of all TCP sockets with tcp_mem. */
export const tcpMemory = rule({
  id: "tcp-memory",
  title: "TCP memory is near its limit",
  severity: "critical",
  reads: [
    "TCP mem of /proc/net/sockstat, which counts the whole host",
    "net.ipv4.tcp_mem",
    `${losses.map(([counter]) => counter).join(", ")} of /proc/net/netstat`,
  ],
  thresholds: {
    share: {
      value: 90,
      quantity: "percent",
      doc: "of the second value of tcp_mem (pressure) for a warning: above it the kernel shrinks buffers",
    },
    full: {
      value: 95,
      quantity: "percent",
      doc: "of the third value of tcp_mem (the limit) to be critical: above it the kernel resets connections",
    },
  },
  why:
    "Under pressure the kernel shrinks the buffers of all TCP sockets and drops received data, and every connection of the host slows down. " +
    "At the limit it resets connections. The memory is in sockets whose data nobody reads or acknowledges.",
  advice: [
    {
      text: "Compare the memory (mem, in pages) with the limits",
      command: "grep TCP: /proc/net/sockstat /proc/sys/net/ipv4/tcp_mem",
    },
    { text: "List the sockets with the most unread data", command: "sockscope -tanp --sort -recvq --top 10" },
    {
      text: "List the sockets with the most unacknowledged data",
      command: "sockscope -tanp --sort -sendq --top 10",
    },
    {
      text: "Raise the limits (pages: low, pressure, limit), if there is memory",
      command: "sysctl -w net.ipv4.tcp_mem='786432 1048576 1572864'",
      scope: "host",
    },
  ],
  rate: "better",
  hostWide: true,
  sockets: {
    tables: ["tcp"],
    states: (1 << SS_ESTABLISHED) | stateMask("close-wait")! | stateMask("fin-wait-1")!,
    statesAtRest: 0,
    collect: largest,
  },
  check(samples) {
    const { share, full } = samples.thresholds;
    const [, pressure, limit] = samples.numbers(LIMITS);
    const pages = samples.last.counters.get(PAGES);
    const pressures = growth(samples, PRESSURES) ?? 0;
    const isNear = pressure !== undefined && pages !== undefined && pages * 100 >= pressure * share;
    if (!isNear && pressures === 0) return [];
    const isFull = limit !== undefined && pages !== undefined && pages * 100 >= limit * full;
    const limits =
      pressure === undefined || limit === undefined
        ? ""
        : `; pressure begins at ${bytesText(pressure * PAGE)}, the limit is ${bytesText(limit * PAGE)}`;
    return [
      {
        severity: isFull ? "critical" : "warning",
        subject: "",
        title: `TCP sockets take ${bytesText((pages ?? 0) * PAGE)} of memory${limits}`,
        sockets: samples.first.gathered.toSorted((a, b) => queued(b) - queued(a)),
        evidence: evidenceOf(samples),
        values: {
          pages: pages ?? 0,
          ...(pressure === undefined ? {} : { pressurePages: pressure }),
          ...(limit === undefined ? {} : { limitPages: limit }),
          pressures,
        },
      },
    ];
  },
});
