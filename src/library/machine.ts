/** The library's functions over a machine: this host, a recording or a played kernel. */
import { setImmediate } from "node:timers/promises";
import { once } from "../enrich/once.ts";
import { type ProcessDetails, processDetails } from "../enrich/process-details.ts";
import { processName, scanProcesses } from "../enrich/processes.ts";
import type { InetSocket } from "../families/inet/socket.ts";
import type { Socket } from "../families/socket.ts";
import type { Filter } from "../filter/tree.ts";
import type { Host } from "../host/host.ts";
import type { DeferredTransport } from "../netlink/transport.ts";
import { type Summary, summaryObject } from "../output/summary.ts";
import { countSockets, establishedOf } from "../procfs/sockstat.ts";
import { type ProcFile, sourcesOf } from "../procfs/source.ts";
import { openQuery, openQueryNow } from "../query/open.ts";
import { notYet, type Problem, type SocketBatch } from "../query/query.ts";
import {
  type Abortable,
  contextOf,
  planOf,
  readFilterText,
  refuseName,
  type SelectionOptions,
  type SocketsOptions,
} from "./options.ts";

/** A process that has a socket open, with the same keys as in `--json`. Values that cannot be read are absent. */
export interface SocketOwner extends ProcessDetails {
  /** Process id. */
  readonly pid: number;
  /** File descriptor. */
  readonly fd: number;
  /** Name of the process, from /proc/PID/stat. */
  readonly comm: string;
}

/** An event of `destroyed`. */
export type DestroyEvent =
  /** The kernel has destroyed a socket. */
  | {
      readonly kind: "destroyed";
      /** The socket with its final state and counters. */
      readonly socket: InetSocket;
    }
  /** The kernel dropped events here, because they were not read fast enough. */
  | {
      readonly kind: "lost";
      /** Number of lost events, if the kernel reports it. */
      readonly count: number | undefined;
    };

/** A machine. Its methods work like the library's functions of the same names, which use this host. */
export interface Machine {
  /** Lists sockets. */
  sockets(options?: SocketsOptions): Generator<Socket>;
  /** Lists sockets without blocking the event loop. */
  socketsAsync(options?: SocketsOptions & Abortable): AsyncGenerator<Socket>;
  /** Streams TCP and UDP sockets as the kernel destroys them. */
  destroyed(options?: SelectionOptions & Abortable): AsyncIterableIterator<DestroyEvent>;
  /** Counts sockets, like `ss -s`. */
  summary(): Summary;
  /** Finds the processes that have sockets open. */
  owners(inodes?: Iterable<number>): ReadonlyMap<number, readonly SocketOwner[]>;
  /** Parses a filter into its syntax tree. @throws FilterError */
  parseFilter(text: string): Filter | undefined;
}

/** A host with its non-blocking transports. */
export interface MachineSources {
  readonly host: Host;
  /** Transport for dumps. */
  readonly dumps: DeferredTransport;
  /** Transport for events. */
  readonly events: DeferredTransport;
}

function* listSockets({ host }: MachineSources, options: SocketsOptions): Generator<Socket> {
  using query = openQueryNow(contextOf(host, options), planOf(options), refuseName);
  for (const { sockets } of query.sockets()) yield* sockets;
}

async function* listSocketsAsync(
  { host, dumps }: MachineSources,
  options: SocketsOptions & Abortable,
): AsyncGenerator<Socket> {
  const { signal } = options;
  signal?.throwIfAborted();
  using query = await openQuery(contextOf({ ...host, transport: dumps }, options), planOf(options));
  for await (const { sockets } of query.socketsAsync(() => dumps.arrival())) {
    signal?.throwIfAborted();
    yield* sockets;
    // Yield to the event loop even if the transport never waits, as in a recording.
    await setImmediate();
  }
}

/** Streams destroy events. Listening starts with the call, not with the first `next()`. */
function listen(
  { host, events: transport }: MachineSources,
  options: SelectionOptions & Abortable,
): AsyncIterableIterator<DestroyEvent> {
  const { signal } = options;
  signal?.throwIfAborted();
  const losses: DestroyEvent[] = [];
  const onProblem = (problem: Problem) => {
    if (problem.kind === "lost") losses.push({ kind: "lost", count: problem.count });
  };
  const context = contextOf({ ...host, transport }, { ...options, onProblem });
  const query = openQueryNow(context, planOf(options), refuseName);
  try {
    if (query.predicate?.withOwners !== undefined)
      throw new RangeError("Cannot filter destroyed sockets by process: a destroyed socket has none");
    const batches = query.destroyed();
    const first = batches.next();
    const close = once(() => {
      batches.return(undefined);
      query[Symbol.dispose]();
    });
    const events = follow(batches, first, losses, transport, signal, close);
    return {
      [Symbol.asyncIterator]() {
        return this;
      },
      next: () => events.next(),
      return() {
        close();
        return events.return(undefined);
      },
    };
  } catch (error) {
    query[Symbol.dispose]();
    throw error;
  }
}

async function* follow(
  batches: Generator<SocketBatch>,
  first: IteratorResult<SocketBatch>,
  losses: DestroyEvent[],
  transport: DeferredTransport,
  signal: AbortSignal | undefined,
  close: () => void,
): AsyncGenerator<DestroyEvent> {
  try {
    for (let next = first; ; next = batches.next()) {
      yield* losses.splice(0);
      if (next.done) return;
      if (next.value === notYet) await transport.arrival();
      else
        for (const socket of next.value.sockets)
          if (socket.kind === "inet") yield { kind: "destroyed", socket };
      signal?.throwIfAborted();
    }
  } finally {
    close();
  }
}

/** Counts of sockets. @throws an error with a system error `code` if /proc/net/sockstat cannot be read */
function summarise({ files }: Host): Summary {
  const decoder = new TextDecoder();
  const sources = sourcesOf({});
  const read = (file: ProcFile) => decoder.decode(files.read(sources.path(file)));
  const optional = (file: ProcFile) => {
    try {
      return read(file);
    } catch {
      return "";
    }
  };
  // A host without IPv6 does not have the second file.
  const counts = countSockets(read("sockstat"), optional("sockstat6"), establishedOf(optional("snmp")) ?? 0);
  return summaryObject(counts);
}

function findOwners(
  { files }: Host,
  inodes: Iterable<number> | undefined,
): Map<number, readonly SocketOwner[]> {
  const decoder = new TextDecoder();
  const { root } = sourcesOf({});
  const details = processDetails(files, root);
  const wanted = inodes === undefined ? undefined : new Set(inodes);
  const options = { threads: false, processContext: false, socketContext: false };
  const { owners } = scanProcesses(files, root, wanted, options);
  return new Map(
    Array.from(owners, ([inode, found]) => [
      inode,
      found.map((owner) => {
        const { pid, fd, stat } = owner;
        return { pid, fd, comm: decoder.decode(processName(stat)), ...details(owner) };
      }),
    ]),
  );
}

/** The machine over a host. */
export function machineOf(sources: MachineSources): Machine {
  const { host } = sources;
  return {
    sockets: (options = {}) => listSockets(sources, options),
    socketsAsync: (options = {}) => listSocketsAsync(sources, options),
    destroyed: (options = {}) => listen(sources, options),
    summary: () => summarise(host),
    owners: (inodes) => findOwners(host, inodes),
    parseFilter: (text) => readFilterText(host, text).filter,
  };
}
