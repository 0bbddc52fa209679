/** Listing over netlink: one conversation a table. */
import { keepOutOfLastTier } from "#libc";
import { copyToRoom, ROOM_SIZE, roomBytes } from "../bytes/room.ts";
import type { Origin } from "../diag/message.ts";
import type { DirectRows } from "../families/direct-rows.ts";
import type { FamilyDump } from "../families/family-dump.ts";
import {
  INET_DIAG_EXT,
  INET_DIAG_MESSAGE_SIZE,
  INET_DIAG_REQ_BYTECODE,
  INET_DIAG_REQ_PROTOCOL,
  inetDiagMessage,
} from "../families/inet/layouts/inet-diag.ts";
import { bpfStorageRequest, inetLegacyRequest, inetRequest } from "../families/inet/request.ts";
import type { Socket } from "../families/socket.ts";
import type { Demands } from "../model/demand.ts";
import { AF_INET, AF_INET6, IPPROTO_TCP } from "../model/family.ts";
import { type InetTable, inetTables } from "../model/inet-tables.ts";
import type { DumpName } from "../model/selection.ts";
import { SS_CLOSE, SS_LISTEN } from "../model/state.ts";
import {
  DCCPDIAG_GETSOCK,
  NETLINK_SOCK_DIAG,
  SOCK_DIAG_BY_FAMILY,
  TCPDIAG_GETSOCK,
} from "../netlink/constants.ts";
import { encodeDumpRequest, startDump, type TakeMessage } from "../netlink/dump.ts";
import { DecodeError, NetlinkError } from "../netlink/errors.ts";
import { type AttributeToWrite, u32Payload } from "../netlink/message.ts";
import type { NetlinkSocket, Transport } from "../netlink/transport.ts";
import { admits, originOf } from "./common.ts";
import { type MessageBuffer, messageBuffer } from "./message-buffer.ts";
import { needsInet, notYet, type Predicate, type Query, type SocketBatch, type TableQuery } from "./query.ts";

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
export function extensions(demands: Demands): number {
  return (
    (demands.has("memory") ? INET_DIAG_EXT.memInfo | INET_DIAG_EXT.skMemInfo : 0) |
    (demands.has("info") ? INET_DIAG_EXT.info | INET_DIAG_EXT.vegasInfo | INET_DIAG_EXT.congestion : 0) |
    (demands.has("tos") ? INET_DIAG_EXT.tos | INET_DIAG_EXT.tclass : 0)
  );
}

type View = FamilyDump<Socket>["View"];

/** Where the messages of a table go. */
interface MessageSink {
  /** Takes a message whose socket is to be listed. */
  take(data: DataView, offset: number, length: number): void;
  /** The sockets that were taken since the last call, as far as they come in batches. */
  taken(): Socket[];
  /** Whether messages wait for the code of their view, so that `resume` must be called when it is loaded. */
  waits(): boolean;
  /** Takes the messages that wait. Their memory must not have changed. */
  resume(): void;
}

const neverWaits: Pick<MessageSink, "waits" | "resume"> = { waits: () => false, resume: () => undefined };

/** Makes views of messages, and collects those whose sockets pass the filter. */
function viewSink(query: TableQuery, origin: Origin, View: View): MessageSink {
  let sockets: Socket[] = [];
  const take: MessageSink["take"] = (data, offset, length) => {
    const socket = new View(data, offset, length, origin);
    if (admits(query, socket)) sockets.push(socket);
  };
  keepOutOfLastTier(take);
  return {
    ...neverWaits,
    take,
    taken() {
      const taken = sockets;
      sockets = [];
      return taken;
    },
  };
}

/**
 * Writes rows of messages. What a filter is to judge, and what has something rare in it, becomes a view before.
 *
 * @param viewNow the class of views; undefined until it is loaded, which the first message that needs it waits for
 */
function rowSink(
  query: TableQuery,
  origin: Origin,
  viewNow: () => View | undefined,
  rows: DirectRows<Socket>,
  predicate: Predicate | undefined,
): MessageSink {
  const { report } = query;
  let last: DataView | undefined;
  let inRoom = false;
  /** The messages that wait. What follows one that waits must wait, too. */
  let waiting: MessageBuffer | undefined;

  /** Whether a message passes the filter. */
  function passes(View: View, predicate: Predicate, data: DataView, offset: number, length: number): boolean {
    const socket = new View(data, offset, length, origin);
    if (predicate.accepts(socket)) return true;
    const { malformed } = socket;
    if (malformed !== undefined) report({ kind: "malformed", ...malformed, shown: false });
    return false;
  }

  /** Writes the row of a message without a view, if it can. */
  function written(data: DataView, offset: number, length: number): boolean {
    if (data !== last) {
      last = data;
      inRoom = data.buffer === roomBytes.buffer;
    }
    return inRoom ? rows.put(offset, length) : copyToRoom(data, offset, length) && rows.put(0, length);
  }

  function take(data: DataView, offset: number, length: number): void {
    if (waiting === undefined && predicate === undefined && written(data, offset, length)) return;
    const View = viewNow();
    if (View === undefined) {
      waiting ??= messageBuffer(false);
      waiting.hold(data, offset, length);
      return;
    }
    if (predicate !== undefined) {
      if (!passes(View, predicate, data, offset, length) || written(data, offset, length)) return;
    }
    const socket = new View(data, offset, length, origin);
    if (admits(query, socket)) rows.write(socket);
  }

  return {
    take,
    taken: () => [],
    waits: () => waiting !== undefined,
    resume() {
      const messages = waiting;
      waiting = undefined;
      messages?.release(take);
    },
  };
}

