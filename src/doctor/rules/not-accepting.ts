/** Servers that are up but do not accept their connections. */
import type { InetSocket } from "../../families/inet/socket.ts";
import { SS_ESTABLISHED, SS_LISTEN, stateMask } from "../../model/state.ts";
import type { Advice } from "../advice.ts";
import { durationText, seconds } from "../amounts.ts";
import { infoOf } from "../connection.ts";
import { byProcess, type Group, pidFill } from "../owner.ts";
import { plural } from "../plural.ts";
import { type Collector, type Finding, rule } from "../rule.ts";
import { inodesOf, keep } from "../suspects.ts";

/** What is kept of the sockets. */
interface Waiting {
  /** Every listener by port. */
  readonly listeners: Map<number, InetSocket[]>;
  /** Connections that no process has accepted: those without an inode. */
  readonly connections: InetSocket[];
}

/** How many connections are kept: an accept queue may hold very many. */
const KEPT = 1000;

function waiting(): Collector<Waiting> {
  const gathered: Waiting = { listeners: new Map(), connections: [] };
  return {
    gathered,
    see(each) {
      const socket = each as InetSocket;
      if (socket.stateNumber === SS_LISTEN) {
        const others = gathered.listeners.get(socket.sport);
        if (others === undefined) gathered.listeners.set(socket.sport, [keep(socket)]);
        else others.push(keep(socket));
      } else if (socket.inode === 0 && gathered.connections.length < KEPT)
        gathered.connections.push(keep(socket));
    },
  };
}

/** Milliseconds since anything arrived on a connection, which has waited at least that long. */
function silentMs(socket: InetSocket): number {
  return infoOf(socket)?.lastAckRecv ?? 0;
}

/** The listeners of a port with connections in their queue. */
function queues({ listeners }: Waiting, port: number): InetSocket[] {
  return (listeners.get(port) ?? []).filter(({ rqueue }) => rqueue > 0);
}

const advice: readonly Advice[] = [
  { text: "Watch the queue (Recv-Q)", command: "ss -tlnp sport = :PORT" },
  {
    text: "Check the state of the process: T is stopped, D waits for a device",
    command: "ps -o pid,stat,wchan:32,args -p PID",
    scope: "host",
  },
  { text: "Check what it does instead of accepting", command: "strace -f -p PID", scope: "host" },
];
const resume: Advice = { text: "Continue a stopped process", command: "kill -CONT PID", scope: "host" };

/** The state letter of a stopped process. proc_pid_stat(5). */
const STOPPED = "T";

/** Finds connections that stay in an accept queue from one sample to the next. */
export const notAccepting = rule({
  id: "not-accepting",
  title: "A server is up but does not accept connections",
  severity: "critical",
  reads: [
    "TCP sockets in LISTEN: Recv-Q",
    "TCP connections without an inode, which no process has accepted, and tcpi_last_ack_recv",
  ],
  thresholds: {
    waiting: {
      value: 1,
      quantity: "count",
      doc: "connections of one port that nobody accepts: even one is a client that waits",
    },
    age: {
      value: 5000,
      quantity: "time",
      doc: "in the queue, with one sample: a loaded server accepts within seconds",
    },
  },
  why:
    "The kernel completes handshakes without the program, so clients see a connection that never answers, and health checks that only connect succeed. " +
    "The program is stopped or stuck, or one of several SO_REUSEPORT listeners has no process that accepts from it.",
  advice: [...advice, resume],
  rate: "better",
  sockets: {
    tables: ["tcp"],
    states: (1 << SS_LISTEN) | (1 << SS_ESTABLISHED) | stateMask("close-wait")!,
    demands: ["info"],
    collect: waiting,
    again: (gathered) => gathered.connections.filter(({ sport }) => queues(gathered, sport).length > 0),
    inodes: (gathered) => inodesOf(gathered.connections.flatMap(({ sport }) => queues(gathered, sport))),
  },
  check(samples) {
    const { first, last, elapsedMs, thresholds } = samples;
    const later = new Map(last.gathered.connections.map((socket) => [socket.cookie, socket]));
    const stuck = first.gathered.connections.flatMap((socket) => {
      if (elapsedMs === 0) return silentMs(socket) >= thresholds.age ? socket : [];
      return later.get(socket.cookie) ?? [];
    });
    return [...Map.groupBy(stuck, ({ sport }) => sport)].flatMap(([port, sockets]): Finding[] => {
      const full = queues(first.gathered, port);
      if (full.length === 0 || sockets.length < thresholds.waiting) return [];
      const idle = (first.gathered.listeners.get(port) ?? []).length - full.length;
      const groups = byProcess(full, samples);
      const longest = Math.max(...sockets.map(silentMs));
      const [{ pid }] = groups as [Group<InetSocket>];
      const isStopped = pid !== undefined && samples.processState(pid) === STOPPED;
      const since = elapsedMs === 0 ? durationText(thresholds.age) : seconds(elapsedMs);
      return [
        {
          severity: idle > 0 ? "warning" : "critical",
          subject: `port ${port}`,
          title: `${groups.map(({ who }) => who).join(", ")} ${groups.length === 1 ? "does" : "do"} not accept: ${plural(sockets.length, "connection")} to port ${port} ${sockets.length === 1 ? "has" : "have"} waited for more than ${since}`,
          sockets: [...full, ...sockets.toSorted((a, b) => silentMs(b) - silentMs(a))],
          socketCount: full.length + sockets.length,
          evidence: [
            ...(isStopped ? ["The process is stopped"] : []),
            ...(longest > 0 ? [`The oldest has had no packet for ${durationText(longest)}`] : []),
            ...(idle > 0
              ? [
                  `${plural(idle, "other listener")} of the port ${idle === 1 ? "has" : "have"} an empty queue: SO_REUSEPORT gives each listener its share of connections, even one that nobody accepts from`,
                ]
              : []),
          ],
          values: { port, waiting: sockets.length, longestMs: longest, listeners: full.length + idle },
          fill: { PORT: port, ...pidFill(pid) },
          advice: isStopped ? [...advice, resume] : advice,
        },
      ];
    });
  },
});
