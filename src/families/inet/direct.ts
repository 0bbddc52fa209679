/**
 * Rows of inet sockets straight from the kernel's messages: no view, object, closure or string a row. Big listings
 * are written this way. A message with something rare in it is left to `writeInetRow`, which can write everything.
 */
import { keepOutOfLastTier } from "#libc";
import { putBytes, putInt31, putStamp } from "../../bytes/put.ts";
import { attributeIndex, walkAttributes } from "../../diag/message.ts";
import { isUnspecifiedIpv6, putIpv4, putIpv6 } from "../../model/address.ts";
import { AF_INET6, IPPROTO_SCTP, IPPROTO_UDP } from "../../model/family.ts";
import { type InetTable, inetTables } from "../../model/inet-tables.ts";
import { NLA_HDRLEN } from "../../netlink/constants.ts";
import { putIdentity, putQueue, putShutdown, putState } from "../../table/cells.ts";
import { putInetMemInfo, putSkMemInfo } from "../../table/memory.ts";
import { foreignBytes, type Names, type Style } from "../../table/style.ts";
import type { Table } from "../../table/table.ts";
import type { DirectRows } from "../direct-rows.ts";
import { INET_DIAG_MESSAGE_SIZE, inetAttributes, inetDiagMessage } from "./layouts/inet-diag.ts";
import { TCP_INFO_ROOM } from "./row/tcp-info.ts";
import { putTcpInfo } from "./row/tcp-info-generated.ts";
import type { ConnectionFacts } from "./row/tcp-info-specials.ts";
import { netidOf, putCgroup, putMark, putTimerDetail, putV6only, writeInetRow } from "./row.ts";
import type { InetSocket } from "./socket.ts";

const PERCENT = 0x25;
const STAR = 0x2a;
const COLON = 0x3a;
const OPEN = 0x5b;
const CLOSE = 0x5d;
const NEWLINE = 0x0a;
const TAB = 0x09;

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
const MEM_INFO = inetAttributes.memInfo.id;
const INFO = inetAttributes.info.id;
const VEGAS = inetAttributes.vegasInfo.id;
const CONGESTION = inetAttributes.congestion.id;
const SK_MEM_INFO = inetAttributes.skMemInfo.id;
const SHUTDOWN = inetAttributes.shutdown.id;
const DCTCP = inetAttributes.dctcpInfo.id;
const PROTOCOL = inetAttributes.protocol.id;
const V6ONLY = inetAttributes.skV6Only.id;
const MARK = inetAttributes.mark.id;
const BBR = inetAttributes.bbrInfo.id;
const MD5 = inetAttributes.md5Signatures.id;
const ULP = inetAttributes.ulpInfo.id;
const CGROUP = inetAttributes.cgroupId.id;

/** Where the payload of an attribute of the message that was walked last begins; 0 if it was not sent. */
function payloadOf(type: number): number {
  const at = attributeIndex[type]!;
  return at === 0 ? 0 : at + NLA_HDRLEN;
}

/** Bytes of a payload. */
function lengthOf(data: DataView, payload: number): number {
  return data.getUint16(payload - NLA_HDRLEN, true) - NLA_HDRLEN;
}

/** The payload of an attribute that is to have `size` bytes; 0 if it was not sent or is shorter. */
function sized(data: DataView, type: number, size: number): number {
  const payload = payloadOf(type);
  return payload !== 0 && lengthOf(data, payload) >= size ? payload : 0;
}

/** Whether rows of a table and a style can be written straight from messages. */
export function isDirect({ shows }: Table, style: Style): boolean {
  const { resolve, tos, cgroup, inetSockopt, bpfMaps, bpfMapIds } = style;
  const places = shows.netns || shows.process || shows.peerProcess || shows.container;
  if (places || shows.recvQueue !== shows.sendQueue) return false;
  return !(resolve || tos || cgroup || inetSockopt || bpfMaps || bpfMapIds.length > 0);
}

