/**
 * The whole pipeline on one page: what is asked for, the tables that hold it in ss's order, the kernel's answers
 * as views, and the filter over them. What is made of the sockets is for others to say: names, columns, text.
 */
import { describers } from "./columns/describe.ts";
import { noNames } from "./columns/names.ts";
import { destroySocket } from "./diag/destroy.ts";
import { destroyedSockets, destroyGroups, tableOfDestroyed } from "./diag/destroyed.ts";
import { type DiagFileProblem, readDiagFile } from "./diag/diag-file.ts";
import { type InetTable, inetTables } from "./diag/families.ts";
import type { Details, FamilyDump } from "./diag/family-dump.ts";
import { bpfStorageRequest, InetSocket, inetLegacyRequest, inetRequest } from "./diag/inet.ts";
import {
  INET_DIAG_EXT,
  INET_DIAG_MESSAGE_SIZE,
  INET_DIAG_REQ_BYTECODE,
  INET_DIAG_REQ_PROTOCOL,
} from "./diag/layouts/inet-diag.ts";
import type { Origin } from "./diag/message.ts";
import { type NetlinkDiagSocket, netlinkDump } from "./diag/netlink.ts";
import { type PacketSocket, packetDump } from "./diag/packet.ts";
import { type TipcSocket, tipcDump } from "./diag/tipc.ts";
import { type UnixSocket, unixDump } from "./diag/unix.ts";
import { type VsockSocket, vsockDump } from "./diag/vsock.ts";
import { type XdpSocket, xdpDump } from "./diag/xdp.ts";
import { once } from "./enrich/once.ts";
import { hideUnasked } from "./filter/unasked.ts";
import type { Files, Host } from "./host/host.ts";
import type { Netns } from "./host/namespaces.ts";
import { AF_INET, AF_INET6, IPPROTO_TCP } from "./model/family.ts";
import { type DumpName, requestOrder } from "./model/request-order.ts";
import type { Selection } from "./model/selection.ts";
import { SS_CLOSE, SS_LISTEN } from "./model/state.ts";
import {
  DCCPDIAG_GETSOCK,
  NETLINK_SOCK_DIAG,
  SOCK_DIAG_BY_FAMILY,
  TCPDIAG_GETSOCK,
} from "./netlink/constants.ts";
import { type Batch, type DumpEnd, dump, encodeDumpRequest } from "./netlink/dump.ts";
import { NetlinkError } from "./netlink/errors.ts";
import { type AttributeToWrite, u32Payload } from "./netlink/message.ts";
import type { NetlinkSocket, Transport } from "./netlink/transport.ts";
import { listProc } from "./procfs/list.ts";
import { type Sources, sourcesOf } from "./procfs/source.ts";

const EPERM = 1;
const ENOENT = 2;
const EOPNOTSUPP = 95;
const ENOBUFS = 105;

/** A socket of any kind; `kind` tells which. */
export type Socket =
  | InetSocket
  | UnixSocket
  | PacketSocket
  | NetlinkDiagSocket
  | VsockSocket
  | TipcSocket
  | XdpSocket;

/** The plain object of a socket without names for its numbers. */
const describeBare: Origin["describe"] = (socket) => bareDescribers()(socket as Socket);
const bareDescribers = once(() => describers(noNames));

/** The families that one request each lists. */
const familyDumps = {
  netlink: netlinkDump,
  packet: packetDump,
  unix: unixDump,
  vsock: vsockDump,
  tipc: tipcDump,
  xdp: xdpDump,
} as const satisfies Partial<Record<DumpName, unknown>>;

/** A filter, as far as the kernel and the pipeline need to know it. */
export interface Predicate {
  /** INET_DIAG_REQ_BYTECODE, if the kernel can evaluate it. */
  readonly bytecode: Uint8Array | undefined;
  /** What it reads of a socket, be it to be shown or not. */
  readonly details?: Details;
  /** Whether a socket passes, or may pass, where that takes more than the kernel tells: see `settle`. */
  accepts(socket: Socket): boolean;
  /** Looks up what the kernel does not tell of the sockets that may pass, and says which of them do. */
  readonly settle?: (candidates: readonly SocketBatch[]) => (socket: Socket) => boolean;
}

/** Something that went wrong with one table; the others are still listed. */
export type Problem =
  /** No netlink socket can be had. */
  | { readonly kind: "socket"; readonly error: NetlinkError }
  /** The kernel refused a dump, or it failed under way. */
  | { readonly kind: "refused"; readonly dump: DumpName; readonly error: NetlinkError }
  /** Sockets came and went during the dump, so that some may be missing. */
  | { readonly kind: "interrupted"; readonly dump: DumpName }
  /** The file that TCP sockets are read from is not what it should be; those before the problem are listed. */
  | { readonly kind: "diagFile"; readonly problem: DiagFileProblem }
  /** The kernel had no room for some destroy events, and dropped them. */
  | { readonly kind: "lost"; readonly portId: number }
  /** A socket was not closed. */
  | { readonly kind: "notDestroyed"; readonly error: NetlinkError; readonly socket: InetSocket }
  /** A socket's attributes cannot be walked to their end; those before are used. */
  | {
      readonly kind: "malformed";
      readonly remaining: number;
      readonly length: number;
      readonly shown: boolean;
    };