/** What writes the rows of a dump; undefined if its sockets are to come in batches. */
function writerOf({ predicate, netns, rows }: TableQuery, name: DumpName): DirectRows<Socket> | undefined {
  const here = netns === undefined || rows?.everyNamespace === true;
  return predicate?.withOwners === undefined && here ? rows?.begin(name, netns) : undefined;
}

/** The buffer of all datagrams whose rows are written: they are read in place, before the next one. */
function rowRoom(): Uint8Array {
  return new Uint8Array(roomBytes.buffer, 0, ROOM_SIZE);
}

/**
 * Lists an inet table: IPv4, then IPv6. Where the legacy request can ask for both, it does: the kernel then walks its
 * tables once, and these are long on a big host. If the kernel refuses one request, the other is sent.
 *
 * @returns the families that netlink has not listed
 */
export function* listInet(
  transport: Transport,
  query: TableQuery & Pick<Query, "parts">,
  table: InetTable,
  families: readonly number[],
  allocate: (size: number) => Uint8Array,
): Generator<SocketBatch, readonly number[]> {
  const { selection, predicate } = query;
  const protocol = inetTables[table];
  let answering: NetlinkSocket | undefined;
  const origin: Origin = { ...originOf(query, protocol), recall: () => answering?.recall };
  const ext = extensions(query.demands);
  const states = statesToAsk(protocol, selection.states);
  const bytecode: AttributeToWrite[] =
    predicate?.bytecode === undefined ? [] : [{ type: INET_DIAG_REQ_BYTECODE, payload: predicate.bytecode }];
  const wide: AttributeToWrite[] =
    protocol > 0xff ? [{ type: INET_DIAG_REQ_PROTOCOL, payload: u32Payload(protocol) }] : [];
  const storages = bpfStorageRequest(query.bpfMapFds);
  const legacy = legacyTypes[table];
  const writer = writerOf(query, table);
  const judge = predicate?.exact ? undefined : predicate;
  const viewNow = () => query.parts.families.inet?.View as View | undefined;
  if ((writer === undefined || judge !== undefined) && viewNow() === undefined) yield needsInet;
  const sink =
    writer === undefined
      ? viewSink(query, origin, viewNow()!)
      : rowSink(query, origin, viewNow, writer, judge);
  // Sockets may be read while another query receives.
  const ownRoom = writer === undefined ? () => allocate(ROOM_SIZE) : rowRoom;
  // Rows are written at once: only views need their messages later.
  const keep = query.keep && writer === undefined;
  const room = keep || storages.length > 0 ? allocate : ownRoom();
  // A family that was listed, even in part, is not requested again: its sockets would be listed twice.
  const listed = new Set<number>();
  const selected = (family: number) => selection.families.has(family);

  /**
   * Runs a dump.
   *
   * @param requested the families that it lists
   * @param take takes the messages of the families that are selected
   */
  function* run(
    socket: NetlinkSocket,
    request: Uint8Array,
    requested: readonly number[],
    take: (data: DataView, offset: number, length: number, family: number) => void,
  ): Generator<SocketBatch> {
    let arrived = false;
    let announced = false;
    answering = socket;
    const takeMessage: TakeMessage = (data, _type, offset, length) => {
      if (!arrived) {
        arrived = true;
        for (const family of requested) listed.add(family);
      }
      if (length < INET_DIAG_MESSAGE_SIZE) return;
      const family = data.getUint8(offset + inetDiagMessage.familyNumber.offset);
      if (selected(family)) take(data, offset, length, family);
    };
    keepOutOfLastTier(takeMessage);
    const next = startDump(socket, request, room, takeMessage);
    for (;;) {
      const end = next();
      yield* loaded();
      if (end === "pending") yield notYet;
      else if (end !== undefined) {
        if (end.interrupted) query.report({ kind: "interrupted", dump: table });
        return;
      } else if (arrived && !announced) {
        // Even if there is nothing in it: a failure from now on leaves a part of the sockets listed.
        announced = true;
        yield { dump: table, sockets: sink.taken() };
      } else if (arrived) yield* batch();
    }
  }

  /** Loads the code that messages wait for. */
  function* loaded(): Generator<SocketBatch> {
    if (!sink.waits()) return;
    yield needsInet;
    sink.resume();
  }

  function* batch(): Generator<SocketBatch> {
    const sockets = sink.taken();
    if (sockets.length > 0 || query.rows?.pauses === true) yield { dump: table, sockets };
  }

  function* familyByFamily(
    socket: NetlinkSocket,
    wanted: readonly number[] = families,
  ): Generator<SocketBatch> {
    for (const family of wanted) {
      const payload = inetRequest(family, protocol, ext, states);
      const request = encodeDumpRequest(SOCK_DIAG_BY_FAMILY, payload, [...bytecode, ...wide, ...storages]);
      yield* run(socket, request, [family], sink.take);
      listed.add(family);
    }
  }

  /** Both families, as the kernel has them. */
  function* mixed(
    socket: NetlinkSocket,
    type: number,
    take: (data: DataView, offset: number, length: number, family: number) => void,
  ): Generator<SocketBatch> {
    const request = encodeDumpRequest(type, inetLegacyRequest(AF_INET, ext, states), bytecode);
    yield* run(socket, request, [AF_INET, AF_INET6], take);
  }

  function* inOneWalk(socket: NetlinkSocket, type: number): Generator<SocketBatch> {
    if (writer !== undefined && query.rows?.unordered === true) return yield* mixed(socket, type, sink.take);
    const ipv6 = messageBuffer(!keep);
    let failure: unknown;
    try {
      yield* mixed(socket, type, (data, offset, length, family) => {
        if (family === AF_INET6) ipv6.hold(data, offset, length);
        else sink.take(data, offset, length);
      });
    } catch (error) {
      if (listed.size === 0) throw error;
      failure = error;
    }
    if (ipv6.release(sink.take)) {
      yield* loaded();
      yield* batch();
    } else yield* familyByFamily(socket, [AF_INET6]);
    if (failure !== undefined) throw failure;
  }

  const answered = yield* conversation(transport, query, table, function* (socket) {
    if (legacy === undefined) return yield* familyByFamily(socket);
    const together = families.length > 1 && storages.length === 0 && !transport.familyByFamily;
    try {
      yield* together ? inOneWalk(socket, legacy) : familyByFamily(socket);
    } catch (error) {
      if (!(error instanceof NetlinkError) || listed.size > 0) throw error;
      // A kernel before 3.3 knows only the legacy request, whose answer ss shows as it comes.
      yield* together ? familyByFamily(socket) : mixed(socket, legacy, sink.take);
    }
  });
  return answered ? [] : [...selection.families].filter((family) => !listed.has(family));
}

