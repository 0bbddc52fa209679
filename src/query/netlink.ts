/** Listing over netlink: one conversation a table. */

import type { FamilyDump } from "../families/family-dump.ts";
import {
  INET_DIAG_EXT,
  INET_DIAG_MESSAGE_SIZE,
  INET_DIAG_REQ_BYTECODE,
  INET_DIAG_REQ_PROTOCOL,
} from "../families/inet/layouts/inet-diag.ts";
import { bpfStorageRequest, InetSocket, inetLegacyRequest, inetRequest } from "../families/inet/socket.ts";
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
import { type Batch, type DumpEnd, dump, encodeDumpRequest } from "../netlink/dump.ts";
import { DecodeError, NetlinkError } from "../netlink/errors.ts";
import { type AttributeToWrite, u32Payload } from "../netlink/message.ts";
import type { NetlinkSocket, Transport } from "../netlink/transport.ts";
import { admits, originOf } from "./common.ts";
import { ipv6Buffer } from "./ipv6-buffer.ts";
import { notYet, type SocketBatch, type TableQuery } from "./query.ts";

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

/**
 * Lists an inet table: IPv4, then IPv6. Where the legacy request can ask for both, it does: the kernel then walks its
 * tables once, and these are long on a big host. What is refused is asked for in the other way.
 *
 * @returns the families that netlink has told nothing of
 */
export function* listInet(
  transport: Transport,
  query: TableQuery,
  table: InetTable,
  families: readonly number[],
  allocate: (size: number) => Uint8Array,
): Generator<SocketBatch, readonly number[]> {
  const { selection, predicate } = query;
  const protocol = inetTables[table];
  const origin = originOf(query, protocol);
  const ext = extensions(query.demands);
  const states = statesToAsk(protocol, selection.states);
  const bytecode: AttributeToWrite[] =
    predicate?.bytecode === undefined ? [] : [{ type: INET_DIAG_REQ_BYTECODE, payload: predicate.bytecode }];
  const wide: AttributeToWrite[] =
    protocol > 0xff ? [{ type: INET_DIAG_REQ_PROTOCOL, payload: u32Payload(protocol) }] : [];
  const storages = bpfStorageRequest(query.bpfMapFds);
  const legacy = legacyTypes[table];

  const run = (socket: NetlinkSocket, type: number, payload: Uint8Array, attributes: AttributeToWrite[]) => {
    const batches = dump(socket, encodeDumpRequest(type, payload, attributes), allocate);
    return listMessages(batches, query, table, (data, offset, length) => {
      if (length < INET_DIAG_MESSAGE_SIZE) return undefined;
      const found = new InetSocket(data, offset, length, origin);
      return selection.families.has(found.familyNumber) ? found : undefined;
    });
  };

  // Of a family that is told of, be it in part, nothing is asked again: its sockets would be listed twice.
  const told = new Set<number>();

  function* familyByFamily(
    socket: NetlinkSocket,
    wanted: readonly number[] = families,
  ): Generator<SocketBatch> {
    for (const family of wanted) {
      const payload = inetRequest(family, protocol, ext, states);
      for (const batch of run(socket, SOCK_DIAG_BY_FAMILY, payload, [...bytecode, ...wide, ...storages])) {
        if (batch !== notYet) told.add(family);
        yield batch;
      }
      told.add(family);
    }
  }

  /** Both families, as the kernel has them. */
  function* mixed(socket: NetlinkSocket, type: number): Generator<SocketBatch> {
    for (const batch of run(socket, type, inetLegacyRequest(AF_INET, ext, states), bytecode)) {
      if (batch !== notYet) told.add(AF_INET).add(AF_INET6);
      yield batch;
    }
  }

  function* inOneWalk(socket: NetlinkSocket, type: number): Generator<SocketBatch> {
    const ipv6 = ipv6Buffer(!query.keep);
    let failure: unknown;
    try {
      for (const batch of mixed(socket, type)) {
        const ipv4: InetSocket[] = [];
        for (const found of batch.sockets as readonly InetSocket[])
          if (found.familyNumber === AF_INET6) ipv6.hold(found);
          else ipv4.push(found);
        yield batch === notYet ? batch : { dump: table, sockets: ipv4 };
      }
    } catch (error) {
      if (told.size === 0) throw error;
      failure = error;
    }
    const sockets = ipv6.release();
    if (sockets === undefined) yield* familyByFamily(socket, [AF_INET6]);
    else yield { dump: table, sockets };
    if (failure !== undefined) throw failure;
  }

  const answered = yield* conversation(transport, query, table, function* (socket) {
    if (legacy === undefined) return yield* familyByFamily(socket);
    const together = families.length > 1 && storages.length === 0 && !transport.familyByFamily;
    try {
      yield* together ? inOneWalk(socket, legacy) : familyByFamily(socket);
    } catch (error) {
      if (!(error instanceof NetlinkError) || told.size > 0) throw error;
      // A kernel before 3.3 knows only the legacy request, whose answer ss shows as it comes.
      yield* together ? familyByFamily(socket) : mixed(socket, legacy);
    }
  });
  return answered ? [] : [...selection.families].filter((family) => !told.has(family));
}

/**
 * Lists a family that one request asks for.
 *
 * @returns the family, if netlink has told nothing or not enough of it
 */
export function* listFamily<S extends Socket>(
  transport: Transport,
  query: TableQuery,
  name: DumpName,
  { request, minimum, View, selected, complete }: FamilyDump<S>,
  allocate: (size: number) => Uint8Array,
): Generator<SocketBatch, readonly number[]> {
  const { selection, demands } = query;
  const origin = originOf(query, 0);
  let told = false;
  let incomplete = false;
  const answered = yield* conversation(transport, query, name, function* (socket) {
    const payload = request(demands, selection.states);
    const batches = dump(socket, encodeDumpRequest(SOCK_DIAG_BY_FAMILY, payload), allocate);
    const found = listMessages(batches, query, name, (data, offset, length) => {
      if (length < minimum) return undefined;
      const socket = new View(data, offset, length, origin);
      if (complete?.(socket) === false) incomplete = true;
      return selected(socket, selection) ? socket : undefined;
    });
    for (const batch of found) {
      if (incomplete && !told) return;
      if (batch !== notYet) told = true;
      yield batch;
    }
  });
  return told || (answered && !incomplete) ? [] : [...selection.families];
}

/**
 * The sockets of a dump that pass the filter.
 *
 * @param view makes the view of a message, unless it is none that was asked for
 */
function* listMessages(
  batches: Generator<Batch, DumpEnd>,
  query: TableQuery,
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
    if (count === 0) {
      yield notYet;
      continue;
    }
    const sockets: Socket[] = [];
    for (let index = 0; index < count; index++) {
      const socket = view(data, offsets[index]!, lengths[index]!);
      if (socket === undefined) continue;
      if (admits(query, socket)) sockets.push(socket);
    }
    yield { dump: name, sockets };
  }
}

/** Opens a netlink socket for one table, and reports what goes wrong with it. @returns whether nothing did */
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
