/**
 * Listings of Internet sockets as a table or as process ids, written as bytes from the structs that the kernel sent: no
 * view, object or string a file. Options that need more than these structs leave the listing to rows.ts.
 */
import { keepOutOfLastTier } from "#libc";
import { putBlanks, putBytes, putInt31, putStamp, putUint32, type Stamp, stamp } from "../../../bytes/put.ts";
import { roomBytes, roomData, roomWords } from "../../../bytes/room.ts";
import { ascii, ByteWriter } from "../../../bytes/writer.ts";
import type { Services } from "../../../enrich/services.ts";
import { inetDiagMessage } from "../../../families/inet/layouts/inet-diag.ts";
import { ADDRESS_ROOM, isMappedIpv4, putIpv4Word, putIpv6 } from "../../../model/address.ts";
import { AF_INET6 } from "../../../model/family.ts";
import { SS_LISTEN } from "../../../model/state.ts";
import { internetFile } from "./files.ts";
import { type KeptStructs, SOCKET_WORDS } from "./kept-structs.ts";
import { choosesSockets, type Located, matchesAny, wantsDescriptor, wantsInternet } from "./match.ts";
import type { LsofProcess } from "./process.ts";
import { entry, type ProcessSockets } from "./process-sockets.ts";
import { type ProcessContext, processText } from "./rows.ts";
import type { LsofSettings } from "./settings.ts";
import { stateNames } from "./states.ts";
import {
  type Column,
  columnWidth,
  descriptorText,
  FD_WIDTH,
  headingLine,
  OFFSET,
  padded,
  shownColumns,
  usualInfo,
} from "./table.ts";

const BLANK = 0x20;
const COLON = 0x3a;
const STAR = 0x2a;
const OPEN = 0x5b;
const CLOSE = 0x5d;
const NEWLINE = 0x0a;
const LETTER_U = 0x75;
const OPEN_INFO = 0x28;
const CLOSE_INFO = 0x29;
/** Bytes that are collected before they are written. */
const FULL = 60_000;
/** Room for what follows the cells of a process, without names of services. */
const ROW_ROOM = 2 * ADDRESS_ROOM + 256;
const SOCKET_SIZE = SOCKET_WORDS * 4;

/** Where the fields of a socket are, from its start. */
const FAMILY = inetDiagMessage.familyNumber.offset;
const STATE = inetDiagMessage.stateNumber.offset;
const SPORT = inetDiagMessage.sport.offset;
const DPORT = inetDiagMessage.dport.offset;
const SOURCE = inetDiagMessage.source.offset;
const DESTINATION = inetDiagMessage.destination.offset;
const RQUEUE = inetDiagMessage.rqueue.offset >> 2;
const WQUEUE = inetDiagMessage.wqueue.offset >> 2;
const INODE = inetDiagMessage.inode.offset >> 2;

/** From here on a descriptor does not fit its column. */
const TOO_LONG = 10 ** FD_WIDTH;

/** Verdicts on sockets; 0 is none yet. */
const WANTED = 1;
const UNWANTED = 2;

/** Whether a listing can be written this way. */
export function isDirect(settings: LsofSettings): boolean {
  const { format, unix, endpoints, hostNames, containers, allNetns, flags } = settings;
  if (unix || endpoints || allNetns || containers) return false;
  if (matchesAny(settings) || !choosesSockets(settings)) return false;
  return format === "terse" || (format === "table" && !hostNames && flags === undefined);
}

/**
 * Selects entries.
 *
 * @param located records what the options found
 * @returns the numbers of the entries that the options want, in order
 */
export function selectEntries(
  settings: LsofSettings,
  sockets: KeptStructs,
  { entries, count }: ProcessSockets,
  located: Located,
): Int32Array {
  const verdicts = new Uint8Array(sockets.count);
  // Without addresses, ports and families, sockets of one table and state are all alike.
  const alike =
    settings.allFamily === undefined &&
    settings.internet.every(
      ({ addresses, ports, family }) =>
        addresses === undefined && ports === undefined && family === undefined,
    );
  const byKey = new Uint8Array(2 << 8);
  const judge = (socket: number): number => {
    const table = sockets.table(socket);
    const key = ((table === "tcp" ? 1 : 0) << 8) | sockets.data.getUint8(socket * SOCKET_SIZE + STATE);
    if (alike && byKey[key] !== 0) return byKey[key]!;
    const wanted = wantsInternet(settings, internetFile(sockets.view(socket), table), located);
    byKey[key] = wanted ? WANTED : UNWANTED;
    return byKey[key]!;
  };
  keepOutOfLastTier(judge);
  const selected = new Int32Array(count);
  let end = 0;
  for (let index = 0; index < count; index++) {
    const socket = entries[index * entry.size + entry.socket]!;
    if (verdicts[socket] === 0) verdicts[socket] = judge(socket);
    if (verdicts[socket] !== WANTED || !wantsDescriptor(settings, entries[index * entry.size + entry.fd]!))
      continue;
    selected[end++] = index;
  }
  return selected.subarray(0, end);
}

