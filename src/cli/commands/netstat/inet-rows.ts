/** The rows of Internet sockets, written as bytes straight from the kernel's messages: no view or string a row. */
import { keepOutOfLastTier } from "#libc";
import { putBlanks, putBytes, putInt31, putStamp, putUint32, type Stamp, stamp } from "../../../bytes/put.ts";
import { copyToRoom, roomBytes, roomData, roomWords } from "../../../bytes/room.ts";
import { escapeControls } from "../../../bytes/terminal.ts";
import { ascii, type ByteWriter } from "../../../bytes/writer.ts";
import type { DirectRows } from "../../../families/direct-rows.ts";
import { INET_DIAG_MESSAGE_SIZE, inetDiagMessage } from "../../../families/inet/layouts/inet-diag.ts";
import type { InetSocket } from "../../../families/inet/socket.ts";
import { ADDRESS_ROOM, isMappedIpv4, isUnspecifiedIpv6, putIpv4, putIpv6 } from "../../../model/address.ts";
import { AF_INET6 } from "../../../model/family.ts";
import { SS_ESTABLISHED, SS_LISTEN } from "../../../model/state.ts";
import { stateNames } from "../lsof/states.ts";
import { type Extra, shownExtras } from "./extras.ts";
import { isWanted, type NetstatSettings } from "./options.ts";
import type { RowNames } from "./row-names.ts";

/** A table of Internet sockets that netstat shows. */
export type InetTable = "tcp" | "udp" | "udplite" | "raw";

const COLON = 0x3a;
const STAR = 0x2a;
const BLANK = 0x20;
const NEWLINE = 0x0a;
/** Columns of an address and its port together. */
const ADDRESS_WIDTH = 23;
const STATE_WIDTH = 11;
const QUEUE_WIDTH = 6;
const EXTENDED_WIDTH = 10;
/** Room for a row without its names: two addresses and some numbers. */
const ROW_ROOM = 2 * ADDRESS_ROOM + 256;

/** Where the fields of a message are, from its start. */
const FAMILY = inetDiagMessage.familyNumber.offset;
const STATE = inetDiagMessage.stateNumber.offset;
const SPORT = inetDiagMessage.sport.offset;
const DPORT = inetDiagMessage.dport.offset;
const SOURCE = inetDiagMessage.source.offset;
const DESTINATION = inetDiagMessage.destination.offset;
const RQUEUE = inetDiagMessage.rqueue.offset;
const WQUEUE = inetDiagMessage.wqueue.offset;
const UID = inetDiagMessage.uid.offset;
const INODE = inetDiagMessage.inode.offset;

function stateStamp(text: string): Stamp {
  return stamp(text.padEnd(STATE_WIDTH));
}

const tcpStates = stateNames.map(stateStamp);
const unknownState = stateStamp("UNKNOWN");
const established = stateStamp("ESTABLISHED");
const noState = stateStamp("");
/** Raw sockets show the number of their state. */
const rawStates = Array.from({ length: 256 }, (_, number) => stateStamp(`${number}`));

/** The cells of the first column, with the blank behind. */
const protocolStamps = {
  tcp: { ipv4: stamp("tcp   "), ipv6: stamp("tcp6  ") },
  udp: { ipv4: stamp("udp   "), ipv6: stamp("udp6  ") },
  udplite: { ipv4: stamp("udpl  "), ipv6: stamp("udpl6 ") },
  raw: { ipv4: stamp("raw   "), ipv6: stamp("raw6  ") },
} as const;

/** The State column: a UDP socket without a peer has none. */
function stateOf(table: InetTable, number: number): Stamp {
  if (table === "raw") return rawStates[number]!;
  if (table !== "tcp") return number === SS_ESTABLISHED ? established : noState;
  return tcpStates[number] ?? unknownState;
}

/** Decimal digits of a 32-bit number, given as a signed one. */
function digitsOf(bits: number): number {
  if (bits >= 0 && bits < 10) return 1;
  let digits = 1;
  for (let rest = bits >>> 0; rest >= 10; rest = Math.floor(rest / 10)) digits++;
  return digits;
}

/** Writes a number at the right end of the column of a queue, and a blank. */
function putQueue(target: DataView, at: number, bits: number): number {
  const next = putUint32(target, putBlanks(target, at, QUEUE_WIDTH - digitsOf(bits)), bits);
  target.setUint8(next, BLANK);
  return next + 1;
}

/** A port of the message in the room. */
function portAt(from: number): number {
  return (roomBytes[from]! << 8) | roomBytes[from + 1]!;
}

keepOutOfLastTier(stateOf, digitsOf, putQueue, portAt);

/**
 * Makes what writes the rows of one table.
 *
 * @param writer takes the rows
 * @param ended called after each row
 */
