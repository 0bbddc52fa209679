/** The rows of netstat, written as bytes: no string a cell. */
import { escapeControls } from "../../../bytes/terminal.ts";
import { ascii, ByteWriter } from "../../../bytes/writer.ts";
import type { Services } from "../../../enrich/services.ts";
import type { InetSocket } from "../../../families/inet/socket.ts";
import type { UnixSocket } from "../../../families/unix/socket.ts";
import { isMappedIpv4, isUnspecifiedIpv6, writeIpv4, writeIpv6 } from "../../../model/address.ts";
import { AF_INET6 } from "../../../model/family.ts";
import { SS_ESTABLISHED, SS_LISTEN } from "../../../model/state.ts";
import { stateNames } from "../lsof/states.ts";
import type { NetstatSettings } from "./options.ts";

/** What rows are made with. */
export interface RowNames {
  /** The host of an address, if it has a name that is wanted. */
  host(data: DataView, at: number, length: number): Uint8Array | undefined;
  /** Names of ports; undefined for numbers. */
  readonly services: Services | undefined;
  /** Names of IP protocols, which stand in place of the ports of raw sockets. */
  protocols(): ReadonlyMap<number, string>;
  /** The name of a user, or the number. */
  user(uid: number): string;
  /** `PID/program` of a socket. */
  program(inode: number): string;
  /** The container of a socket. */
  container(socket: InetSocket | UnixSocket): string;
  /** The network namespace of a socket. */
  netns(socket: InetSocket | UnixSocket): string;
}

const BLANK = 0x20;
const COLON = 0x3a;
const STAR = 0x2a;
const AT = 0x40;
/** Columns of an address and its port together. */
const ADDRESS_WIDTH = 23;
const STATE_WIDTH = 11;
const EXTRA_WIDTH = 10;
const PROGRAM_WIDTH = 20;
const PLACE_WIDTH = 20;
const QUEUE_WIDTH = 6;
const USER_HZ_MS = 10;

/** Text in at least `width` columns, to the left. */
function put(writer: ByteWriter, text: string, width: number): void {
  const start = writer.length;
  writer.text(text);
  writer.fill(BLANK, width - (writer.length - start));
}

function putNumber(writer: ByteWriter, value: number, width: number): void {
  let digits = 1;
  for (let rest = value; rest >= 10; rest = Math.floor(rest / 10)) digits++;
  writer.fill(BLANK, width - digits);
  writer.unsigned(value);
}

/** What stands in the columns after the state. */
interface Extras {
  readonly title: string;
  readonly shown: (settings: NetstatSettings) => boolean;
  readonly width: number;
  readonly text: (socket: InetSocket, names: RowNames) => string;
}

/** The names of `tr` in /proc/net/tcp. */
const timers = ["off", "on", "keepalive", "timewait", "probe"] as const;

function timerText(socket: InetSocket): string {
  const { timerNumber, expires, retransmits, tcpInfo } = socket;
  const name = timers[timerNumber] ?? `unkn-${timerNumber}`;
  const seconds = timerNumber === 0 ? 0 : Math.floor(expires / USER_HZ_MS) / 100;
  const probing = name === "probe" || name === "keepalive";
  const resent = tcpInfo?.retransmits ?? (probing ? 0 : retransmits);
  const probes = tcpInfo?.probes ?? (probing ? retransmits : 0);
  return `${name} (${seconds.toFixed(2)}/${resent}/${probes})`;
}

const extras: readonly Extras[] = [
  {
    title: "User",
    shown: ({ extended }) => extended,
    width: EXTRA_WIDTH,
    text: ({ uid }, { user }) => user(uid),
  },
  {
    title: "Inode",
    shown: ({ extended }) => extended,
    width: EXTRA_WIDTH,
    text: ({ inode }) => String(inode),
  },
  {
    title: "PID/Program name",
    shown: ({ programs }) => programs,
    width: PROGRAM_WIDTH,
    text: ({ inode }, { program }) => program(inode),
  },
  { title: "Timer", shown: (settings) => settings.timers, width: 0, text: timerText },
  {
    title: "Netns",
    shown: ({ allNetns }) => allNetns,
    width: PLACE_WIDTH,
    text: (socket, { netns }) => netns(socket),
  },
  {
    title: "Container",
    shown: ({ containers }) => containers,
    width: PLACE_WIDTH,
    text: (socket, { container }) => container(socket),
  },
];

/** Which sockets a heading says there are. */
function which({ all, listening }: NetstatSettings): string {
  return all ? "(servers and established)" : listening ? "(only servers)" : "(w/o servers)";
}