/** The processes of selected entries, in order. */
export function selectedPids({ processes, entries }: ProcessSockets, selected: Int32Array): Set<number> {
  const pids = new Set<number>();
  let last = -1;
  for (let at = 0; at < selected.length; at++) {
    const process = entries[selected[at]! * entry.size + entry.process]!;
    if (process !== last) pids.add(processes[process]!.pid);
    last = process;
  }
  return pids;
}

/** What the table is written with. */
export interface DirectContext extends ProcessContext {
  /** Names of ports; undefined for numbers. */
  readonly services: Services | undefined;
  write(bytes: Uint8Array): void;
}

const states: readonly Stamp[] = [...stateNames, "UNKNOWN"].map(stamp);
const UNKNOWN = stateNames.length;
const nodes = { tcp: stamp("  TCP "), udp: stamp("  UDP ") } as const;
const types = { ipv4: stamp(" IPv4 "), ipv6: stamp(" IPv6 ") } as const;
const arrow = stamp("->");
const readQueue = stamp("QR=");
const sendQueue = stamp(" QS=");

/** Decimal digits of a number that is not negative. */
function digitsOf(value: number): number {
  let digits = 1;
  for (let rest = value; rest >= 10; rest = Math.floor(rest / 10)) digits++;
  return digits;
}

keepOutOfLastTier(digitsOf);

/** The longest cell of each column, by its title. */
function longestCells(
  sockets: KeptStructs,
  { entries, processes }: ProcessSockets,
  selected: Int32Array,
  cells: ReadonlyMap<string, (process: LsofProcess) => string>,
): ReadonlyMap<string, number> {
  let inode = 0;
  const used = new Set<number>();
  let last = -1;
  for (let at = 0; at < selected.length; at++) {
    const from = selected[at]! * entry.size;
    inode = Math.max(inode, sockets.words[entries[from + entry.socket]! * SOCKET_WORDS + INODE]! >>> 0);
    const process = entries[from + entry.process]!;
    if (process !== last) used.add(process);
    last = process;
  }
  const longest = new Map([
    ["DEVICE", digitsOf(inode)],
    ["TYPE", 4],
    ["NODE", 3],
  ]);
  for (const [title, cell] of cells)
    longest.set(title, Math.max(...Array.from(used, (index) => cell(processes[index]!).length)));
  return longest;
}

keepOutOfLastTier(longestCells, selectEntries, selectedPids);

