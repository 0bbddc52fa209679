/** ss's own messages for problems during a listing. */
import { libc } from "#libc";
import { escapeText } from "../bytes/terminal.ts";
import type { DiagFileProblem } from "../families/inet/diag-file.ts";
import { type NamespaceProblem, netnsLabel } from "../host/namespaces.ts";
import { inetTableOf, inetTables } from "../model/inet-tables.ts";
import { systemMessage } from "../native/errno.ts";
import { NetlinkError } from "../netlink/errors.ts";
import type { Problem } from "../query/query.ts";

const ENOENT = 2;
const EMSGSIZE = 90;
const EOPNOTSUPP = 95;

/** ss's message about TCPDIAG_FILE. As in ss, not every message ends in a newline. */
function diagFileComplaint(problem: DiagFileProblem): string {
  switch (problem.what) {
    case "open":
      return `fopen($TCPDIAG_FILE): ${systemMessage(problem.cause)}\n`;
    case "read":
      return `Reading header from $TCPDIAG_FILE: ${systemMessage(problem.cause)}\n`;
    case "cut":
      return "Unexpected EOF reading $TCPDIAG_FILE";
    case "answer":
      return `TCPDIAG answered: ${libc.strerror(problem.errno)}\n`;
    case "shortError":
      return "ERROR truncated\n";
    case "damaged":
      return `Impossible message at byte ${problem.offset} of $TCPDIAG_FILE\n`;
  }
}

/** The message about network namespaces, without a newline. */
function namespaceComplaint(problem: NamespaceProblem): string {
  const why = (cause: unknown) =>
    cause instanceof NetlinkError ? libc.strerror(cause.errno) : systemMessage(cause);
  switch (problem.what) {
    case "entry":
      return `Cannot enter network namespace "${netnsLabel(problem.netns)}": ${why(problem.cause)}`;
    case "entries":
      return `Cannot enter ${problem.count} more network namespaces: ${why(problem.cause)}`;
    case "stale":
      return `Cannot enter network namespace "${problem.name}": it is not a network namespace`;
    case "processes": {
      const which = problem.count === 1 ? "1 process" : `${problem.count} processes`;
      return `Cannot read the network namespaces of ${which}: namespaces that only they are in are left out`;
    }
  }
}

/**
 * The message for a problem. Empty for a table that this kernel does not have.
 *
 * @param program the prefix of messages that are not ss's own
 */
export function complaint(problem: Exclude<Problem, { kind: "unreadable" }>, program: string): string {
  switch (problem.kind) {
    case "mounts":
      return `Failed to open mounts file: ${systemMessage(problem.cause)}\n`;
    case "cgroupMount":
      return "Failed to find cgroup2 mount\n";
    case "database":
      return `Database ${problem.path} is corrupted at ${problem.line}\n\n`;
    case "cgroupId":
      return "Invalid cgroup2 ID\n";
    case "namespace":
      return `${namespaceComplaint(problem.problem)}\n`;
    case "bpfMap":
      return `${program}: failed to load BTF for map ID ${problem.mapId}\n`;
    case "interrupted":
      return "Dump was interrupted and may be inconsistent.\n";
    case "malformed":
      // ss walks the attributes once for the filter and once to show them, and complains each time.
      return `!!!Deficit ${problem.remaining}, rta_len=${problem.length}\n`.repeat(problem.shown ? 2 : 1);
    case "notDestroyed": {
      const { src, sport, dst, dport, origin } = problem.socket;
      const which = `${inetTableOf(origin.protocol)} ${src}:${sport} ${dst}:${dport}`;
      return `SOCK_DESTROY answers: ${libc.strerror(problem.error.errno)}: ${which}\n`;
    }
    case "diagFile":
      return diagFileComplaint(problem.problem);
    case "lost":
      return `${problem.count ?? "Some"} events were lost: they came faster than they were read.\n`;
    case "undecodable":
      return `${problem.error.message}\n`;
    case "socket":
      return `Cannot open netlink socket: ${libc.strerror(problem.error.errno)}\n`;
    case "refused": {
      const { errno, operation, detail } = problem.error;
      // Many kernels lack some IP tables, and ss falls back silently. An error after the first socket means a loss.
      if (problem.partial) return `RTNETLINK answers: ${libc.strerror(errno)}\n`;
      if (operation === "answer" && problem.dump in inetTables) return "";
      if (errno === EOPNOTSUPP || errno === ENOENT) return "";
      if (operation === "dump") {
        if (detail !== undefined) return `Error: ${escapeText(detail)}.\n`;
        if (errno === EMSGSIZE) return "Error: Buffer too small for object.\n";
      }
      return `RTNETLINK answers: ${libc.strerror(errno)}\n`;
    }
  }
}
