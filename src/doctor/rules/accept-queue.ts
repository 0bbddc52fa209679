/** Listeners whose connections wait to be accepted. */
import type { InetSocket } from "../../families/inet/socket.ts";
import { SS_LISTEN } from "../../model/state.ts";
import { seconds } from "../amounts.ts";
import { endpoint, localAddress } from "../endpoint.ts";
import { byProcess, pidFill } from "../owner.ts";
import { plural } from "../plural.ts";
import { type Finding, rule } from "../rule.ts";
import { growth, type Samples } from "../sample.ts";
import { inodesOf, suspects } from "../suspects.ts";

const OVERFLOWS = "TcpExt.ListenOverflows";
const DROPS = "TcpExt.ListenDrops";

/** Whether the queue is full: it holds one connection more than the backlog. net/sock.h, sk_acceptq_is_full(). */
function isFull({ rqueue, wqueue }: InetSocket): boolean {
  return rqueue > wqueue;
}

/** A line about dropped connections, if there were any between the samples. */
function dropEvidence(samples: Samples<readonly InetSocket[]>): string[] {
  const overflows = growth(samples, OVERFLOWS);
  const drops = growth(samples, DROPS);
  if (overflows === undefined || drops === undefined || drops === 0) return [];
  return [
    `In ${seconds(samples.elapsedMs)}, ${plural(overflows, "connection")} found a full accept queue (${OVERFLOWS}), and listeners dropped ${plural(drops, "SYN or ACK", "SYNs or ACKs")} in all (${DROPS})`,
  ];
}

/** Compares Recv-Q of listeners (connections that wait) with Send-Q (the backlog). */
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
      doc: "waiting connections for a queue that is not full: one connection fills a large share of a tiny backlog",
    },
  },
  why:
    "The program does not call accept() as fast as connections arrive, and the kernel drops those that find the queue full: " +
    "clients see delays of seconds, then timeouts. A larger backlog helps against bursts, not against a program that is too slow.",
  advice: [
    {
      text: "Watch the queue (Recv-Q connections wait, Send-Q is the limit)",
      command: "ss -tlnp sport = :PORT",
    },
    {
      text: "Check whether connections are dropped",
      command: "nstat -az TcpExtListenOverflows TcpExtListenDrops",
    },
    {
      text: "Check what the process does instead of accepting",
      command: "strace -f -p PID -e trace=network",
      scope: "host",
    },
    {
      text: "Check the limit on every backlog; raise it with sysctl -w, and raise the program's own backlog",
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
    const evidence = dropEvidence(samples);
    const findings = byProcess(samples.first.gathered, samples).flatMap(({ pid, who, sockets }) =>
      sockets.map((socket): Finding => {
        const { rqueue, wqueue, sport } = socket;
        const full = isFull(socket);
        return {
          severity: full ? "critical" : "warning",
          subject: endpoint(localAddress(socket), sport),
          title: `The accept queue of port ${sport} is ${full ? "full" : "filling"}: ${plural(rqueue, "connection waits", "connections wait")} for ${who}, and the queue holds ${wqueue + 1}`,
          sockets: [socket],
          evidence,
          values: { waiting: rqueue, backlog: wqueue, port: sport },
          fill: { PORT: sport, ...pidFill(pid) },
        };
      }),
    );
    const overflows = growth(samples, OVERFLOWS) ?? 0;
    if (findings.length > 0 || evidence.length === 0 || overflows === 0) return findings;
    return [
      {
        severity: "warning",
        subject: "",
        title: `${plural(overflows, "connection")} found a full accept queue in ${seconds(samples.elapsedMs)}`,
        evidence,
        values: { overflows, drops: growth(samples, DROPS)! },
      },
    ];
  },
});
