/** Listeners of processes whose executable was deleted or replaced. */
import type { InetSocket } from "../../families/inet/socket.ts";
import type { UnixSocket } from "../../families/unix/socket.ts";
import { SS_CLOSE, SS_LISTEN } from "../../model/state.ts";
import { localReach } from "../endpoint.ts";
import { plural } from "../plural.ts";
import { type Finding, rule } from "../rule.ts";
import type { HostFacts } from "../sample.ts";
import { suspects } from "../suspects.ts";

/** What the kernel appends to the target of /proc/PID/exe. proc_pid_exe(5). */
const DELETED = " (deleted)";
/** An executable that never was a file: memfd_create(2). */
const MEMORY = "/memfd:";

function deletedIn({ processes }: Pick<HostFacts, "processes">) {
  return processes().filter(({ executable }) => executable?.endsWith(DELETED));
}

/** Relates processes whose /proc/PID/exe is deleted to the sockets that they listen on. */
export const deletedExecutable = rule({
  id: "deleted-executable",
  title: "A process listens whose executable was deleted or replaced",
  severity: "warning",
  reads: ["/proc/PID/exe of each process", "TCP and UNIX sockets in LISTEN, unconnected UDP sockets"],
  thresholds: {},
  why:
    "After an upgrade the old program runs on with its old bugs until it is restarted. " +
    "Malware deletes its executable, too, or runs from memory: a program that no package has installed deserves a look.",
  advice: [
    {
      text: "Check what it is, and since when it runs",
      command: "ps -o pid,user,lstart,args -p PID",
      scope: "host",
    },
    {
      text: "Keep a copy of the executable before the process ends",
      command: "cp /proc/PID/exe exe-PID",
      scope: "host",
    },
    { text: "Restart the service, so that it runs the installed version" },
  ],
  sockets: {
    tables: ["tcp", "udp", "unix", "mptcp"],
    states: (1 << SS_LISTEN) | (1 << SS_CLOSE),
    collect: () =>
      suspects<InetSocket | UnixSocket>((socket) =>
        socket.kind === "unix" ? socket.stateNumber === SS_LISTEN : socket.sport !== 0,
      ),
  },
  check(samples) {
    return deletedIn(samples).flatMap(({ pid, name, executable = "" }): Finding[] => {
      const own = samples.socketsOf(pid);
      const sockets = samples.first.gathered.filter(({ inode }) => own.has(inode));
      const inet = sockets.filter((socket) => socket.kind === "inet");
      if (sockets.length === 0) return [];
      const path = executable.slice(0, -DELETED.length);
      const isInMemory = path.startsWith(MEMORY);
      const isReachable = inet.some((socket) => localReach(socket) !== "loopback");
      const ports = [...new Set(inet.map(({ sport }) => sport))];
      const where =
        ports.length > 0
          ? `on ${ports.length === 1 ? "port" : "ports"} ${ports.join(", ")}`
          : `on ${plural(sockets.length, "UNIX socket")}`;
      return [
        {
          severity: isInMemory || isReachable ? "warning" : "info",
          subject: `pid ${pid}`,
          title: `${name} (pid ${pid}) listens ${where}, and ${isInMemory ? "runs from memory without a file" : "its executable is deleted"}: ${path}`,
          sockets,
          values: { pid, executable: path },
          fill: { PID: pid },
        },
      ];
    });
  },
});
