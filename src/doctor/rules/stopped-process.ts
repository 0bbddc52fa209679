/** Stopped and unkillable processes that hold sockets others wait for. */
import { processName } from "../../enrich/processes.ts";
import type { InetSocket } from "../../families/inet/socket.ts";
import type { UnixSocket } from "../../families/unix/socket.ts";
import { SS_ESTABLISHED, SS_LISTEN } from "../../model/state.ts";
import type { Advice } from "../advice.ts";
import { plural } from "../plural.ts";
import { type Finding, rule } from "../rule.ts";
import type { HostFacts } from "../sample.ts";
import { suspects } from "../suspects.ts";

const decoder = new TextDecoder();

/** State letters of /proc/PID/stat for processes that do not run, in words. proc_pid_stat(5). */
const states: ReadonlyMap<string, string> = new Map([
  ["T", "is stopped"],
  ["t", "is stopped by a debugger"],
  ["D", "waits for a device and cannot be killed"],
]);
const DISK_SLEEP = "D";

/** Processes that did not run when the first sample was taken. */
function halted({ processes }: Pick<HostFacts, "processes">) {
  return processes().filter(({ state }) => states.has(state));
}

const inspect: Advice = {
  text: "Check its state (STAT) and where it waits in the kernel (WCHAN)",
  command: "ps -o pid,stat,wchan:32,args -p PID",
  scope: "host",
};
const stack: Advice = { text: "Read its kernel stack", command: "cat /proc/PID/stack", scope: "host" };
const resume: Advice = { text: "Let it continue", command: "kill -CONT PID", scope: "host" };

/** Relates processes in state T, t or D to listeners and to sockets with unread data. */
export const stoppedProcess = rule({
  id: "stopped-process",
  title: "A stopped or unkillable process holds sockets that others wait for",
  severity: "warning",
  reads: [
    "the state of each process (/proc/PID/stat)",
    "TCP and UNIX sockets in LISTEN, and TCP connections with unread data",
  ],
  thresholds: {},
  why:
    "The kernel goes on completing handshakes and buffering data for a process that does not run, so clients wait without an error. " +
    "A process in state D waits for a disk, a network file system or a driver, and no signal reaches it until that answers.",
  advice: [inspect, resume, stack],
  rate: "better",
  sockets: {
    tables: ["tcp", "unix", "mptcp"],
    states: (1 << SS_LISTEN) | (1 << SS_ESTABLISHED),
    statesAtRest: 1 << SS_LISTEN,
    collect: () =>
      suspects<InetSocket | UnixSocket>(
        (socket) => socket.stateNumber === SS_LISTEN || (socket.kind === "inet" && socket.rqueue > 0),
      ),
    *inodes(gathered, facts) {
      const own = halted(facts).map(({ pid }) => facts.socketsOf(pid));
      for (const { inode } of gathered) if (own.some((inodes) => inodes.has(inode))) yield inode;
    },
  },
  check(samples) {
    const { first, elapsedMs, owners, processState, socketsOf } = samples;
    const stopped = halted(samples);
    const pids = new Set(stopped.map(({ pid }) => pid));
    // A server with workers still has the listener that it shares with a stopped one. systemd holds one, too, and does
    // not serve it.
    const isServed = (inode: number, name: string) =>
      owners(inode).some(({ pid, stat }) => !pids.has(pid) && decoder.decode(processName(stat)) === name);
    return stopped.flatMap(({ pid, name, state }): Finding[] => {
      // A process is often in state D for a moment: it takes a second look.
      if (state === DISK_SLEEP && elapsedMs === 0) return [];
      if (elapsedMs > 0 && processState(pid) !== state) return [];
      const own = socketsOf(pid);
      const sockets = first.gathered.filter(({ inode }) => own.has(inode) && !isServed(inode, name));
      const listeners = sockets.filter(({ stateNumber }) => stateNumber === SS_LISTEN).length;
      const unread = sockets.length - listeners;
      if (sockets.length === 0) return [];
      const parts = [
        ...(listeners > 0 ? [plural(listeners, "listener")] : []),
        ...(unread > 0 ? [`${plural(unread, "connection")} with unread data`] : []),
      ];
      return [
        {
          severity: "warning",
          subject: `pid ${pid}`,
          title: `${name} (pid ${pid}) ${states.get(state)!}, and it has ${parts.join(" and ")}`,
          sockets,
          values: { pid, state, listeners, unread },
          fill: { PID: pid },
          advice: state === DISK_SLEEP ? [inspect, stack] : [inspect, resume],
        },
      ];
    });
  },
});
