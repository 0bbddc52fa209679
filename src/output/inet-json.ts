/**
 * The JSON of inet sockets straight from the kernel's messages, as `families/inet/direct.ts` writes their rows: no view
 * and no string a socket. A message with something rare in it is left to the encoder that can write everything.
 */
import { keepOutOfLastTier } from "#libc";
import {
  OVERSHOOT,
  putCopy,
  putHex64,
  putInt31,
  putStamp,
  putUint32,
  type Stamp,
  stamp,
} from "../bytes/put.ts";
import { roomBytes, roomData, roomWords } from "../bytes/room.ts";
import { escapeJson } from "../bytes/terminal.ts";
import type { ByteWriter } from "../bytes/writer.ts";
import { lengthOf, payloads, sized, walkAttributes } from "../diag/room-attributes.ts";
import {
  INET_DIAG_MESSAGE_SIZE,
  inetAttributes,
  inetDiagMessage,
} from "../families/inet/layouts/inet-diag.ts";
import { INET_DIAG_PAST } from "../families/inet/layouts/past.ts";
import { inetSockopt } from "../families/inet/layouts/sockopt.ts";
import { timerName } from "../families/inet/timer-names.ts";
import type { Column } from "../fields/column.ts";
import { putIpv4Word, putIpv6 } from "../model/address.ts";
import { AF_INET6, IPPROTO_MPTCP, IPPROTO_SCTP } from "../model/family.ts";
import { type InetTable, inetTables } from "../model/inet-tables.ts";
import { SS_LISTEN, stateName } from "../model/state.ts";
import { type EncodedField, structWriter } from "./json-encoder.ts";

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN = 0x7b;
const CLOSE = 0x7d;
const BLANK = 0x20;
const DELETE = 0x7f;

/** Names with more bytes than this in JSON are left to the encoder that can write everything. */
const NAME_LIMIT = 4096;
/** Room for everything but names and structs. */
const OBJECT_ROOM = 2048;
/** Names of each kind that are remembered. Sockets with more are left to the encoder that can write everything. */
const NAMES_LIMIT = 4096;
/** The name of a congestion control has fewer bytes. */
const CONGESTION_LIMIT = 64;

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
const PROTOCOL = inetAttributes.protocol.id;
const MARK = inetAttributes.mark.id;
const V6ONLY = inetAttributes.skV6Only.id;
const SHUTDOWN = inetAttributes.shutdown.id;
const CGROUP = inetAttributes.cgroupId.id;
const SOCKOPT = inetAttributes.sockopt.id;
const CONGESTION = inetAttributes.congestion.id;
const MEM_INFO = inetAttributes.memInfo.id;
const SK_MEM_INFO = inetAttributes.skMemInfo.id;

/** Attributes whose messages are left to the encoder that can write everything. */
const rareAttributes = Uint8Array.of(
  inetAttributes.tos.id,
  inetAttributes.tclass.id,
  inetAttributes.classId.id,
  inetAttributes.locals.id,
  inetAttributes.peers.id,
  inetAttributes.md5Signatures.id,
  inetAttributes.ulpInfo.id,
  inetAttributes.bpfStorages.id,
  INET_DIAG_PAST,
);

/** Text that is written as it is. */
interface Piece {
  /** Its bytes, and {@link OVERSHOOT} more. */
  readonly source: DataView;
  readonly length: number;
}

/** Bytes of a struct inet_diag_sockopt that are read. */
const SOCKOPT_SIZE = 2;

function pieceOf(text: string): Piece {
  const bytes = new TextEncoder().encode(text);
  const source = new DataView(new ArrayBuffer(bytes.length + OVERSHOOT));
  for (let at = 0; at < bytes.length; at++) source.setUint8(at, bytes[at]!);
  return { source, length: bytes.length };
}

function put(target: DataView, at: number, { source, length }: Piece): number {
  return putCopy(target, at, source, 0, length);
}

/** A string with its quotes, without what a terminal would obey. */
function quoted(text: string): string {
  return escapeJson(JSON.stringify(text));
}

const portLabel = stamp('","port":');
const peerLabel = stamp('},"peer":{"address":"');
const sendQueueLabel = stamp(',"sendQueueBytes":');
const maxBacklogLabel = stamp(',"maxBacklog":');
const localLabel = stamp(',"local":{"address":"');
const expiresLabel = stamp('","expiresMs":');
const timerLabel = stamp(',"timer":{"name":"');
const retransmitsLabel = stamp(',"retransmits":');
const uidLabel = stamp(',"uid":');
const inodeLabel = stamp(',"inode":');
const cookieLabel = stamp(',"cookie":"0x');
const markLabel = stamp(',"mark":');
const v6onlyTrue = stamp(',"v6only":true');
const v6onlyFalse = stamp(',"v6only":false');
const cgroupIdLabel = stamp(',"cgroupId":"0x');
const congestionLabel = stamp(',"congestion":"');

