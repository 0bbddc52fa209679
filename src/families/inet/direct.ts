/**
 * Rows of inet sockets straight from the kernel's messages: no view, object, closure or string a row. Big listings
 * are written this way. A message with something rare in it is left to `writeInetRow`, which can write everything.
 */
import { keepOutOfLastTier } from "#libc";
import { putBytes, putInt31, putStamp } from "../../bytes/put.ts";
import { roomBytes, roomData, roomWords } from "../../bytes/room.ts";
import { payloads, sized, walkAttributes } from "../../diag/room-attributes.ts";
import type { Netns } from "../../host/namespaces.ts";
import { putIpv4Word, putIpv6 } from "../../model/address.ts";
import { AF_INET6, IPPROTO_SCTP, IPPROTO_UDP } from "../../model/family.ts";
import { type InetTable, inetTables } from "../../model/inet-tables.ts";
import type { DumpName } from "../../model/selection.ts";
import { putIdentity, putQueue, putShutdown, putState } from "../../table/cells.ts";
import type { OwnerCells } from "../../table/process.ts";
import { foreignBytes, hasPlainOwners, type Names, type Style } from "../../table/style.ts";
import type { Table } from "../../table/table.ts";
import type { DirectRows } from "../direct-rows.ts";
import { netidOf, putCgroup, putMark, putTimerDetail, putV6only } from "./cells.ts";
import type { PutInfo } from "./direct-info.ts";
import { INET_DIAG_MESSAGE_SIZE, inetAttributes, inetDiagMessage } from "./layouts/inet-diag.ts";
import { TCP_INFO_ROOM } from "./row/room.ts";
import type { InetSocket } from "./socket.ts";

const PERCENT = 0x25;
const STAR = 0x2a;
const COLON = 0x3a;
const OPEN = 0x5b;
const CLOSE = 0x5d;

/** Names longer than this are left to the writer that can write everything. */
const NAME_LIMIT = 4096;
/** Room for a row of this module: its cells, a few names, and all structs. */
const ROW_ROOM = 4 * NAME_LIMIT + TCP_INFO_ROOM;
/** Control groups whose paths are remembered. Rows of more are left to the writer that can write everything. */
const CGROUP_LIMIT = 4096;

/** Where the fields of a message are, from its start. */
const FAMILY = inetDiagMessage.familyNumber.offset;
const STATE = inetDiagMessage.stateNumber.offset;
const TIMER = inetDiagMessage.timerNumber.offset;
const RETRANSMITS = inetDiagMessage.retransmits.offset;
const SPORT = inetDiagMessage.sport.offset;
const DPORT = inetDiagMessage.dport.offset;
const SOURCE = inetDiagMessage.source.offset;
const DESTINATION = inetDiagMessage.destination.offset;
const INTERFACE = inetDiagMessage.interfaceIndex.offset;
const COOKIE = inetDiagMessage.cookie.offset;
const EXPIRES = inetDiagMessage.expires.offset;
const RQUEUE = inetDiagMessage.rqueue.offset;
const WQUEUE = inetDiagMessage.wqueue.offset;
const UID = inetDiagMessage.uid.offset;
const INODE = inetDiagMessage.inode.offset;

/** Attributes by number. */
const SHUTDOWN = inetAttributes.shutdown.id;
const PROTOCOL = inetAttributes.protocol.id;
const V6ONLY = inetAttributes.skV6Only.id;
const MARK = inetAttributes.mark.id;
const MD5 = inetAttributes.md5Signatures.id;
const ULP = inetAttributes.ulpInfo.id;
const CGROUP = inetAttributes.cgroupId.id;

/** Whether rows of a table and a style can be written straight from messages. */
export function isDirect({ shows }: Table, style: Style): boolean {
  const { resolve, tos, cgroup, inetSockopt, bpfMaps, bpfMapIds } = style;
  const places = shows.peerProcess || shows.container;
  if (places || (shows.process && !hasPlainOwners(style)) || shows.recvQueue !== shows.sendQueue)
    return false;
  return !(resolve || tos || cgroup || inetSockopt || bpfMaps || bpfMapIds.length > 0);
}

/** Code that only some rows need, so that it is loaded apart. */
export interface InetRowParts {
  /** Writes the row of any inet socket, see `writeInetRow`. */
  writeRow(socket: InetSocket): void;
  /** Writes what `-m` and `-i` add; undefined if the style has neither. */
  readonly putInfo: PutInfo | undefined;
  /** Writes the process cell; undefined if the table has none. */
  readonly owners: OwnerCells | undefined;
  /** Gives the cell of a network namespace; undefined if the table has none. */
  readonly netnsCell: ((netns: Netns | undefined, style: Style) => Uint8Array) | undefined;
}

/**
 * Makes the writer of the rows of one inet table, with all options settled beforehand.
 *
 * @param table and style: such as {@link isDirect} accepts
 * @param tableProtocol IP protocol of the inet table
 * @param netns the network namespace of its sockets; undefined for our own
 */