export function inetRows(
  writer: ByteWriter,
  table: InetTable,
  settings: NetstatSettings,
  names: RowNames,
  terminal: boolean,
  ended: () => void,
): DirectRows<InetSocket> {
  const { numericHosts, wide, extended } = settings;
  const protocols = protocolStamps[table];
  const protocol = table === "udplite" ? "udp" : table;
  const extras: readonly Extra[] = shownExtras(settings);
  const portNames = new Map<number, Uint8Array>();
  const users = new Map<number, Uint8Array>();

  function portName(port: number): Uint8Array | undefined {
    if (names.services === undefined || port === 0) return undefined;
    let text = portNames.get(port);
    if (text === undefined) {
      const name = table === "raw" ? names.protocols().get(port) : names.services.name(port, protocol);
      text = ascii(name ?? `${port}`);
      portNames.set(port, text);
    }
    return text;
  }

  /** Writes bytes of any length, and makes room for the rest of the row again. @returns the position behind them */
  function putName(at: number, name: Uint8Array): number {
    writer.length = at;
    writer.reserve(name.length + ROW_ROOM);
    return putBytes(writer.data, at, name);
  }

  function putHost(at: number, from: number, inet6: boolean): number {
    // netstat does not look up mapped addresses.
    const mapped = inet6 && isMappedIpv4(roomData, from);
    const name = numericHosts || mapped ? undefined : names.host(roomData, from, inet6 ? 16 : 4);
    if (name !== undefined) return putName(at, terminal ? escapeControls(name) : name);
    const target = writer.data;
    if (!inet6) return putIpv4(target, at, roomData, from);
    if (mapped) return putIpv4(target, at, roomData, from + 12);
    if (!numericHosts && isUnspecifiedIpv6(roomData, from)) return putBytes(target, at, unspecified);
    return putIpv6(target, at, roomData, from);
  }

  function putEnd(start: number, from: number, inet6: boolean, port: number): number {
    const name = portName(port);
    const room = ADDRESS_WIDTH - 1 - (name?.length ?? digitsOf(port));
    let at = putHost(start, from, inet6);
    if (!wide && at - start > room) at = start + Math.max(room, 0);
    writer.data.setUint8(at++, COLON);
    if (port === 0) writer.data.setUint8(at++, STAR);
    else at = name === undefined ? putInt31(writer.data, at, port) : putName(at, name);
    return putBlanks(writer.data, at, Math.max(ADDRESS_WIDTH - (at - start), 0) + 1);
  }

  function userName(uid: number): Uint8Array {
    let text = users.get(uid);
    if (text === undefined) {
      text = ascii(names.user(uid));
      users.set(uid, text);
    }
    return text;
  }

  /** Writes the user and the inode. */
  function putExtended(start: number, offset: number): number {
    const at = putName(start + 1, userName(roomWords[(offset + UID) >> 2]! >>> 0));
    writer.data.setUint8(start, BLANK);
    const inode = putBlanks(writer.data, at, Math.max(start + 1 + EXTENDED_WIDTH - at, 0) + 1);
    const next = putUint32(writer.data, inode, roomWords[(offset + INODE) >> 2]!);
    return putBlanks(writer.data, next, inode + EXTENDED_WIDTH - next);
  }

  /** Writes what every row has. @returns false if the options do not want the socket */
  function putCells(offset: number): boolean {
    const dport = portAt(offset + DPORT);
    if (!isWanted(settings, dport !== 0)) return false;
    const inet6 = roomBytes[offset + FAMILY] === AF_INET6;
    const state = roomBytes[offset + STATE]!;
    writer.reserve(ROW_ROOM);
    let at = putStamp(writer.data, writer.length, inet6 ? protocols.ipv6 : protocols.ipv4);
    at = putQueue(writer.data, at, roomWords[(offset + RQUEUE) >> 2]!);
    // For a listener the kernel sends its limit there; /proc has 0.
    const limit = table === "tcp" && state === SS_LISTEN;
    at = putQueue(writer.data, at, limit ? 0 : roomWords[(offset + WQUEUE) >> 2]!);
    at = putEnd(at, offset + SOURCE, inet6, portAt(offset + SPORT));
    at = putEnd(at, offset + DESTINATION, inet6, dport);
    at = putStamp(writer.data, at, stateOf(table, state));
    if (extended) at = putExtended(at, offset);
    writer.length = at;
    return true;
  }

  function put(offset: number): boolean {
    if (extras.length > 0) return false;
    if (!putCells(offset)) return true;
    writer.data.setUint8(writer.length++, NEWLINE);
    ended();
    return true;
  }

  keepOutOfLastTier(portName, putName, putHost, putEnd, putExtended, putCells, put);
  return {
    put,
    write(socket) {
      if (!copyToRoom(socket.data, socket.offset, INET_DIAG_MESSAGE_SIZE) || !putCells(0)) return;
      for (const { text, width } of extras) {
        writer.byte(BLANK);
        const start = writer.length;
        writer.text(text(socket, names));
        writer.fill(BLANK, width - (writer.length - start));
      }
      writer.byte(NEWLINE);
      ended();
    },
  };
}

const unspecified = ascii("[::]");