/** What is written of the directions that are shut down, by the two bits. */
const shutdowns: readonly Piece[] = [0, 1, 2, 3].map((bits) =>
  pieceOf(`,"shutdown":{"receive":${(bits & 1) !== 0},"send":${(bits & 2) !== 0}}`),
);

/** The flags of a struct inet_diag_sockopt as JSON, by its two bytes; made when they first come. */
const sockopts = new Map<number, Piece>();

function sockoptPiece(bits: number): Piece {
  let piece = sockopts.get(bits);
  if (piece === undefined) {
    const flags = Object.entries(inetSockopt).map(
      ([name, field]) => `${quoted(name)}:${((bits >>> (field.offset * 8 + field.bits[0])) & 1) !== 0}`,
    );
    piece = pieceOf(`,"sockopt":{${flags.join(",")}}`);
    sockopts.set(bits, piece);
  }
  return piece;
}

/** A column, as far as the structs are found by it. */
type StructColumn = Pick<Column<never>, "key" | "field">;

/** Writes a struct that is an attribute: its key and its fields as an object. */
export interface JsonStruct {
  /** The number of the attribute. */
  readonly attribute: number;
  /** Bytes that it takes at most. */
  readonly room: number;
  /**
   * Writes the fields that were sent.
   *
   * @param from where the struct begins in the room, `length` bytes of it
   * @returns the position behind them; `at` if there are none
   */
  put(target: DataView, at: number, from: number, length: number): number;
}

/** The names that objects have beside numbers. */
export interface JsonNames {
  /** The service of a port, or undefined; left out where no services are shown. */
  readonly service?: ((port: number) => Uint8Array | undefined) | undefined;
  /** The name of an interface of our network namespace. */
  interface(index: number): Uint8Array;
  /** The path of a control group, or undefined; left out where no paths are shown. */
  readonly cgroupPath?: ((id: bigint) => Uint8Array | undefined) | undefined;
}

/** The structs of the columns: the memory, and those that follow the name of the congestion control. */
export interface JsonStructs {
  readonly memory: JsonStruct;
  readonly info: readonly JsonStruct[];
}

/** The struct below a key of the columns. @param attribute what carries it */
function structBelow(columns: readonly StructColumn[], key: string, attribute: number): JsonStruct {
  const fields: EncodedField[] = [];
  for (const column of columns) {
    const [object, own = ""] = column.key.split(".");
    if (object === key && column.field !== undefined) fields.push({ key: own, field: column.field });
  }
  const label = pieceOf(`,${quoted(key)}:`);
  const writer = structWriter(fields);
  function putStruct(target: DataView, at: number, from: number, length: number): number {
    const start = put(target, at, label);
    const next = writer.put(target, start, roomData, from, length);
    if (next === start) return at;
    // In place of the first comma.
    target.setUint8(start, OPEN);
    target.setUint8(next, CLOSE);
    return next + 1;
  }
  keepOutOfLastTier(putStruct);
  return { attribute, room: label.length + writer.room, put: putStruct };
}

/** The structs of the columns of inet sockets. */
export function jsonStructs(columns: readonly StructColumn[]): JsonStructs {
  const { info, vegasInfo, dctcpInfo, bbrInfo } = inetAttributes;
  const below = (key: string, { id }: { readonly id: number }) => structBelow(columns, key, id);
  return {
    memory: below("memory", inetAttributes.skMemInfo),
    info: [
      below("tcpInfo", info),
      below("vegasInfo", vegasInfo),
      below("dctcpInfo", dctcpInfo),
      below("bbrInfo", bbrInfo),
    ],
  };
}

/**
 * Remembers the texts of numbers.
 *
 * @param make gives the text; undefined for a number without one
 * @returns a function that gives the text; undefined for one that is left to the encoder that can write everything
 */
function remembered(make: (number: number) => string | undefined): (number: number) => Piece | undefined {
  const pieces = new Map<number, Piece>();
  return (number) => {
    const known = pieces.get(number);
    if (known !== undefined || pieces.size > NAMES_LIMIT) return known;
    const text = make(number);
    const piece = text === undefined ? undefined : pieceOf(text);
    if (piece === undefined || piece.length > NAME_LIMIT) return undefined;
    pieces.set(number, piece);
    return piece;
  };
}