/** What to list. */
export interface Query {
  readonly selection: Selection;
  readonly details: Details;
  readonly predicate: Predicate | undefined;
  /** Whether sockets are kept beyond the batch that they come in; if not, its memory is used again. */
  readonly keep: boolean;
  /** Where sockets are read; if it is left out, over netlink, and from /proc what that does not tell of. */
  readonly sources?: Sources;
  /** Gives the plain object of a socket, for its `toJSON`; without names if it is left out. */
  readonly describe?: Origin["describe"];
  /** The network namespace that is listed, if not only that which we are in. */
  readonly netns?: Netns;
  /** Takes what went wrong. */
  readonly report: (problem: Problem) => void;
}

/** Sockets of one table that came together. */
export interface SocketBatch {
  readonly dump: DumpName;
  readonly sockets: readonly Socket[];
}

/**
 * Lists sockets: over netlink, and from /proc what that does not tell of.
 *
 * @returns batches, in ss's order of tables; a table that cannot be read is reported and passed over
 */
export function* list(host: Host, query: Query): Generator<SocketBatch> {
  const { predicate, details, keep } = query;
  const asked = {
    ...query,
    details: { ...details, ...predicate?.details },
    keep: keep || predicate?.settle !== undefined,
  };
  let batches: Iterable<SocketBatch> = listTables(host, asked);
  if (predicate?.settle !== undefined) batches = settled([...batches], predicate.settle);
  const unasked = extensions(asked.details) & ~extensions(details);
  if (unasked === 0) return yield* batches;
  const shown = hideUnasked(unasked);
  for (const { dump, sockets } of batches) yield { dump, sockets: sockets.map((socket) => shown(socket)) };
}

/** The sockets that pass, once all that may pass are there. */
function* settled(
  candidates: readonly SocketBatch[],
  settle: NonNullable<Predicate["settle"]>,
): Generator<SocketBatch> {
  const accepts = settle(candidates);
  for (const { dump, sockets } of candidates) yield { dump, sockets: sockets.filter(accepts) };
}

/** Lists the sockets that pass or may pass the filter. */
function* listTables({ transport, files }: Host, query: Query): Generator<SocketBatch> {
  const allocate = allocator(query.keep);
  const { sources = sourcesOf({}) } = query;
  for (const { name, families } of requestOrder(query.selection)) {
    if (name === "tcp" && sources.diagFile !== undefined) {
      yield* listDiagFile(files, query, sources.diagFile);
      continue;
    }
    let untold: readonly number[] = [...query.selection.families];
    if (!sources.withoutNetlink(name)) {
      if (name in familyDumps) {
        const family = familyDumps[name as keyof typeof familyDumps] as FamilyDump<Socket>;
        untold = yield* listFamily(transport, query, name, family, allocate);
      } else untold = yield* listInet(transport, query, name as InetTable, families, allocate);
    }
    if (untold.length > 0) yield* listFromProc(files, query, sources, name, untold);
  }
}

/** What the sockets of one table share. */
function originOf({ describe = describeBare, netns }: Query, protocol: number): Origin {
  return { protocol, describe, netns };
}

/** Lists the families of a table that netlink has not told of. */
function* listFromProc(
  files: Files,
  query: Query,
  sources: Sources,
  name: DumpName,
  families: readonly number[],
): Generator<SocketBatch> {
  const { selection, details, predicate } = query;
  const found = listProc((path) => files.read(path), sources, name, {
    selection,
    families,
    details,
    describe: query.describe ?? describeBare,
    netns: query.netns,
    accepts: (socket) => predicate?.accepts(socket) ?? true,
  });
  for (const sockets of found) yield { dump: name, sockets };
}

/** Lists TCP sockets from a file of netlink messages. As in ss, it is not looked at which states are selected. */
function* listDiagFile(files: Files, query: Query, path: string): Generator<SocketBatch> {
  const report = (problem: DiagFileProblem) => query.report({ kind: "diagFile", problem });
  let bytes: Uint8Array;
  try {
    bytes = files.read(path);
  } catch (cause) {
    // A directory can be opened, but not read.
    report({ what: (cause as NodeJS.ErrnoException).code === "EISDIR" ? "read" : "open", cause });
    return;
  }
  const origin = originOf(query, IPPROTO_TCP);
  const found = readDiagFile(bytes, origin);
  let next = found.next();
  for (; !next.done; next = found.next())
    if (admits(query, next.value)) yield { dump: "tcp", sockets: [next.value] };
  if (next.value !== undefined) report(next.value);
}

