/** A machine as users of the library see it: this one, or that of a recording. */
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

/** A process that has a socket open, with the keys that `--json` has; what cannot be read is absent. */
export interface SocketOwner extends ProcessDetails {
  /** Process id. */
  readonly pid: number;
  /** File descriptor. */
  readonly fd: number;
  /** Name of the process. */
  readonly comm: string;
}

/** What `destroyed` tells. */
export type DestroyEvent =
  /** The kernel has destroyed a socket. */
  | {
      readonly kind: "destroyed";
      /** As it was at its end. */
      readonly socket: InetSocket;
    }
  /** Sockets were destroyed faster than they were taken: events are missing here. */
  | {
      readonly kind: "lost";
      /** How many, if the kernel tells. */
      readonly count: number | undefined;
    };

/** What can be asked of a machine: what the functions of the same names ask of this one. */
export interface Machine {
  /** Lists sockets. */
  sockets(options?: SocketsOptions): Generator<Socket>;
  /** Lists sockets without keeping the event loop waiting. */
  socketsAsync(options?: SocketsOptions & Abortable): AsyncGenerator<Socket>;
  /** Tells of TCP and UDP sockets as they are destroyed. */
  destroyed(options?: SelectionOptions & Abortable): AsyncIterableIterator<DestroyEvent>;
  /** Counts sockets. */
  summary(): Summary;
  /** Finds the processes that have sockets open. */
  owners(inodes?: Iterable<number>): ReadonlyMap<number, readonly SocketOwner[]>;
  /** Parses a filter. */
  parseFilter(text: string): Filter | undefined;
}

/** A host, and how it is asked without keeping the event loop waiting. */
export interface MachineSources {
  readonly host: Host;
  /** For dumps. */
  readonly dumps: DeferredTransport;
  /** For events. */
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
    // Where the kernel need not be waited for, as in a recording, others get their turn all the same.
    await setImmediate();
  }
}

/** The listening begins at once, not when the first event is taken. */
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
    if (query.predicate?.settle !== undefined)
      throw new RangeError("Cannot filter destroyed sockets by process: they have none any more");
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

/** Counts of sockets. @throws an error with a system error `code` if the kernel does not tell them */
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

/** Makes the machine of a host. */
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
