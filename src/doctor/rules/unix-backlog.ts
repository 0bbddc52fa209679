/** UNIX listeners whose connections wait to be accepted. */
import type { UnixSocket } from "../../families/unix/socket.ts";
import { SS_LISTEN } from "../../model/state.ts";
import { byProcess } from "../owner.ts";
import { rule } from "../rule.ts";
import { inodesOf, suspects } from "../suspects.ts";
import { counted } from "../words.ts";

/** Whether connect() has to wait: the kernel takes one more than the backlog. */
function isFull({ rqueue = 0, wqueue = 0 }: UnixSocket): boolean {
  return rqueue > wqueue;
}

const decoder = new TextDecoder();

/** The bound name as ss shows it: an abstract one begins with `@`, a path may have a NUL behind it. */
function nameOf({ name }: UnixSocket): string {
  if (name === undefined) return "a UNIX socket without a name";
  const text = decoder.decode(name);
  return text.startsWith("\0") ? text.replaceAll("\0", "@") : text.replace(/\0.*$/s, "");
}

/** See {@link rule}. */
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
      doc: "connections that wait, for a backlog that is not full: of a backlog of 1 any connection is all",
    },
  },
  why:
    "The program does not call accept() as fast as others connect. With a full backlog connect() waits, " +
    'or fails with EAGAIN in a program that does not, which web servers show as "502 Bad Gateway".',
  advice: [
    { text: "See how it goes on (Recv-Q waits, Send-Q is the limit)", command: "ss -xlp src NAME" },
    { text: "See what the process does instead of accepting", command: "strace -f -p PID -e trace=network" },
    {
      text: "Raise the limit that caps every backlog, and the program's own",
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
          title: `The backlog of ${nameOf(socket)} is ${full ? "full" : "filling"}: ${who} lets ${counted(rqueue, "connection")} wait, and there are ${counted(wqueue + 1, "place")}`,
          sockets: [socket],
          values: { waiting: rqueue, backlog: wqueue },
          fill: { NAME: nameOf(socket), ...(pid === undefined ? {} : { PID: pid }) },
        };
      }),
    );
  },
});
