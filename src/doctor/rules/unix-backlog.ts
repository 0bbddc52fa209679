/** UNIX listeners whose connections wait to be accepted. */
import type { UnixSocket } from "../../families/unix/socket.ts";
import { SS_LISTEN } from "../../model/state.ts";
import { byProcess, pidFill } from "../owner.ts";
import { plural } from "../plural.ts";
import { rule } from "../rule.ts";
import { inodesOf, suspects } from "../suspects.ts";

/** Whether connect() has to wait: the queue holds one connection more than the backlog. */
function isFull({ rqueue = 0, wqueue = 0 }: UnixSocket): boolean {
  return rqueue > wqueue;
}

const decoder = new TextDecoder();

/** The bound name as ss shows it: an abstract name begins with `@`, a path may end in a NUL. */
function nameOf({ name }: UnixSocket): string {
  if (name === undefined) return "a UNIX socket without a name";
  const text = decoder.decode(name);
  return text.startsWith("\0") ? text.replaceAll("\0", "@") : text.replace(/\0.*$/s, "");
}

/** Finds UNIX listeners whose backlog is full or nearly full. */
export const unixBacklog = rule({
  id: "unix-backlog",
  title: "A UNIX listener's backlog is full or filling",
  severity: "critical",
  reads: ["UNIX sockets in LISTEN: Recv-Q, Send-Q"],
  thresholds: {
    share: {
      value: 75,
      quantity: "percent",
      doc: "of the backlog in use for a warning: a burst fills the rest",
    },
    waiting: {
      value: 4,
      quantity: "count",
      doc: "waiting connections for a backlog that is not full: one connection fills a large share of a tiny backlog",
    },
  },
  why:
    "The program does not call accept() as fast as clients connect. With a full backlog connect() waits, " +
    'or fails with EAGAIN on a non-blocking socket, which web servers show as "502 Bad Gateway".',
  advice: [
    {
      text: "Watch the queue (Recv-Q connections wait, Send-Q is the limit)",
      command: "sockscope -xlp inode = INODE",
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
  sockets: {
    tables: ["unix"],
    states: 1 << SS_LISTEN,
    collect: ({ share, waiting }) =>
      suspects<UnixSocket>((socket) => {
        const { rqueue = 0, wqueue = 0 } = socket;
        return isFull(socket) || (rqueue >= waiting && rqueue * 100 >= Math.max(1, wqueue) * share);
      }),
    inodes: inodesOf,
  },
  check(samples) {
    return byProcess(samples.first.gathered, samples).flatMap(({ pid, who, sockets }) =>
      sockets.map((socket) => {
        const { rqueue = 0, wqueue = 0 } = socket;
        const full = isFull(socket);
        return {
          severity: full ? "critical" : "warning",
          subject: nameOf(socket),
          title: `The backlog of ${nameOf(socket)} is ${full ? "full" : "filling"}: ${plural(rqueue, "connection waits", "connections wait")} for ${who}, and the queue holds ${wqueue + 1}`,
          sockets: [socket],
          values: { waiting: rqueue, backlog: wqueue },
          fill: { INODE: socket.inode, ...pidFill(pid) },
        };
      }),
    );
  },
});
