/** The types of a listing: the query, its batches of sockets, and its problems. */

import type { MalformedAttribute, Origin } from "../diag/message.ts";
import type { DirectRows } from "../families/direct-rows.ts";
import type { Families } from "../families/index.ts";
import type { DiagFileProblem } from "../families/inet/diag-file.ts";
import type { InetSocket } from "../families/inet/socket.ts";
import type { Socket } from "../families/socket.ts";
import type { Files, Host } from "../host/host.ts";
import type { NamespaceProblem, Netns } from "../host/namespaces.ts";
import type { MakeOwnerLookup, NameProblem } from "../lookup/names.ts";
import type { PeerSearch } from "../lookup/places.ts";
import type { Demands } from "../model/demand.ts";
import type { DumpName, Selection } from "../model/selection.ts";
import type { DecodeError, NetlinkError } from "../netlink/errors.ts";
import type { Transport } from "../netlink/transport.ts";
import type { Sources } from "../procfs/source.ts";

/** A compiled filter. */
export interface Predicate {
  /** The filter as INET_DIAG_REQ_BYTECODE, if the kernel can evaluate it. */
  readonly bytecode: Uint8Array | undefined;
  /** Whether a kernel that took the bytecode sends only sockets that match. */
  readonly exact?: boolean;
  /** Demands of its predicates. */
  readonly demands?: Demands;
  /** Whether a socket matches, or may match if that depends on data beyond the kernel's: see `withOwners`. */
  accepts(socket: Socket): boolean;
  /** Looks up the remaining data (owners) of the candidates, and returns the function that decides which match. */
  readonly withOwners?: (candidates: readonly SocketBatch[]) => (socket: Socket) => boolean;
}

/** A problem of a listing. Everything else is still listed. */
export type Problem =
  /** No netlink socket can be opened. */
  | {
      readonly kind: "socket";
      /** Why. */
      readonly error: NetlinkError;
    }
  /** The kernel refused a dump, or the dump failed. */
  | {
      readonly kind: "refused";
      /** Which. */
      readonly dump: DumpName;
      /** Why. */
      readonly error: NetlinkError;
      /** Whether the kernel had sent sockets before. */
      readonly partial: boolean;
    }
  /** The answer is not netlink; the sockets before that place are listed. */
  | {
      readonly kind: "undecodable";
      /** Which. */
      readonly dump: DumpName;
      /** What is wrong with it, and where. */
      readonly error: DecodeError;
    }
  /** The table changed during the dump (NLM_F_DUMP_INTR), so sockets may be missing. */
  | {
      readonly kind: "interrupted";
      /** Which. */
      readonly dump: DumpName;
    }
  /** TCPDIAG_FILE cannot be read or is malformed. The sockets before the problem are listed. */
  | {
      readonly kind: "diagFile";
      /** The problem. */
      readonly problem: DiagFileProblem;
    }
  /** The kernel dropped destroy events, because the receive buffer was full. */
  | {
      readonly kind: "lost";
      /** Number of events since the last such problem, if /proc/net/netlink has it. */
      readonly count: number | undefined;
    }
  /** A socket could not be closed. */
  | {
      readonly kind: "notDestroyed";
      /** Why. */
      readonly error: NetlinkError;
      /** Which. */
      readonly socket: InetSocket;
    }
  /** A name lookup failed. */
  | NameProblem
  /** A network namespace cannot be entered, or its processes cannot be read. */
  | {
      readonly kind: "namespace";
      /** The problem. */
      readonly problem: NamespaceProblem;
    }
  /** The BTF types of a map are not available, so its values are shown as bytes. */
  | {
      readonly kind: "bpfMap";
      /** Id of the map. */
      readonly mapId: number;
    }
  /** The descriptors of some processes cannot be read, so their sockets show no owner. */
  | {
      readonly kind: "unreadable";
      /** Ids of the processes. Some may have exited. */
      readonly pids: readonly number[];
    }
  /** A socket has a malformed attribute. The attributes before it are used. */
  | (MalformedAttribute & {
      readonly kind: "malformed";
      /** Whether the socket matches the filter and is listed. */
      readonly shown: boolean;
    });

