/** UDP sockets that are not read fast enough. */
import type { InetSocket } from "../../families/inet/socket.ts";
import { stateGroups } from "../../model/state.ts";
import { losers, lossesOf } from "../drops.ts";
import { byProcess } from "../owner.ts";
import { rule } from "../rule.ts";
import { growth } from "../sample.ts";
import { inodesOf } from "../suspects.ts";
import { counted, seconds } from "../words.ts";

const ERRORS = ["Udp.RcvbufErrors", "Udp6.RcvbufErrors", "Udp.MemErrors"] as const;

/** See {@link rule}. */
export const udpDrops = rule({
  id: "udp-drops",
  title: "A UDP socket loses what it receives",
  severity: "warning",
  reads: ["UDP sockets: drops and buffers of SK_MEMINFO", `${ERRORS.join(", ")} of /proc/net/snmp and snmp6`],
  thresholds: {
    drops: {
      value: 1,
      quantity: "count",
      doc: "datagrams lost between the samples for a warning: with a buffer that fits, none is",
    },
    total: {
      value: 100,
      quantity: "count",
      doc: "datagrams lost since the socket was opened to be worth a word, by one sample: it may be long ago",
    },
  },
  why:
    "The receive buffer is full, as the program does not read as fast as datagrams come, and the kernel drops what does not fit. " +
    "Nobody sends it again: for DNS, syslog or video it is lost.",
  advice: [
    { text: "See whether it goes on (the d in skmem)", command: "ss -uanmp sport = :PORT" },
    { text: "See the counters of the host", command: "nstat -az UdpRcvbufErrors Udp6RcvbufErrors" },
    { text: "See what the process does instead of reading", command: "strace -f -p PID -e trace=network" },
    {
      text: "Allow larger buffers, and let the program ask for one (SO_RCVBUF)",
      command: "sysctl -w net.core.rmem_max=8388608",
    },
  ],
  rate: "better",
  sockets: {
    tables: ["udp"],
    states: stateGroups.all,
    demands: ["memory"],
    collect: () => losers<InetSocket>(),
    again: () => "all",
    inodes: inodesOf,
  },
  check(samples) {
    const { drops, total } = samples.thresholds;
    const single = samples.elapsedMs === 0;
    const losses = lossesOf(samples).filter(({ packets }) => packets >= (single ? total : drops));
    const counters = ERRORS.flatMap((name) => {
      const grown = growth(samples, name) ?? 0;
      return grown > 0 ? [`${name} has grown by ${grown}`] : [];
    });
    const when = single ? "since they were opened" : `in ${seconds(samples.elapsedMs)}`;
    return byProcess(
      losses.map(({ socket }) => socket),
      samples,
    ).map(({ pid, who, sockets }) => {
      const own = losses.filter(({ socket }) => sockets.includes(socket));
      const lost = own.reduce((sum, { packets }) => sum + packets, 0);
      const { sport, memory } = sockets[0]!;
      return {
        severity: single ? "info" : "warning",
        title: `UDP sockets of ${who} have lost ${counted(lost, "datagram")} ${when}`,
        sockets,
        evidence: [`The receive buffer of port ${sport} is ${memory?.rcvbuf} bytes`, ...counters],
        values: { lost, port: sport },
        fill: { PORT: sport, ...(pid === undefined ? {} : { PID: pid }) },
      };
    });
  },
});
