/** Listeners whose connections wait to be accepted. */
import type { InetSocket } from "../../families/inet/socket.ts";
import { SS_LISTEN } from "../../model/state.ts";
import { byProcess } from "../owner.ts";
import { type Finding, rule } from "../rule.ts";
import { growth, type Samples } from "../sample.ts";
import { inodesOf, suspects } from "../suspects.ts";
import { counted, seconds } from "../words.ts";

/** Counters of connections that found no place. */
const OVERFLOWS = "TcpExt.ListenOverflows";
const DROPS = "TcpExt.ListenDrops";

/** Whether the kernel takes no more: it takes one more than the backlog. net/sock.h, sk_acceptq_is_full(). */
function isFull({ rqueue, wqueue }: InetSocket): boolean {
  return rqueue > wqueue;
}

function refused(samples: Samples<readonly InetSocket[]>): string[] {
  const overflows = growth(samples, OVERFLOWS);
  const drops = growth(samples, DROPS);
  if (overflows === undefined || drops === undefined || drops === 0) return [];
  return [
    `In ${seconds(samples.elapsedMs)}, ${counted(overflows, "connection")} found a full accept queue (${OVERFLOWS}), and the kernel dropped ${counted(drops, "SYN or ACK", "SYNs or ACKs")} of listeners in all (${DROPS})`,
  ];
}

/** See {@link rule}. */
export const acceptQueue = rule({
  id: "accept-queue",
  title: "A listener's accept queue is full or filling",
  severity: "critical",
  reads: ["TCP sockets in LISTEN: Recv-Q, Send-Q", `${OVERFLOWS} and ${DROPS} of /proc/net/netstat`],
  thresholds: {
    share: {
      value: 75,
      quantity: "percent",
      doc: "of the backlog in use for a warning: a burst fills the rest",
    },
    waiting: {
      value: 4,
      quantity: "count",
      doc: "connections that wait, for a queue that is not full: of a backlog of 1 any connection is all",
    },
  },
  why:
    "The program does not call accept() as fast as connections come, and those that find the queue full are dropped: " +
    "clients see delays of seconds, then timeouts. A larger backlog helps against bursts only, not against a program that is too slow.",
  advice: [
    {
      text: "See how the queue goes on (Recv-Q waits, Send-Q is the limit)",
      command: "ss -tlnp sport = :PORT",
    },
    {
      text: "See whether connections are refused a place",
      command: "nstat -az TcpExtListenOverflows TcpExtListenDrops",
    },
    { text: "See what the process does instead of accepting", command: "strace -f -p PID -e trace=network" },
    {
      text: "Raise the limit that caps every backlog, and the program's own",
      command: "sysctl net.core.somaxconn",
    },
  ],
  rate: "better",
  sockets: {
    tables: ["tcp", "mptcp"],
    states: 1 << SS_LISTEN,
    collect: ({ share, waiting }) =>
      suspects<InetSocket>(
        (socket) =>
          isFull(socket) ||
          (socket.rqueue >= waiting && socket.rqueue * 100 >= Math.max(1, socket.wqueue) * share),
      ),
    inodes: inodesOf,
  },
  check(samples) {
    const { gathered } = samples.first;
    const evidence = refused(samples);
    const findings: Finding[] = byProcess(gathered, samples).flatMap(({ pid, who, sockets }) =>
      sockets.map((socket): Finding => {
        const { rqueue, wqueue, sport } = socket;
        const full = isFull(socket);
        const what = full ? "is full" : "is filling";
        return {
          severity: full ? "critical" : "warning",
          title: `The accept queue of port ${sport} ${what}: ${who} lets ${counted(rqueue, "connection")} wait, and there are ${counted(wqueue + 1, "place")}`,
          sockets: [socket],
          evidence,
          values: { waiting: rqueue, backlog: wqueue, port: sport },
          fill: { PORT: sport, ...(pid === undefined ? {} : { PID: pid }) },
        };
      }),
    );
    if (findings.length > 0 || evidence.length === 0 || growth(samples, OVERFLOWS) === 0) return findings;
    return [
      {
        severity: "warning",
        title: `${counted(growth(samples, OVERFLOWS)!, "connection")} found a full accept queue in ${seconds(samples.elapsedMs)}`,
        evidence,
        values: { overflows: growth(samples, OVERFLOWS)!, drops: growth(samples, DROPS)! },
      },
    ];
  },
});