/** Writes sockets as their messages arrive, so that they come in no batch. */
export interface RowSink {
  /**
   * Begins a dump.
   *
   * @param netns its network namespace; undefined if only our own is listed
   * @returns what writes its rows; undefined if its sockets are to come in batches
   */
  begin(dump: DumpName, netns?: Netns): DirectRows<Socket> | undefined;
  /** Whether it also takes the sockets of network namespaces other than our own. */
  readonly everyNamespace?: true;
  /** Whether sockets of both IP versions may come mixed, as the kernel has them. */
  readonly unordered?: true;
  /** Whether a batch without sockets comes after each datagram, so that other work can run before the next one. */
  readonly pauses?: true;
}

/** The part of a query that concerns each table. */
export interface TableQuery {
  readonly selection: Selection;
  /** The details to request, beyond what the kernel always sends. */
  readonly demands: Demands;
  /** Descriptors of the BPF maps to read; empty for all maps, undefined for no values. */
  readonly bpfMapFds?: readonly number[] | undefined;
  readonly predicate: Predicate | undefined;
  /** Whether sockets stay valid beyond their batch. If not, the next batch reuses the memory. */
  readonly keep: boolean;
  /** Sources of sockets. Default: netlink, and /proc for tables that netlink does not list. */
  readonly sources?: Sources;
  /** Returns the plain object of a socket, for `toJSON()`. Default: without looked-up names. */
  readonly describe?: Origin["describe"];
  /** The network namespace; undefined if only our own is listed. */
  readonly netns?: Netns;
  /**
   * Takes the sockets that netlink lists and that pass the filter, unless that needs owners; they come in no batch
   * then. Those of other namespaces come in batches, unless it says that it takes them, too.
   */
  readonly rows?: RowSink | undefined;
  /** Receives problems. */
  readonly report: (problem: Problem) => void;
}

/** A query: what to list. */
export interface Query extends TableQuery {
  /** The code of the listing. */
  readonly parts: QueryParts;
  /** The dump of its TCP sockets, which may have begun before its turn. */
  readonly ahead?: DumpAhead | undefined;
}

/** The TCP dump of one network namespace among several. */
export interface DumpAhead {
  /** Whether it has begun. */
  readonly begun: boolean;
  /** Opens the socket for it: the one on which it has begun, if the same request is sent on it. */
  readonly transport: Transport;
}

/** Sockets of one table that arrived together. */
export interface SocketBatch {
  readonly dump: DumpName;
  readonly sockets: readonly Socket[];
}

/** A marker batch: a non-blocking transport has no data yet. It belongs to no table. */
export const notYet: SocketBatch = { dump: "netlink", sockets: [] };

/** A marker batch: load the code that reads /proc before continuing, because netlink did not list a table. */
export const needsProc: SocketBatch = { dump: "netlink", sockets: [] };

/** A marker batch: load the family of inet before continuing, because the view of a socket is needed. */
export const needsInet: SocketBatch = { dump: "netlink", sockets: [] };

/**
 * Code that only some listings need. The command loads it with `import()` when a run needs it. The library has all of
 * it from the start, because its sync functions cannot wait.
 */
export interface QueryParts {
  readonly families: Families;
  /** Reads /proc and TCPDIAG_FILE. Loaded when a table turns out to need it. */
  proc?: ProcListing;
  /** Closes sockets, and listens for destroyed ones. Loaded for plans that close, and before listening. */
  closing?: Closing;
  /** What looks up owners; loaded for plans that want them. */
  readonly ownerLookup?: MakeOwnerLookup;
  /** What finds the other ends of connections, likewise. */
  readonly peers?: PeerSearch;
}

/** The interface of destroyed.ts. */
export interface Closing {
  /** Listens for destroyed sockets. */
  destroyed(host: Host, query: TableQuery): Generator<SocketBatch>;
  /** Closes each inet socket by force. */
  destroy(host: Host, batches: Iterable<SocketBatch>, report: TableQuery["report"]): Generator<SocketBatch>;
  /** The same, for batches that come later. */
  destroyAsync(
    host: Host,
    batches: AsyncIterable<SocketBatch>,
    report: TableQuery["report"],
  ): AsyncGenerator<SocketBatch>;
}

/** The interface of proc.ts. */
export interface ProcListing {
  /** Lists families of a table from /proc/net. */
  listFromProc(
    files: Files,
    query: TableQuery,
    sources: Sources,
    name: DumpName,
    families: readonly number[],
  ): Generator<SocketBatch>;
  /** Lists TCP sockets from a file of netlink messages. */
  listDiagFile(files: Files, query: TableQuery, path: string): Generator<SocketBatch>;
}
