/** What is asked for when sockets are listed, and what comes of it. */

import type { MalformedAttribute, Origin } from "../diag/message.ts";
import type { DirectRows } from "../families/direct-rows.ts";
import type { Families } from "../families/index.ts";
import type { DiagFileProblem } from "../families/inet/diag-file.ts";
import type { InetSocket } from "../families/inet/socket.ts";
import type { Socket } from "../families/socket.ts";
import type { Files } from "../host/host.ts";
import type { Netns } from "../host/namespaces.ts";
import type { NameProblem } from "../lookup/names.ts";
import type { Demands } from "../model/demand.ts";
import type { InetTable } from "../model/inet-tables.ts";
import type { DumpName, Selection } from "../model/selection.ts";
import type { DecodeError, NetlinkError } from "../netlink/errors.ts";
import type { Sources } from "../procfs/source.ts";

/** A filter, as far as the kernel and the pipeline need to know it. */
export interface Predicate {
  /** INET_DIAG_REQ_BYTECODE, if the kernel can evaluate it. */
  readonly bytecode: Uint8Array | undefined;
  /** Whether a kernel that took the bytecode sends no socket that does not pass. */
  readonly exact?: boolean;
  /** What it reads of a socket, be it to be shown or not. */
  readonly demands?: Demands;
  /** Whether a socket passes, or may pass, where that takes more than the kernel tells: see `settle`. */
  accepts(socket: Socket): boolean;
  /** Looks up what the kernel does not tell of the sockets that may pass, and says which of them do. */
  readonly settle?: (candidates: readonly SocketBatch[]) => (socket: Socket) => boolean;
}

/** Something that went wrong with one table; the others are still listed. */
export type Problem =
  /** No netlink socket can be had. */
  | {
      readonly kind: "socket";
      /** Why. */
      readonly error: NetlinkError;
    }
  /** The kernel refused a dump, or it failed under way. */
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
  /** Sockets came and went during the dump, so that some may be missing. */
  | {
      readonly kind: "interrupted";
      /** Which. */
      readonly dump: DumpName;
    }
  /** The file that TCP sockets are read from is not what it should be; those before the problem are listed. */
  | {
      readonly kind: "diagFile";
      /** What is wrong with it. */
      readonly problem: DiagFileProblem;
    }
  /** The kernel had no room for some destroy events, and dropped them. */
  | {
      readonly kind: "lost";
      /** How many since the last such problem, if /proc/net/netlink tells. */
      readonly count: number | undefined;
    }
  /** A socket was not closed. */
  | {
      readonly kind: "notDestroyed";
      /** Why. */
      readonly error: NetlinkError;
      /** Which. */
      readonly socket: InetSocket;
    }
  /** A name cannot be looked up. */
  | NameProblem
  /** A network namespace cannot be entered, or its processes cannot be read. */
  | {
      readonly kind: "namespace";
      /** What, in one line. */
      readonly message: string;
      /** Whether the sockets of an existing namespace are left out for that. */
      readonly leftOut: boolean;
    }
  /** The types of a BPF map cannot be had, so that its values are bytes. */
  | {
      readonly kind: "bpfMap";
      /** What, in one line. */
      readonly message: string;
    }
  /** The descriptors of processes may not be read, so that sockets which they have open show no owner. */
  | {
      readonly kind: "unreadable";
      /** Their process ids; some may be gone. */
      readonly pids: readonly number[];
    }
  /** A socket's attributes cannot be walked to their end; those before are used. */
  | (MalformedAttribute & {
      readonly kind: "malformed";
      /** Whether the socket is listed. */
      readonly shown: boolean;
    });

/** Writes the sockets of inet tables as their messages arrive, so that they come in no batch. */
export interface RowSink {
  /** Begins a table. @returns what writes its rows; undefined if its sockets are to come in batches */
  begin(table: InetTable): DirectRows<InetSocket> | undefined;
}

/** What to list of one table. */
export interface TableQuery {
  readonly selection: Selection;
  /** What is wanted of each socket beyond what the kernel always sends. */
  readonly demands: Demands;
  /** Descriptors of the BPF maps whose values are wanted, all maps if empty; undefined for no values. */
  readonly bpfMapFds?: readonly number[] | undefined;
  readonly predicate: Predicate | undefined;
  /** Whether sockets are kept beyond the batch that they come in; if not, its memory is used again. */
  readonly keep: boolean;
  /** Where sockets are read; if it is left out, over netlink, and from /proc what that does not tell of. */
  readonly sources?: Sources;
  /** Gives the plain object of a socket, for its `toJSON`; without names if it is left out. */
  readonly describe?: Origin["describe"];
  /** The network namespace that is listed, if not only that which we are in. */
  readonly netns?: Netns;
  /**
   * Takes the inet sockets that netlink lists in our own namespace and that pass the filter, unless that needs owners;
   * they come in no batch then.
   */
  readonly rows?: RowSink | undefined;
  /** Takes what went wrong. */
  readonly report: (problem: Problem) => void;
}

/** What to list. */
export interface Query extends TableQuery {
  /** The code that the listing needs. */
  readonly parts: QueryParts;
}

/** Sockets of one table that came together. */
export interface SocketBatch {
  readonly dump: DumpName;
  readonly sockets: readonly Socket[];
}

/** The batch that says that nothing has come yet, where the transport does not wait. It is of no table. */
export const notYet: SocketBatch = { dump: "netlink", sockets: [] };

/** The batch after which the code that reads /proc must be loaded: netlink did not list a table. It is of no table. */
export const needsProc: SocketBatch = { dump: "netlink", sockets: [] };

/**
 * The code that a listing needs beside what every listing needs. The command loads it for each run with `import()`,
 * the library has all of it from the start: one seam, which works in a bundle and in Node's ES modules alike.
 */
export interface QueryParts {
  readonly families: Families;
  /** What reads /proc and TCPDIAG_FILE; loaded when a table turns out to need it. */
  proc?: ProcListing;
}

/** Listing from files: see proc.ts, which has it. */
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