export function directRows(
  table: Table,
  style: Style,
  names: Names,
  tableProtocol: number,
  { writeRow, putInfo, owners, netnsCell }: InetRowParts,
  netns?: Netns,
): DirectRows<InetSocket> {
  const { text, shows } = table;
  const { netid: showsNetid, state: showsState, recvQueue: showsQueues } = shows;
  const { numeric, timers, extended, memory, info } = style;
  const usesProtocolInfo = memory || info;
  const place = netnsCell?.(netns, style);
  const room = ROW_ROOM + (owners?.room ?? 0) + (place?.length ?? 0);
  const tableNetid = netidOf(tableProtocol);
  /** The names of ports; null for those that have none. */
  const ports = new Map<number, Uint8Array | null>();
  const interfaces = new Map<number, Uint8Array>();
  const cgroups = new Map<number, Uint8Array>();
  /** The last cgroup: neighbours in a table are often in the same one. */
  let lastCgroup = 0;
  let lastPath: Uint8Array | undefined;

  function putIpv6Address(target: DataView, at: number, from: number): number {
    const word = from >> 2;
    if ((roomWords[word]! | roomWords[word + 1]! | roomWords[word + 2]! | roomWords[word + 3]!) === 0) {
      const v6only = sized(V6ONLY, 1);
      if (v6only === 0 || roomBytes[v6only] === 0) {
        target.setUint8(at, STAR);
        return at + 1;
      }
    }
    target.setUint8(at, OPEN);
    const next = putIpv6(target, at + 1, roomData, from);
    target.setUint8(next, CLOSE);
    return next + 1;
  }

  function portName(port: number): Uint8Array | null {
    let name = ports.get(port);
    if (name === undefined) {
      name = names.port(port) ?? null;
      ports.set(port, name);
    }
    return name;
  }

  /** Writes the cell of a port. @returns the position behind it; -1 if its name is too long */
  function putPort(target: DataView, at: number, port: number): number {
    if (port === 0) {
      target.setUint8(at, STAR);
      return at + 1;
    }
    const name = numeric ? null : portName(port);
    if (name === null) return putInt31(target, at, port);
    return name.length > NAME_LIMIT ? -1 : putBytes(target, at, name);
  }

  /** Writes the interface that a socket is bound to. @returns the position behind it; -1 if its name is too long */
  function putInterface(target: DataView, at: number, index: number): number {
    let name = interfaces.get(index);
    if (name === undefined) {
      name = foreignBytes(names.interface(index, netns), style);
      interfaces.set(index, name);
    }
    if (name.length > NAME_LIMIT) return -1;
    target.setUint8(at, PERCENT);
    return putBytes(target, at + 1, name);
  }

  /**
   * The path of a control group by the lower half of its id; the upper one is 0. Undefined for one that has none, as
   * that may be complained of for each row, and for one that is too long.
   */
  function cgroupPath(id: number): Uint8Array | undefined {
    if (id !== lastCgroup) {
      lastPath = lookUpCgroup(id);
      lastCgroup = id;
    }
    return lastPath;
  }

  function lookUpCgroup(id: number): Uint8Array | undefined {
    let path = cgroups.get(id);
    if (path === undefined && cgroups.size < CGROUP_LIMIT) {
      const found = names.cgroupPath(BigInt(id));
      if (found === undefined) return undefined;
      path = foreignBytes(found, style);
      if (path.length > NAME_LIMIT) return undefined;
      cgroups.set(id, path);
    }
    return path;
  }

  /** Writes what `-e` adds. @returns the position behind it; -1 if a path is missing */
  function putExtended(target: DataView, at: number, offset: number, inet6: boolean): number {
    let next = putIdentity(
      target,
      at,
      roomWords[(offset + UID) >> 2]!,
      roomWords[(offset + INODE) >> 2]!,
      roomWords[(offset + COOKIE) >> 2]!,
      roomWords[(offset + COOKIE + 4) >> 2]!,
    );
    const mark = sized(MARK, 4);
    if (mark !== 0) {
      const value = roomWords[mark >> 2]!;
      if (value !== 0) next = putMark(target, next, value);
    }
    const cgroup = sized(CGROUP, 8);
    if (cgroup !== 0) {
      const low = roomWords[cgroup >> 2]! >>> 0;
      const high = roomWords[(cgroup + 4) >> 2]!;
      if (low !== 0 || high !== 0) {
        const path = high === 0 ? cgroupPath(low) : undefined;
        if (path === undefined) return -1;
        next = putCgroup(target, next, path);
      }
    }
    const v6only = inet6 ? sized(V6ONLY, 1) : 0;
    if (v6only !== 0) next = putV6only(target, next, roomBytes[v6only]!);
    const shutdown = sized(SHUTDOWN, 1);
    return shutdown === 0 ? next : putShutdown(target, next, roomBytes[shutdown]!);
  }

  function put(offset: number, length: number): boolean {
    if (!walkAttributes(offset + INET_DIAG_MESSAGE_SIZE, offset + length)) return false;
    if (usesProtocolInfo && (payloads[MD5] !== 0 || payloads[ULP] !== 0)) return false;
    const sentProtocol = sized(PROTOCOL, 1);
    const protocol = sentProtocol === 0 ? tableProtocol : roomBytes[sentProtocol]!;
    if (protocol === IPPROTO_SCTP) return false;
    const inet6 = roomBytes[offset + FAMILY] === AF_INET6;
    const state = roomBytes[offset + STATE]!;

    table.beginRow();
    text.reserve(room);
    const target = text.data;
    const { lengths } = table;
    let cell = table.cells;
    let start = text.length;
    let at = start;
    if (place !== undefined) {
      at = putBytes(target, at, place);
      lengths[cell++] = at - start;
      start = at;
    }
    if (showsNetid) {
      at = putStamp(target, at, sentProtocol === 0 ? tableNetid : netidOf(protocol));
      lengths[cell++] = at - start;
      start = at;
    }
    if (showsState) {
      at = putState(target, at, state);
      lengths[cell++] = at - start;
      start = at;
    }
    if (showsQueues) {
      at = putQueue(target, at, roomWords[(offset + RQUEUE) >> 2]!);
      lengths[cell++] = at - start;
      start = at;
      at = putQueue(target, at, roomWords[(offset + WQUEUE) >> 2]!);
      lengths[cell++] = at - start;
      start = at;
    }
    at = inet6
      ? putIpv6Address(target, at, offset + SOURCE)
      : putIpv4Word(target, at, roomWords[(offset + SOURCE) >> 2]!);
    const index = roomWords[(offset + INTERFACE) >> 2]!;
    if (index !== 0) at = putInterface(target, at, index >>> 0);
    if (at < 0) return false;
    target.setUint8(at++, COLON);
    lengths[cell++] = at - start;
    start = at;
    at = putPort(target, at, (roomBytes[offset + SPORT]! << 8) | roomBytes[offset + SPORT + 1]!);
    if (at < 0) return false;
    lengths[cell++] = at - start;
    start = at;
    at = inet6
      ? putIpv6Address(target, at, offset + DESTINATION)
      : putIpv4Word(target, at, roomWords[(offset + DESTINATION) >> 2]!);
    target.setUint8(at++, COLON);
    lengths[cell++] = at - start;
    start = at;
    at = putPort(target, at, (roomBytes[offset + DPORT]! << 8) | roomBytes[offset + DPORT + 1]!);
    if (at < 0) return false;
    lengths[cell++] = at - start;
    start = at;
    if (owners !== undefined) {
      at = owners.put(target, at, roomWords[(offset + INODE) >> 2]!);
      if (at < 0) return false;
      lengths[cell++] = at - start;
      start = at;
    }
    const timer = timers ? roomBytes[offset + TIMER]! : 0;
    if (timer !== 0) {
      const expires = roomWords[(offset + EXPIRES) >> 2]! >>> 0;
      at = putTimerDetail(target, at, timer, expires, roomBytes[offset + RETRANSMITS]!);
    }
    if (extended) at = putExtended(target, at, offset, inet6);
    if (at < 0) return false;
    if (memory || (info && protocol !== IPPROTO_UDP)) at = putInfo!(target, at, state);
    lengths[cell] = at - start;
    table.closeRow(at);
    return true;
  }

  keepOutOfLastTier(putIpv6Address, portName, putPort, putInterface, putExtended, put);
  return { put, write: writeRow };
}

