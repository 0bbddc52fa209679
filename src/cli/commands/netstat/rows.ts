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
  return {
    flush,
    text(line: string): void {
      writer.text(line);
    },
    /** Makes what writes the rows of a table of Internet sockets, as far as they are wanted. */
    inet: (table: InetTable) => inetRows(writer, table, settings, names, terminal, ended),
    /** Writes a UNIX socket, if it is wanted. */
    unix(socket: UnixSocket): void {
      const { procfs, inode, type, name } = socket;
      const flags = procfs?.flags ?? 0;
      const accepts = (flags & (1 << 16)) !== 0;
      if (!settings.all && accepts !== settings.listening) return;
      const state = procfs?.socketState ?? 1;
      const shownFlags = `[ ${accepts ? "ACC " : ""}${flags & (1 << 17) ? "W " : ""}${flags & (1 << 18) ? "N " : ""}]`;
      put(writer, "unix", 5);
      writer.byte(BLANK);
      put(writer, String(procfs?.references ?? 0), 6);
      writer.byte(BLANK);
      put(writer, shownFlags, 11);
      writer.byte(BLANK);
      put(writer, unixTypes[type] ?? "UNKNOWN", 10);
      writer.byte(BLANK);
      put(writer, state === 1 && accepts ? "LISTENING" : (unixStates[state] ?? "UNKNOWN"), 13);
      writer.byte(BLANK);
      put(writer, String(inode), 8);
      writer.byte(BLANK);
      for (const [isShown, text] of [
        [settings.programs, names.program],
        [settings.allNetns, () => names.netns(socket)],
        [settings.containers, () => names.container(socket)],
      ] as const) {
        if (!isShown) continue;
        put(writer, text(inode), PROGRAM_WIDTH);
        writer.byte(BLANK);
      }
      if (name !== undefined && name.length > 0) {
        const path = terminal ? escapeControls(name[0] === 0 ? name.subarray(1) : name) : name;
        if (name[0] === 0) writer.byte(AT);
        writer.put(name[0] === 0 && !terminal ? path.subarray(1) : path);
      }
      writer.byte(0x0a);
      ended();
    },
  };
}

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