/**
 * Makes the writer of the rows of one inet table, with all options settled beforehand.
 *
 * @param table and style: such as {@link isDirect} accepts
 * @param tableProtocol IP protocol of the inet table
 */
export function directRows(
  table: Table,
  style: Style,
  names: Names,
  tableProtocol: number,
): DirectRows<InetSocket> {
  const { text, shows } = table;
  const { netid: showsNetid, state: showsState, recvQueue: showsQueues } = shows;
  const { numeric, timers, extended, memory, info, oneline } = style;
  const usesProtocolInfo = memory || info;
  const facts: ConnectionFacts = { stateNumber: 0, congestion: 0, vegas: 0, dctcp: 0, bbr: 0 };
  const tableNetid = netidOf(tableProtocol);
  /** The names of ports; null for those that have none. */
  const ports = new Map<number, Uint8Array | null>();
  const interfaces = new Map<number, Uint8Array>();
  const cgroups = new Map<number, Uint8Array>();
  /** The last cgroup: neighbours in a table are often in the same one. */
  let lastCgroup = 0;
  let lastPath: Uint8Array | undefined;

  function putAddress(target: DataView, at: number, data: DataView, from: number, inet6: boolean): number {
    if (!inet6) return putIpv4(target, at, data, from);
    if (isUnspecifiedIpv6(data, from)) {
      const v6only = sized(data, V6ONLY, 1);
      if (v6only === 0 || data.getUint8(v6only) === 0) {
        target.setUint8(at, STAR);
        return at + 1;
      }
    }
    target.setUint8(at, OPEN);
    const next = putIpv6(target, at + 1, data, from);
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
      name = foreignBytes(names.interface(index), style);
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
  function putExtended(target: DataView, at: number, data: DataView, offset: number, inet6: boolean): number {
    let next = putIdentity(
      target,
      at,
      data.getInt32(offset + UID, true),
      data.getInt32(offset + INODE, true),
      data.getInt32(offset + COOKIE, true),
      data.getInt32(offset + COOKIE + 4, true),
    );
    const mark = sized(data, MARK, 4);
    if (mark !== 0) {
      const value = data.getInt32(mark, true);
      if (value !== 0) next = putMark(target, next, value);
    }
    const cgroup = sized(data, CGROUP, 8);
    if (cgroup !== 0) {
      const low = data.getUint32(cgroup, true);
      const high = data.getInt32(cgroup + 4, true);
      if (low !== 0 || high !== 0) {
        const path = high === 0 ? cgroupPath(low) : undefined;
        if (path === undefined) return -1;
        next = putCgroup(target, next, path);
      }
    }
    const v6only = inet6 ? sized(data, V6ONLY, 1) : 0;
    if (v6only !== 0) next = putV6only(target, next, data.getUint8(v6only));
    const shutdown = sized(data, SHUTDOWN, 1);
    return shutdown === 0 ? next : putShutdown(target, next, data.getUint8(shutdown));
  }

  /** Writes what `-m` and `-i` add. @returns the position behind it */
  function putProtocolInfo(target: DataView, at: number, data: DataView, offset: number): number {
    let next = at;
    if (!oneline) {
      target.setUint8(next, NEWLINE);
      target.setUint8(next + 1, TAB);
      next += 2;
    }
    const skMem = payloadOf(SK_MEM_INFO);
    if (skMem !== 0) next = putSkMemInfo(target, next, data, skMem, lengthOf(data, skMem));
    else {
      const mem = payloadOf(MEM_INFO);
      if (mem !== 0) next = putInetMemInfo(target, next, data, mem, lengthOf(data, mem));
    }
    const tcp = payloadOf(INFO);
    if (tcp === 0) return next;
    facts.stateNumber = data.getUint8(offset + STATE);
    facts.congestion = payloadOf(CONGESTION);
    facts.vegas = payloadOf(VEGAS);
    facts.dctcp = payloadOf(DCTCP);
    facts.bbr = payloadOf(BBR);
    return putTcpInfo(target, next, data, tcp, lengthOf(data, tcp), facts, timers, numeric);
  }

  function put(data: DataView, offset: number, length: number): boolean {
    if (!walkAttributes(data, offset + INET_DIAG_MESSAGE_SIZE, offset + length)) return false;
    if (usesProtocolInfo && (attributeIndex[MD5] !== 0 || attributeIndex[ULP] !== 0)) return false;
    const sentProtocol = sized(data, PROTOCOL, 1);
    const protocol = sentProtocol === 0 ? tableProtocol : data.getUint8(sentProtocol);
    if (protocol === IPPROTO_SCTP) return false;
    const inet6 = data.getUint8(offset + FAMILY) === AF_INET6;

    table.beginRow();
    text.reserve(ROW_ROOM);
    const target = text.data;
    const { lengths } = table;
    let cell = table.cells;
    let start = text.length;
    let at = start;
    if (showsNetid) {
      at = putStamp(target, at, sentProtocol === 0 ? tableNetid : netidOf(protocol));
      lengths[cell++] = at - start;
      start = at;
    }
    if (showsState) {
      at = putState(target, at, data.getUint8(offset + STATE));
      lengths[cell++] = at - start;
      start = at;
    }
    if (showsQueues) {
      at = putQueue(target, at, data.getInt32(offset + RQUEUE, true));
      lengths[cell++] = at - start;
      start = at;
      at = putQueue(target, at, data.getInt32(offset + WQUEUE, true));
      lengths[cell++] = at - start;
      start = at;
    }
    at = putAddress(target, at, data, offset + SOURCE, inet6);
    const index = data.getUint32(offset + INTERFACE, true);
    if (index !== 0) at = putInterface(target, at, index);
    if (at < 0) return false;
    target.setUint8(at++, COLON);
    lengths[cell++] = at - start;
    start = at;
    at = putPort(target, at, data.getUint16(offset + SPORT));
    if (at < 0) return false;
    lengths[cell++] = at - start;
    start = at;
    at = putAddress(target, at, data, offset + DESTINATION, inet6);
    target.setUint8(at++, COLON);
    lengths[cell++] = at - start;
    start = at;
    at = putPort(target, at, data.getUint16(offset + DPORT));
    if (at < 0) return false;
    lengths[cell++] = at - start;
    start = at;
    const timer = timers ? data.getUint8(offset + TIMER) : 0;
    if (timer !== 0) {
      const expires = data.getUint32(offset + EXPIRES, true);
      at = putTimerDetail(target, at, timer, expires, data.getUint8(offset + RETRANSMITS));
    }
    if (extended) at = putExtended(target, at, data, offset, inet6);
    if (at < 0) return false;
    if (memory || (info && protocol !== IPPROTO_UDP)) at = putProtocolInfo(target, at, data, offset);
    lengths[cell] = at - start;
    table.closeRow(at);
    return true;
  }

  keepOutOfLastTier(putAddress, portName, putPort, putInterface, putExtended, putProtocolInfo, put);
  return { put, write: (socket) => writeInetRow(table, socket, style, names) };
}

keepOutOfLastTier(payloadOf, lengthOf, sized);

/** The tables whose rows can be written straight from messages. */
const directTables: ReadonlySet<InetTable> = new Set(["tcp", "udp", "raw"]);

/** See {@link Family.direct}. */
export function directInetRows(
  table: Table,
  style: Style,
  names: Names,
): ((name: InetTable) => DirectRows<InetSocket> | undefined) | undefined {
  if (!isDirect(table, style)) return undefined;
  return (name) => {
    if (!directTables.has(name)) return undefined;
    names.useTable(name);
    return directRows(table, style, names, inetTables[name]);
  };
}