/** The tables whose rows can be written straight from messages. */
const directTables: ReadonlySet<DumpName> = new Set<InetTable>(["tcp", "udp", "raw"]);

/**
 * Makes what writes the rows of the inet tables straight from messages.
 *
 * @returns a function that begins a table, and gives undefined for one that has only rows from views; undefined if the
 *   columns or the style need views
 */
export async function directInetRows(
  table: Table,
  style: Style,
  names: Names,
  writeRow: InetRowParts["writeRow"],
): Promise<((name: DumpName, netns?: Netns) => DirectRows<InetSocket> | undefined) | undefined> {
  if (!isDirect(table, style)) return undefined;
  const withInfo = style.memory || style.info;
  const putInfo = withInfo ? (await import("./direct-info.ts")).infoWriter(style) : undefined;
  const owners = table.shows.process ? (await import("../../table/process.ts")).ownerCells(names) : undefined;
  const netnsCell = table.shows.netns ? (await import("../../table/places.ts")).netnsCell : undefined;
  const parts = { writeRow, putInfo, owners, netnsCell };
  return (name, netns) => {
    if (!directTables.has(name)) return undefined;
    const inetTable = name as InetTable;
    names.useTable(inetTable, netns);
    return directRows(table, style, names, inetTables[inetTable], parts, netns);
  };
}
