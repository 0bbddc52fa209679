/** Netlink sockets that drop messages of the kernel. */

import type { NetlinkDiagSocket } from "../../families/netlink/socket.ts";
import { SS_CLOSE } from "../../model/state.ts";
import { seconds } from "../amounts.ts";
import { losers, lossesOf } from "../drops.ts";
import { byProcess, pidFill } from "../owner.ts";
import { plural } from "../plural.ts";
import { rule } from "../rule.ts";
import { inodesOf } from "../suspects.ts";

/** Finds netlink sockets that have dropped messages. */
export const netlinkOverrun = rule({
  id: "netlink-overrun",
  title: "A netlink socket loses messages of the kernel",
  severity: "warning",
  reads: ["netlink sockets: drops of SK_MEMINFO"],
  thresholds: {
    total: {
      value: 1,
      quantity: "count",
      doc: "messages lost since the socket was opened: one is enough to miss a route",
    },
  },
  why:
    "The program does not read as fast as the kernel sends messages about routes, links or events, and recv() fails with ENOBUFS. " +
    "Unless the program then requests a full dump, its picture of the network stays wrong.",
  advice: [
    { text: "Check whether it goes on (the last column but one)", command: "cat /proc/net/netlink" },
    {
      text: "Check what the process does instead of reading",
      command: "strace -f -p PID -e trace=network",
      scope: "host",
    },
    { text: "Restart it so that it requests a full dump; give it a larger SO_RCVBUF" },
  ],
  rate: "better",
  sockets: {
    tables: ["netlink"],
    states: 1 << SS_CLOSE,
    collect: () => losers<NetlinkDiagSocket>(),
    again: () => "all",
    inodes: inodesOf,
  },
  check(samples) {
    const { total } = samples.thresholds;
    const growing = samples.elapsedMs === 0 ? [] : lossesOf(samples);
    const ever = lossesOf({ ...samples, elapsedMs: 0 }).filter(({ packets }) => packets >= total);
    return byProcess(
      ever.map(({ socket }) => socket),
      samples,
    ).map(({ pid, who, sockets }) => {
      const sum = (losses: typeof ever) =>
        losses.reduce((sum, each) => sum + (sockets.includes(each.socket) ? each.packets : 0), 0);
      const now = sum(growing);
      const when = now > 0 ? `${now} of them in ${seconds(samples.elapsedMs)}` : "none of them now";
      return {
        severity: now > 0 ? "warning" : "info",
        subject: pid === undefined ? "" : `pid ${pid}`,
        title: `Netlink sockets of ${who} have lost ${plural(sum(ever), "message")}, ${when}`,
        sockets,
        values: { lost: sum(ever), lostBetweenSamples: now },
        fill: pidFill(pid),
      };
    });
  },
});