/** The buffers of datagrams: a new one each, or the same one again. */
function allocator(keep: boolean): (size: number) => Uint8Array {
  if (keep) return (size) => new Uint8Array(size);
  let buffer = new Uint8Array(1 << 15);
  return (size) => {
    if (size > buffer.length) buffer = new Uint8Array(size);
    return buffer;
  };
}

const LISTENING = 1 << SS_LISTEN;

/**
 * The states to ask the kernel for. If any but LISTEN is among them, it looks through the connections of all network
 * namespaces for ours; as none of these is ever closed (what is closed leaves the table first), that half of `-l`
 * is left out.
 */
function statesToAsk(protocol: number, states: number): number {
  return protocol === IPPROTO_TCP && states === (LISTENING | (1 << SS_CLOSE)) ? LISTENING : states;
}

/** The legacy request of the tables that have one. */
const legacyTypes: Partial<Record<InetTable, number>> = { tcp: TCPDIAG_GETSOCK, dccp: DCCPDIAG_GETSOCK };

/** The attributes to ask for. */
function extensions({ memory, info, tos }: Details): number {
  return (
    (memory ? INET_DIAG_EXT.memInfo | INET_DIAG_EXT.skMemInfo : 0) |
    (info ? INET_DIAG_EXT.info | INET_DIAG_EXT.vegasInfo | INET_DIAG_EXT.congestion : 0) |
    (tos ? INET_DIAG_EXT.tos | INET_DIAG_EXT.tclass : 0)
  );
}

function* listInet(
  transport: Transport,
  query: Query,
  table: InetTable,
  families: readonly number[],
  allocate: (size: number) => Uint8Array,
): Generator<SocketBatch, readonly number[]> {
  const { selection, predicate } = query;
  const protocol = inetTables[table];
  const origin = originOf(query, protocol);
  const ext = extensions(query.details);
  const bytecode: AttributeToWrite[] =
    predicate?.bytecode === undefined ? [] : [{ type: INET_DIAG_REQ_BYTECODE, payload: predicate.bytecode }];
  const wide: AttributeToWrite[] =
    protocol > 0xff ? [{ type: INET_DIAG_REQ_PROTOCOL, payload: u32Payload(protocol) }] : [];
  const storages = bpfStorageRequest(query.details);

  const selected = ({ familyNumber }: InetSocket) => selection.families.has(familyNumber);
  const run = (socket: NetlinkSocket, request: Uint8Array) =>
    listMessages(dump(socket, request, allocate), query, table, (data, offset, length) => {
      if (length < INET_DIAG_MESSAGE_SIZE) return undefined;
      const found = new InetSocket(data, offset, length, origin);
      return selected(found) ? found : undefined;
    });

  // Of a family that is told of, be it in part, nothing is asked again: its sockets would be listed twice.
  const told = new Set<number>();
  const answered = yield* conversation(transport, query, table, function* (socket) {
    try {
      for (const family of families) {
        const payload = inetRequest(family, protocol, ext, statesToAsk(protocol, selection.states));
        const attributes = [...bytecode, ...wide, ...storages];
        const request = encodeDumpRequest(SOCK_DIAG_BY_FAMILY, payload, attributes);
        for (const batch of run(socket, request)) {
          told.add(family);
          yield batch;
        }
        told.add(family);
      }
    } catch (error) {
      const legacy = legacyTypes[table];
      if (!(error instanceof NetlinkError) || legacy === undefined || told.size > 0) throw error;
      // A kernel before 3.3, perhaps. It lists both families whatever it is asked.
      const payload = inetLegacyRequest(AF_INET, ext, selection.states);
      for (const batch of run(socket, encodeDumpRequest(legacy, payload, bytecode))) {
        told.add(AF_INET).add(AF_INET6);
        yield batch;
      }
    }
  });
  return answered ? [] : [...selection.families].filter((family) => !told.has(family));
}

function* listFamily<S extends Socket>(
  transport: Transport,
  query: Query,
  name: DumpName,
  { request, minimum, View, selected, complete }: FamilyDump<S>,
  allocate: (size: number) => Uint8Array,
): Generator<SocketBatch, readonly number[]> {
  const { selection, details } = query;
  const origin = originOf(query, 0);
  let told = false;
  let incomplete = false;
  const answered = yield* conversation(transport, query, name, function* (socket) {
    const payload = request(details, selection.states);
    const batches = dump(socket, encodeDumpRequest(SOCK_DIAG_BY_FAMILY, payload), allocate);
    const found = listMessages(batches, query, name, (data, offset, length) => {
      if (length < minimum) return undefined;
      const socket = new View(data, offset, length, origin);
      if (complete?.(socket) === false) incomplete = true;
      return selected(socket, selection) ? socket : undefined;
    });
    for (const batch of found) {
      if (incomplete && !told) return;
      told = true;
      yield batch;
    }
  });
  return told || (answered && !incomplete) ? [] : [...selection.families];
}