/**
 * Lists a family by one request.
 *
 * @returns the family, if netlink has listed nothing or not enough of it
 */
export function* listFamily<S extends Socket>(
  transport: Transport,
  query: TableQuery,
  name: DumpName,
  { request, minimum, View, selected, selectedAt, complete }: FamilyDump<S>,
  allocate: (size: number) => Uint8Array,
): Generator<SocketBatch, readonly number[]> {
  const { selection, demands } = query;
  const origin = originOf(query, 0);
  const writer = selectedAt === undefined || query.keep ? undefined : writerOf(query, name);
  const sink =
    writer === undefined
      ? undefined
      : rowSink(query, origin, () => View as unknown as View, writer, query.predicate);
  let listed = false;
  let incomplete = false;
  const answered = yield* conversation(transport, query, name, function* (socket) {
    const payload = request(demands, selection.states);
    let sockets: Socket[] = [];
    let arrived = false;
    const message = encodeDumpRequest(SOCK_DIAG_BY_FAMILY, payload);
    const room = writer === undefined ? allocate : rowRoom();
    const next = startDump(socket, message, room, (data, _type, offset, length) => {
      arrived = true;
      if (length < minimum) return;
      if (sink !== undefined) {
        if (selectedAt!(data, offset, selection)) sink.take(data, offset, length);
        return;
      }
      const found = new View(data, offset, length, origin);
      if (complete?.(found) === false) incomplete = true;
      if (selected(found, selection) && admits(query, found)) sockets.push(found);
    });
    for (;;) {
      const end = next();
      if (end === "pending") yield notYet;
      else if (end !== undefined) {
        if (end.interrupted) query.report({ kind: "interrupted", dump: name });
        return;
      } else if (arrived) {
        if (incomplete && !listed) return;
        listed = true;
        yield { dump: name, sockets };
        sockets = [];
      }
    }
  });
  return listed || (answered && !incomplete) ? [] : [...selection.families];
}

/** Opens a netlink socket for one table, and reports its problems. @returns whether there were none */
function* conversation(
  transport: Transport,
  { report }: TableQuery,
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
  let partial = false;
  try {
    for (const batch of talk(socket)) {
      partial ||= batch !== notYet;
      yield batch;
    }
    return true;
  } catch (error) {
    if (error instanceof DecodeError) report({ kind: "undecodable", dump: name, error });
    else if (error instanceof NetlinkError) report({ kind: "refused", dump: name, error, partial });
    else throw error;
    return false;
  } finally {
    socket.close();
  }
}