/** Writes the table of selected entries; nothing without any. */
export function writeTable(
  sockets: KeptStructs,
  held: ProcessSockets,
  selected: Int32Array,
  context: DirectContext,
): void {
  if (selected.length === 0) return;
  const { settings, services, write } = context;
  const { entries, processes } = held;
  const info = settings.tcpInfo ?? usualInfo;
  const texts = new Map(processes.map((process) => [process, processText(process, context)] as const));
  const processCells = new Map<string, (process: LsofProcess) => string>([
    ["COMMAND", (process) => texts.get(process)!.command],
    ["PID", ({ pid }) => String(pid)],
    ["PPID", ({ parent }) => String(parent)],
    ["PGID", ({ group }) => String(group)],
    ["USER", (process) => texts.get(process)!.user],
  ]);
  const shown = shownColumns(settings);
  const longest = longestCells(sockets, held, selected, processCells);
  const widths = shown.map((column) => columnWidth(column, longest.get(column.title) ?? 0, settings));
  const widthOf = (title: string) => widths[shown.findIndex((column) => column.title === title)]!;
  const fdWidth = widthOf("FD  ");
  const deviceWidth = widthOf("DEVICE");
  /** The columns between DEVICE and NODE are the same for every socket. */
  const middle = ascii(
    shown
      .map((column, index) => [column, widths[index]!] as const)
      .slice(
        shown.findIndex(({ title }) => title === "DEVICE") + 1,
        shown.findIndex(({ title }) => title === "NODE"),
      )
      .map(([column, width]) => ` ${padded(constantCell(column), column, width)}`)
      .join(""),
  );
  const prefixes = processes.map((process) =>
    ascii(
      shown
        .flatMap((column, index) => {
          const cell = processCells.get(column.title);
          return cell === undefined ? [] : `${padded(cell(process), column, widths[index]!)} `;
        })
        .join(""),
    ),
  );
  const portNames = { tcp: new Map<number, Uint8Array | null>(), udp: new Map<number, Uint8Array | null>() };
  const writer = new ByteWriter(FULL + 2 * ROW_ROOM);
  writer.text(headingLine(shown, widths));

  function portName(port: number, table: "tcp" | "udp"): Uint8Array | null {
    let name = portNames[table].get(port);
    if (name === undefined) {
      const found = services?.name(port, table);
      name = found === undefined ? null : ascii(found);
      portNames[table].set(port, name);
    }
    return name;
  }

  function putHost(at: number, from: number, inet6: boolean): number {
    const target = writer.data;
    if (isZero(from, inet6)) {
      target.setUint8(at, STAR);
      return at + 1;
    }
    if (!inet6) return putIpv4Word(target, at, roomWords[from >> 2]!);
    if (isMappedIpv4(roomData, from)) return putIpv4Word(target, at, roomWords[(from >> 2) + 3]!);
    target.setUint8(at, OPEN);
    const next = putIpv6(target, at + 1, roomData, from);
    target.setUint8(next, CLOSE);
    return next + 1;
  }

  /** Whether an address is unspecified; a mapped one counts as the IPv4 address that it is. */
  function isZero(from: number, inet6: boolean): boolean {
    const word = from >> 2;
    if (!inet6) return roomWords[word] === 0;
    if (roomWords[word + 3] !== 0 || (roomWords[word]! | roomWords[word + 1]!) !== 0) return false;
    return roomWords[word + 2] === 0 || isMappedIpv4(roomData, from);
  }

  function putEnd(start: number, from: number, inet6: boolean, port: number, table: "tcp" | "udp"): number {
    const at = putHost(start, from, inet6);
    writer.data.setUint8(at, COLON);
    if (port === 0) {
      writer.data.setUint8(at + 1, STAR);
      return at + 2;
    }
    const name = services === undefined ? null : portName(port, table);
    if (name === null) return putInt31(writer.data, at + 1, port);
    writer.length = at + 1;
    writer.reserve(name.length + ROW_ROOM);
    return putBytes(writer.data, at + 1, name);
  }

  function putInfo(start: number, state: number, table: "tcp" | "udp"): number {
    if (!info.state && !info.queues) return start;
    const target = writer.data;
    target.setUint8(start, BLANK);
    let at = start + 1;
    const showsState = info.state && table === "tcp";
    if (!showsState && !info.queues) return at;
    target.setUint8(at++, OPEN_INFO);
    if (showsState) at = putStamp(target, at, states[Math.min(state, UNKNOWN)]!);
    if (showsState && info.queues) target.setUint8(at++, BLANK);
    if (info.queues) {
      // For a listener the kernel sends its limit there; /proc has 0.
      const limit = table === "tcp" && state === SS_LISTEN;
      at = putUint32(target, putStamp(target, at, readQueue), roomWords[RQUEUE]!);
      at = putUint32(target, putStamp(target, at, sendQueue), limit ? 0 : roomWords[WQUEUE]!);
    }
    target.setUint8(at, CLOSE_INFO);
    return at + 1;
  }

  /** Writes a descriptor at the right end of its column. */
  function putDescriptor(start: number, fd: number): number {
    const isLong = fd >= TOO_LONG;
    const at = putBlanks(writer.data, start, fdWidth - 2 - (isLong ? FD_WIDTH : digitsOf(fd)));
    return isLong ? putBytes(writer.data, at, ascii(descriptorText(fd))) : putInt31(writer.data, at, fd);
  }

  /** Writes all but the cells of the process. */
  function putRow(fd: number, socket: number): void {
    const { words } = sockets;
    const from = socket * SOCKET_WORDS;
    for (let word = 0; word < SOCKET_WORDS; word++) roomWords[word] = words[from + word]!;
    const table = sockets.table(socket) === "tcp" ? "tcp" : "udp";
    const inet6 = roomBytes[FAMILY] === AF_INET6;
    const inode = roomWords[INODE]!;
    writer.reserve(ROW_ROOM + middle.length + fdWidth + deviceWidth);
    const target = writer.data;
    let at = putDescriptor(writer.length, fd);
    target.setUint8(at, LETTER_U);
    target.setUint8(at + 1, BLANK);
    at = putStamp(target, at + 2, inet6 ? types.ipv6 : types.ipv4);
    at = putBlanks(target, at, deviceWidth - digitsOf(inode >>> 0));
    at = putUint32(target, at, inode);
    at = putBytes(target, at, middle);
    at = putStamp(target, at, nodes[table]);
    at = putEnd(at, SOURCE, inet6, (roomBytes[SPORT]! << 8) | roomBytes[SPORT + 1]!, table);
    const dport = (roomBytes[DPORT]! << 8) | roomBytes[DPORT + 1]!;
    if (dport !== 0 || !isZero(DESTINATION, inet6)) {
      at = putStamp(writer.data, at, arrow);
      at = putEnd(at, DESTINATION, inet6, dport, table);
    }
    at = putInfo(at, roomBytes[STATE]!, table);
    writer.data.setUint8(at, NEWLINE);
    writer.length = at + 1;
  }

  keepOutOfLastTier(portName, putHost, isZero, putEnd, putInfo, putDescriptor, putRow);
  for (let at = 0; at < selected.length; at++) {
    const from = selected[at]! * entry.size;
    writer.put(prefixes[entries[from + entry.process]!]!);
    putRow(entries[from + entry.fd]!, entries[from + entry.socket]!);
    if (writer.length < FULL) continue;
    write(writer.view());
    writer.length = 0;
  }
  write(writer.view());
}

/** The cell of a column that every socket has alike. */
function constantCell({ title }: Column): string {
  return title === "SIZE/OFF" || title === "OFFSET" ? OFFSET : "";
}