/** Whether a socket passes the filter; reports it if its attributes are malformed. */
function admits({ predicate, report }: Query, socket: Socket): boolean {
  const shown = predicate?.accepts(socket) ?? true;
  const { malformed } = socket;
  if (malformed !== undefined) report({ kind: "malformed", ...malformed, shown });
  return shown;
}

/**
 * The sockets of a dump that pass the filter.
 *
 * @param view makes the view of a message, unless it is none that was asked for
 */
function* listMessages(
  batches: Generator<Batch, DumpEnd>,
  query: Query,
  name: DumpName,
  view: (data: DataView, offset: number, length: number) => Socket | undefined,
): Generator<SocketBatch> {
  for (;;) {
    const next = batches.next();
    if (next.done) {
      if (next.value.interrupted) query.report({ kind: "interrupted", dump: name });
      return;
    }
    const { data, count, offsets, lengths } = next.value;
    const sockets: Socket[] = [];
    for (let index = 0; index < count; index++) {
      const socket = view(data, offsets[index]!, lengths[index]!);
      if (socket === undefined) continue;
      if (admits(query, socket)) sockets.push(socket);
    }
    yield { dump: name, sockets };
  }
}

/**
 * The sockets that the kernel destroys from now on, for as long as they are taken: batches of one.
 *
 * @returns nothing if no selected table tells of its ends
 * @throws NetlinkError if the kernel cannot be listened to
 */
export function* destroyed({ transport }: Host, query: Query): Generator<SocketBatch> {
  const groups = destroyGroups(query.selection);
  if (groups === 0) return;
  const allocate = allocator(query.keep);
  const socket = transport.open(NETLINK_SOCK_DIAG, groups);
  try {
    for (;;) {
      let datagram: Uint8Array;
      try {
        datagram = socket.receive(allocate);
      } catch (error) {
        if (!(error instanceof NetlinkError) || error.errno !== ENOBUFS) throw error;
        query.report({ kind: "lost", portId: socket.portId });
        continue;
      }
      if (datagram.length === 0) return;
      for (const found of destroyedSockets(datagram, query.describe ?? describeBare)) {
        const table = tableOfDestroyed(found);
        if (table !== undefined && (query.predicate?.accepts(found) ?? true))
          yield { dump: table, sockets: [found] };
      }
    }
  } finally {
    socket.close();
  }
}

/**
 * Closes each inet socket by force.
 *
 * @returns those that were closed; one that is gone meanwhile, or whose kind the kernel cannot close, is left out
 */
export function* destroy(
  { transport }: Host,
  batches: Iterable<SocketBatch>,
  report: Query["report"],
): Generator<SocketBatch> {
  const conversation = transport.open(NETLINK_SOCK_DIAG);
  try {
    for (const { dump, sockets } of batches) {
      const closed: Socket[] = [];
      let forbidden = false;
      for (const socket of sockets) {
        // Of those in /proc the kernel could not be told which are meant.
        if (socket.kind !== "inet" || socket.procfs !== undefined) continue;
        try {
          destroySocket(conversation, socket);
          closed.push(socket);
        } catch (error) {
          if (!(error instanceof NetlinkError)) throw error;
          if (error.errno === ENOENT || error.errno === EOPNOTSUPP) continue;
          report({ kind: "notDestroyed", error, socket });
          forbidden = error.errno === EPERM;
          if (forbidden) break;
        }
      }
      yield { dump, sockets: closed };
      // What is forbidden for one socket is so for all.
      if (forbidden) return;
    }
  } finally {
    conversation.close();
  }
}

/** Opens a netlink socket for one table, and reports what goes wrong with it. @returns whether nothing did */
function* conversation(
  transport: Transport,
  { report }: Query,
  name: DumpName,
  talk: (socket: NetlinkSocket) => Generator<SocketBatch>,
): Generator<SocketBatch, boolean> {
  let socket: NetlinkSocket;
  try {
    socket = transport.open(NETLINK_SOCK_DIAG);
  } catch (error) {
    if (!(error instanceof NetlinkError)) throw error;
    report({ kind: "socket", error });
    return false;
  }
  try {
    yield* talk(socket);
    return true;
  } catch (error) {
    if (!(error instanceof NetlinkError)) throw error;
    report({ kind: "refused", dump: name, error });
    return false;
  } finally {
    socket.close();
  }
}