/** The heading of the Internet sockets. */
export function inetHeading(settings: NetstatSettings): string {
  const titles = extras
    .filter(({ shown }) => shown(settings))
    .map(({ title, width }) => ` ${title.padEnd(width)}`);
  return (
    `Active Internet connections ${which(settings)}\n` +
    `Proto Recv-Q Send-Q Local Address           Foreign Address         State      ${titles.join("")}\n`
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

/** Whether the options want a socket with a peer, or one without. */
export function isWanted({ all, listening }: NetstatSettings, hasPeer: boolean): boolean {
  return all || hasPeer !== listening;
}

/** Makes what writes rows. @param write takes them as bytes */
export function rowWriter(
  settings: NetstatSettings,
  names: RowNames,
  terminal: boolean,
  write: (bytes: Uint8Array) => void,
) {
  const writer = new ByteWriter(1 << 16);
  const shown = extras.filter((extra) => extra.shown(settings));
  const flush = () => {
    if (writer.length > 0) write(writer.view());
    writer.length = 0;
  };
  const full = () => writer.length > 60_000;
  const portNames = new Map<string, Uint8Array>();

  function portOf(port: number, protocol: string): Uint8Array {
    const key = `${protocol}${port}`;
    let text = portNames.get(key);
    if (text === undefined) {
      const name = protocol === "raw" ? names.protocols().get(port) : names.services?.name(port, protocol);
      text = ascii(name ?? String(port));
      portNames.set(key, text);
    }
    return text;
  }

  function putHost(data: DataView, at: number, length: number): void {
    // netstat looks no mapped address up.
    const mapped = length === 16 && isMappedIpv4(data, at);
    const name = settings.numericHosts || mapped ? undefined : names.host(data, at, length);
    if (name !== undefined) writer.put(terminal ? escapeControls(name) : name);
    else if (length === 4) writeIpv4(writer, data, at);
    else if (mapped) writeIpv4(writer, data, at + 12);
    else if (!settings.numericHosts && isUnspecifiedIpv6(data, at)) writer.text("[::]");
    else writeIpv6(writer, data, at);
  }

  /** The digits of a port, without looking it up. */
  function portLength(port: number): number {
    return port === 0 ? 1 : port < 10 ? 1 : port < 100 ? 2 : port < 1000 ? 3 : port < 10_000 ? 4 : 5;
  }

  function putEnd(data: DataView, at: number, length: number, port: number, protocol: string): void {
    const start = writer.length;
    putHost(data, at, length);
    const name = port !== 0 && names.services !== undefined ? portOf(port, protocol) : undefined;
    const size = name?.length ?? portLength(port);
    const most = ADDRESS_WIDTH - 1 - size;
    if (!settings.wide && writer.length - start > most) writer.length = start + Math.max(most, 0);
    writer.byte(COLON);
    if (port === 0) writer.byte(STAR);
    else if (name === undefined) writer.unsigned(port);
    else writer.put(name);
    writer.fill(BLANK, ADDRESS_WIDTH - (writer.length - start));
    writer.byte(BLANK);
  }

  /** What the State column shows: nothing of a UDP socket without a peer, a number of a raw one. */
  function stateOf(protocol: string, number: number): string {
    if (protocol === "raw") return String(number);
    if (protocol === "udp") return number === SS_ESTABLISHED ? "ESTABLISHED" : "";
    return stateNames[number] ?? "UNKNOWN";
  }

  return {
    flush,
    text(line: string): void {
      writer.text(line);
    },
    /** Writes an Internet socket, if it is wanted. @param protocol `tcp`, `udp` or `raw` */
    inet(socket: InetSocket, protocol: string): void {
      const { data, stateNumber, sport, dport, addressLength, sourceOffset, destinationOffset } = socket;
      if (!isWanted(settings, dport !== 0)) return;
      put(writer, socket.familyNumber === AF_INET6 ? `${protocol}6` : protocol, 5);
      writer.byte(BLANK);
      putNumber(writer, socket.rqueue ?? 0, QUEUE_WIDTH);
      writer.byte(BLANK);
      // The kernel puts the backlog limit of a listener there; /proc has 0.
      const sent = protocol === "tcp" && stateNumber === SS_LISTEN ? 0 : (socket.wqueue ?? 0);
      putNumber(writer, sent, QUEUE_WIDTH);
      writer.byte(BLANK);
      putEnd(data, sourceOffset, addressLength, sport, protocol);
      putEnd(data, destinationOffset, addressLength, dport, protocol);
      put(writer, stateOf(protocol, stateNumber), STATE_WIDTH);
      for (const { text, width } of shown) {
        writer.byte(BLANK);
        put(writer, text(socket, names), width);
      }
      writer.byte(0x0a);
      if (full()) flush();
    },
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
      if (full()) flush();
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
