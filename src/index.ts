/**
 * Every socket of a Linux host, as typed views over what the kernel answers.
 *
 * ```ts
 * import { sockets } from "sockscope";
 *
 * for (const socket of sockets({ tables: ["tcp"], states: ["listening"] })) console.log(socket.toJSON());
 * ```
 *
 * @module
 */
import { liveFiles, liveHost } from "./host/live.ts";
import { type Family, families as familyTable, type Table, tables as tableTable } from "./model/selection.ts";
import { stateGroups, stateMask } from "./model/state.ts";
import { list, type Problem, type Socket } from "./query.ts";
import { replayHost } from "./replay/host.ts";

export type { InetTable } from "./diag/families.ts";
export type { Details } from "./diag/family-dump.ts";
export type { InetSocket, Shutdown, Timer, TimerName } from "./diag/inet.ts";
export type { BbrInfo, DctcpInfo, VegasInfo } from "./diag/layouts/congestion.ts";
export type { InetMemInfo, SkMemInfo } from "./diag/layouts/memory.ts";
export type { InetSockopt } from "./diag/layouts/sockopt.ts";
export type { TcpInfo } from "./diag/layouts/tcp-info.ts";
export type { DiagMessage, Json } from "./diag/message.ts";
export type { ProcInetDetails, ProcTcpDetails, ProcTcpInfo, ProcUnixDetails } from "./diag/proc-details.ts";
export type { UnixSocket } from "./diag/unix.ts";
export type { Family, Table } from "./model/selection.ts";
export type { StateName } from "./model/state.ts";
export { DecodeError, NetlinkError } from "./netlink/errors.ts";
export type { Problem, Socket } from "./query.ts";
export { RecordingError } from "./replay/error.ts";

/** Which sockets to list, and what to ask of each. Everything may be left out. */
export interface SocketsOptions {
  /** Tables, as `ss -A` names them. Default: all but `tipc`, as ss. */
  readonly tables?: readonly Table[];
  /** Address families, as `ss -f` names them. Default: those of the tables. */
  readonly families?: readonly Family[];
  /** States or groups of states, as the words after `state` in ss's filter. Default: all. */
  readonly states?: readonly string[];
  /** Ask for memory, as `ss -m`. */
  readonly memory?: boolean;
  /** Ask for tcp_info and its like, as `ss -i`. */
  readonly info?: boolean;
  /** Ask for the type of service, as `ss --tos`. */
  readonly tos?: boolean;
  /** Ask for what a family has more, as `ss -e`. */
  readonly extended?: boolean;
  /** A recording to read instead of this machine: a folder that `--record` wrote, or a bare pcap. */
  readonly replay?: string;
  /**
   * Takes what went wrong with one table, the others being listed all the same. Default: tables that this kernel
   * does not have, and sockets that came or went meanwhile, are passed over; any other problem is thrown.
   */
  readonly onProblem?: (problem: Problem) => void;
}

const ENOENT = 2;
const EINVAL = 22;
const EOPNOTSUPP = 95;

/** The errors of a kernel that does not have a table. */
const absent: ReadonlySet<number> = new Set([ENOENT, EINVAL, EOPNOTSUPP]);

function throwUnlessAbsent(problem: Problem): void {
  if (problem.kind === "socket" || (problem.kind === "refused" && !absent.has(problem.error.errno)))
    throw problem.error;
}

function maskOf(words: readonly string[] | undefined): number {
  if (words === undefined) return stateGroups.all;
  return words.reduce((mask, word) => {
    const named = stateMask(word);
    if (named === undefined) throw new RangeError(`Cannot list sockets: "${word}" is no state`);
    return mask | named;
  }, 0);
}

/**
 * Lists sockets, in ss's order of tables and the kernel's order within each.
 *
 * A socket is a view over the kernel's own bytes: a getter decodes its field when it is read, and gives
 * `undefined` for what the kernel did not send. Views stay valid as long as you keep them.
 *
 * @returns an iterable to be walked once; the kernel is asked as it is walked
 * @throws NetlinkError if the kernel cannot be asked
 * @throws RangeError for a word that is no state
 * @throws RecordingError if a recording cannot be read
 */
export function* sockets(options: SocketsOptions = {}): Generator<Socket> {
  const all = Object.keys(tableTable) as Table[];
  const wanted: number[] | undefined = options.families?.map((family) => familyTable[family].number);
  const chosen =
    options.tables ??
    all.filter((table) =>
      wanted === undefined
        ? table !== "tipc"
        : tableTable[table].families.some((family) => wanted.includes(family)),
    );
  const host = options.replay === undefined ? liveHost() : replayHost(options.replay, liveFiles);
  const batches = list(host, {
    selection: {
      tables: new Set(chosen),
      families: new Set(wanted ?? chosen.flatMap((table) => tableTable[table].families)),
      states: maskOf(options.states),
      preferred: undefined,
    },
    details: options,
    predicate: undefined,
    keep: true,
    report: options.onProblem ?? throwUnlessAbsent,
  });
  for (const batch of batches) yield* batch.sockets;
}