const PORTS = 1 << 16;

const decoder = new TextDecoder();

/** `,"key":"name"`; undefined without a name. */
function named(key: string, name: Uint8Array | undefined): string | undefined {
  return name === undefined ? undefined : `,${quoted(key)}:${quoted(decoder.decode(name))}`;
}

/**
 * Makes the function that writes the object of a message of one inet table.
 *
 * @param table the table that is listed
 * @returns a function that takes the place of the message in the room, and gives whether it wrote the object; if not,
 *   nothing was written
 */
export function inetJson(
  text: ByteWriter,
  table: InetTable,
  names: JsonNames,
  { memory, info }: JsonStructs,
): (offset: number, length: number) => boolean {
  const tableProtocol = inetTables[table];
  const heads = ["inet", "inet6"].map((family) =>
    pieceOf(`{"netid":"${table}","family":"${family}","protocol":`),
  );
  /** The state and the key of the first queue, by the number of the state. */
  const states = remembered(
    (number) =>
      `,"state":${quoted(stateName(number))},"${number === SS_LISTEN ? "backlog" : "recvQueueBytes"}":`,
  );
  const timers = remembered((number) => timerName(number));
  const { service } = names;
  /** The ports that have no service. */
  const nameless = new Uint8Array(PORTS);
  const services = remembered((port) => {
    const text = port === 0 ? undefined : named("service", service!(port));
    if (text === undefined) nameless[port] = 1;
    return text;
  });
  const interfaces = remembered((index) => named("interface", names.interface(index)));
  const { cgroupPath } = names;
  const cgroups = remembered((id) => named("cgroup", cgroupPath!(BigInt(id))));
  const room =
    OBJECT_ROOM + 4 * NAME_LIMIT + info.reduce((sum, { room }) => sum + room, memory.room + CONGESTION_LIMIT);

  function putAddress(target: DataView, at: number, from: number, inet6: boolean): number {
    return inet6 ? putIpv6(target, at, roomData, from) : putIpv4Word(target, at, roomWords[from >> 2]!);
  }

  /** Writes a port and its service. @returns the position behind them; -1 if the name is too long */
  function putPort(target: DataView, at: number, from: number): number {
    const port = (roomBytes[from]! << 8) | roomBytes[from + 1]!;
    const next = putInt31(target, putStamp(target, at, portLabel), port);
    if (service === undefined || nameless[port] !== 0) return next;
    const name = services(port);
    if (name !== undefined) return put(target, next, name);
    return nameless[port] !== 0 ? next : -1;
  }

  function putNumber(target: DataView, at: number, label: Stamp, word: number): number {
    const value = roomWords[word >> 2]!;
    const next = putStamp(target, at, label);
    return value >= 0 ? putInt31(target, next, value) : putUint32(target, next, value);
  }

  /** Writes the id of a control group and its path. @returns the position behind them; -1 if it has no path */
  function putCgroup(target: DataView, at: number, payload: number): number {
    const low = roomWords[payload >> 2]!;
    const high = roomWords[(payload + 4) >> 2]!;
    let next = putHex64(target, putStamp(target, at, cgroupIdLabel), low, high);
    target.setUint8(next++, QUOTE);
    if (cgroupPath === undefined) return next;
    const path = high === 0 ? cgroups(low >>> 0) : undefined;
    return path === undefined ? -1 : put(target, next, path);
  }

  /** Writes the name of the congestion control. @returns the position behind it; -1 if it is not plain */
  function putCongestion(target: DataView, at: number, payload: number): number {
    const length = lengthOf(payload);
    let next = putStamp(target, at, congestionLabel);
    for (let index = 0; index < length; index++) {
      const byte = roomBytes[payload + index]!;
      if (byte === 0) break;
      const plain = byte >= BLANK && byte < DELETE && byte !== QUOTE && byte !== BACKSLASH;
      if (!plain || index === CONGESTION_LIMIT) return -1;
      target.setUint8(next++, byte);
    }
    target.setUint8(next, QUOTE);
    return next + 1;
  }

  function isRare(): boolean {
    for (let index = 0; index < rareAttributes.length; index++)
      if (payloads[rareAttributes[index]!] !== 0) return true;
    return payloads[MEM_INFO] !== 0 && payloads[SK_MEM_INFO] === 0;
  }

  /** Writes what attributes say. @returns the position behind it; -1 if something is rare */
  function putAttributes(target: DataView, at: number): number {
    let next = at;
    const mark = sized(MARK, 4);
    if (mark !== 0) next = putNumber(target, next, markLabel, mark);
    const v6only = sized(V6ONLY, 1);
    if (v6only !== 0) next = putStamp(target, next, roomBytes[v6only] === 0 ? v6onlyFalse : v6onlyTrue);
    const shutdown = sized(SHUTDOWN, 1);
    if (shutdown !== 0) next = put(target, next, shutdowns[roomBytes[shutdown]! & 3]!);
    const cgroup = sized(CGROUP, 8);
    if (cgroup !== 0) next = putCgroup(target, next, cgroup);
    const sockopt = payloads[SOCKOPT]!;
    if (next < 0 || (sockopt !== 0 && lengthOf(sockopt) < SOCKOPT_SIZE)) return -1;
    if (sockopt !== 0) next = put(target, next, sockoptPiece(roomWords[sockopt >> 2]! & 0x7ff));
    next = putStruct(target, next, memory);
    const congestion = payloads[CONGESTION]!;
    if (congestion !== 0) next = putCongestion(target, next, congestion);
    for (let index = 0; next >= 0 && index < info.length; index++)
      next = putStruct(target, next, info[index]!);
    return next;
  }

  function putStruct(target: DataView, at: number, struct: JsonStruct): number {
    const payload = payloads[struct.attribute]!;
    return payload === 0 ? at : struct.put(target, at, payload, lengthOf(payload));
  }

  function putObject(offset: number, length: number): boolean {
    if (!walkAttributes(offset + INET_DIAG_MESSAGE_SIZE, offset + length) || isRare()) return false;
    const sentProtocol = sized(PROTOCOL, 1);
    const protocol = sentProtocol === 0 ? tableProtocol : roomBytes[sentProtocol]!;
    if (protocol === IPPROTO_SCTP || protocol === IPPROTO_MPTCP) return false;
    const inet6 = roomBytes[offset + FAMILY] === AF_INET6;
    const state = roomBytes[offset + STATE]!;
    text.reserve(room);
    const target = text.data;
    let at = put(target, text.length, heads[inet6 ? 1 : 0]!);
    at = put(target, putInt31(target, at, protocol), states(state)!);
    const received = roomWords[(offset + RQUEUE) >> 2]!;
    at = received >= 0 ? putInt31(target, at, received) : putUint32(target, at, received);
    at = putNumber(target, at, state === SS_LISTEN ? maxBacklogLabel : sendQueueLabel, offset + WQUEUE);
    at = putAddress(target, putStamp(target, at, localLabel), offset + SOURCE, inet6);
    at = putPort(target, at, offset + SPORT);
    if (at < 0) return false;
    const index = roomWords[(offset + INTERFACE) >> 2]!;
    if (index !== 0) {
      const name = interfaces(index >>> 0);
      if (name === undefined) return false;
      at = put(target, at, name);
    }
    at = putAddress(target, putStamp(target, at, peerLabel), offset + DESTINATION, inet6);
    at = putPort(target, at, offset + DPORT);
    if (at < 0) return false;
    target.setUint8(at++, CLOSE);
    const timer = roomBytes[offset + TIMER]!;
    if (timer !== 0) {
      at = put(target, putStamp(target, at, timerLabel), timers(timer)!);
      at = putNumber(target, at, expiresLabel, offset + EXPIRES);
      at = putInt31(target, putStamp(target, at, retransmitsLabel), roomBytes[offset + RETRANSMITS]!);
      target.setUint8(at++, CLOSE);
    }
    at = putNumber(target, at, uidLabel, offset + UID);
    at = putNumber(target, at, inodeLabel, offset + INODE);
    const low = roomWords[(offset + COOKIE) >> 2]!;
    const high = roomWords[(offset + COOKIE + 4) >> 2]!;
    if ((low | high) !== 0) {
      at = putHex64(target, putStamp(target, at, cookieLabel), low, high);
      target.setUint8(at++, QUOTE);
    }
    at = putAttributes(target, at);
    if (at < 0) return false;
    target.setUint8(at, CLOSE);
    text.length = at + 1;
    return true;
  }

  keepOutOfLastTier(putAddress, putPort, putNumber, putCgroup, putCongestion, isRare, putAttributes);
  keepOutOfLastTier(putStruct, putObject);
  return putObject;
}

keepOutOfLastTier(put);
