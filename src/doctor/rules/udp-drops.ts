/** UDP sockets that drop datagrams. */

import type { InetSocket } from "../../families/inet/socket.ts";
import { stateGroups } from "../../model/state.ts";
import { seconds } from "../amounts.ts";
import { losers, lossesOf } from "../drops.ts";
import { byProcess, pidFill } from "../owner.ts";
import { plural } from "../plural.ts";
import { rule } from "../rule.ts";
import { growth } from "../sample.ts";
import { inodesOf } from "../suspects.ts";

const ERRORS = ["Udp.RcvbufErrors", "Udp6.RcvbufErrors", "Udp.MemErrors"] as const;

/** Finds UDP sockets that drop datagrams. */
export const udpDrops = rule({
  id: "udp-drops",
  title: "A UDP socket drops what it receives",
  severity: "warning",
  reads: ["UDP sockets: drops and buffers of SK_MEMINFO", `${ERRORS.join(", ")} of /proc/net/snmp and snmp6`],
  thresholds: {
    drops: {
      value: 1,
      quantity: "count",
      doc: "datagrams dropped between the samples for a warning: with a sufficient buffer, none is",
    },
    total: {
      value: 100,
      quantity: "count",
      doc: "datagrams dropped since the socket was opened, with one sample: it may be long ago",
    },
  },
  why:
    "The program does not read as fast as datagrams arrive, its receive buffer is full, and the kernel drops what does not fit. " +
    "UDP does not retransmit: for DNS, syslog or video the data is lost.",
  advice: [
    { text: "Check whether it goes on (d in skmem)", command: "ss -uanmp sport = :PORT" },
    { text: "Read the counters of the host", command: "nstat -az UdpRcvbufErrors Udp6RcvbufErrors" },
    {
      text: "Check what the process does instead of reading",
      command: "strace -f -p PID -e trace=network",
      scope: "host",
    },
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
        subject: pid === undefined ? `port ${sport}` : `pid ${pid}`,
        title: `UDP sockets of ${who} have dropped ${plural(lost, "datagram")} ${when}`,
        sockets,
        evidence: [`The receive buffer of port ${sport} is ${memory?.rcvbuf} bytes`, ...counters],
        values: { lost, port: sport },
        fill: { PORT: sport, ...pidFill(pid) },
      };
    });
  },
});
