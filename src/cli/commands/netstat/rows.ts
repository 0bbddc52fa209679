/** The rows of netstat, written as bytes. */
import { escapeControls } from "../../../bytes/terminal.ts";
import { ByteWriter } from "../../../bytes/writer.ts";
import type { UnixSocket } from "../../../families/unix/socket.ts";
import { extraTitles } from "./extras.ts";
import { type InetTable, inetRows } from "./inet-rows.ts";
import type { NetstatSettings } from "./options.ts";
import type { RowNames } from "./row-names.ts";

const BLANK = 0x20;
const AT = 0x40;
const NEWLINE = 0x0a;
const PROGRAM_WIDTH = 20;
const PLACE_WIDTH = 20;
/** Bytes that are collected before they are written. */
const FULL = 60_000;

/** Text in at least `width` columns, to the left. */
function put(writer: ByteWriter, text: string, width: number): void {
  const start = writer.length;
  writer.text(text);
  writer.fill(BLANK, width - (writer.length - start));
}

/** Which sockets a heading says there are. */
function which({ all, listening }: NetstatSettings): string {
  return all ? "(servers and established)" : listening ? "(only servers)" : "(w/o servers)";
}

/** The heading of the Internet sockets. */
export function inetHeading(settings: NetstatSettings): string {
  return (
    `Active Internet connections ${which(settings)}\n` +
    `Proto Recv-Q Send-Q Local Address           Foreign Address         State      ${extraTitles(settings)}\n`
  );
}

/** The heading of the UNIX sockets. */
export function unixHeading(settings: NetstatSettings): string {
  const program = settings.programs ? `${"PID/Program name".padEnd(PROGRAM_WIDTH)} ` : "";
  const places = `${settings.allNetns ? `${"Netns".padEnd(PLACE_WIDTH)} ` : ""}${settings.containers ? `${"Container".padEnd(PLACE_WIDTH)} ` : ""}`;
  return (
    `Active UNIX domain sockets ${which(settings)}\n` +
    `Proto RefCnt Flags       Type       State         I-Node   ${program}${places}Path\n`
  );
}

/** Makes what writes rows. @param write takes them as bytes */
export function rowWriter(
  settings: NetstatSettings,
  names: RowNames,
  terminal: boolean,
  write: (bytes: Uint8Array) => void,
) {
  const writer = new ByteWriter(1 << 16);
  const flush = () => {
    if (writer.length > 0) write(writer.view());
    writer.length = 0;
  };
  const ended = () => {
    if (writer.length > FULL) flush();
  };
  const cells = unixCells(settings, names);
  return {
    flush,
    text(line: string): void {
      writer.text(line);
    },
    /** Makes what writes the rows of a table of Internet sockets, as far as they are wanted. */
    inet: (table: InetTable) => inetRows(writer, table, settings, names, terminal, ended),
    /** Writes a UNIX socket, if it is wanted. */
    unix(socket: UnixSocket): void {
      const isListener = accepts(socket);
      if (!settings.all && isListener !== settings.listening) return;
      for (const { width, text } of cells) {
        put(writer, text(socket), width);
        writer.byte(BLANK);
      }
      putName(writer, socket.name, terminal);
      writer.byte(NEWLINE);
      ended();
    },
  };
}

/** Flags of a UNIX socket in /proc/net/unix. linux/net.h */
const SO_ACCEPTCON = 1 << 16;
const SO_WAITDATA = 1 << 17;
const SO_NOSPACE = 1 << 18;
/** SS_UNCONNECTED of linux/net.h. */
const UNCONNECTED = 1;

const unixTypes: Readonly<Record<number, string>> = {
  1: "STREAM",
  2: "DGRAM",
  3: "RAW",
  4: "RDM",
  5: "SEQPACKET",
};
const unixStates: Readonly<Record<number, string>> = {
  0: "FREE",
  1: "",
  2: "CONNECTING",
  3: "CONNECTED",
  4: "DISCONNECTING",
};

function accepts({ procfs }: UnixSocket): boolean {
  return ((procfs?.flags ?? 0) & SO_ACCEPTCON) !== 0;
}

function unixFlags({ procfs }: UnixSocket): string {
  const flags = procfs?.flags ?? 0;
  const names = [
    [SO_ACCEPTCON, "ACC "],
    [SO_WAITDATA, "W "],
    [SO_NOSPACE, "N "],
  ] as const;
  return `[ ${names.map(([flag, name]) => ((flags & flag) === 0 ? "" : name)).join("")}]`;
}

function unixState(socket: UnixSocket): string {
  const state = socket.procfs?.socketState ?? UNCONNECTED;
  if (state === UNCONNECTED && accepts(socket)) return "LISTENING";
  return unixStates[state] ?? "UNKNOWN";
}

/** A cell of the row of a UNIX socket. */
interface UnixCell {
  /** Columns of the screen that it has at least. */
  readonly width: number;
  readonly text: (socket: UnixSocket) => string;
}

/** The cells of a row before the name. */
function unixCells({ programs, allNetns, containers }: NetstatSettings, names: RowNames): UnixCell[] {
  const cells: UnixCell[] = [
    { width: 5, text: () => "unix" },
    { width: 6, text: ({ procfs }) => String(procfs?.references ?? 0) },
    { width: 11, text: unixFlags },
    { width: 10, text: ({ type }) => unixTypes[type] ?? "UNKNOWN" },
    { width: 13, text: unixState },
    { width: 8, text: ({ inode }) => String(inode) },
  ];
  if (programs) cells.push({ width: PROGRAM_WIDTH, text: ({ inode }) => names.program(inode) });
  if (allNetns) cells.push({ width: PLACE_WIDTH, text: names.netns });
  if (containers) cells.push({ width: PLACE_WIDTH, text: names.container });
  return cells;
}

/** Writes the name that a socket is bound to. `@` stands for the zero of an abstract name. */
function putName(writer: ByteWriter, name: Uint8Array | undefined, terminal: boolean): void {
  if (name === undefined || name.length === 0) return;
  const isAbstract = name[0] === 0;
  if (isAbstract) writer.byte(AT);
  const text = isAbstract ? name.subarray(1) : name;
  writer.put(terminal ? escapeControls(text) : text);
}
