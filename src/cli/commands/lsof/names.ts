/** The NAME column of lsof, and what else of a socket is text. */
import { escapeControls } from "../../../bytes/terminal.ts";
import type { Services } from "../../../enrich/services.ts";
import type { UnixSocket } from "../../../families/unix/socket.ts";
import { addressText } from "../../../model/address.ts";
import { AF_INET, AF_INET6, SOCK_DGRAM, SOCK_SEQPACKET, SOCK_STREAM } from "../../../model/family.ts";
import type { InternetFile, LsofFile } from "./files.ts";
import type { End } from "./internet.ts";
import { type PrintStyle, printable } from "./printable.ts";
import { stateNames } from "./states.ts";

/** What names are made of. */
export interface NameStyle {
  readonly print: PrintStyle;
  /** The host of an address, if it has a name that is wanted. */
  host(data: DataView, at: number, length: number): Uint8Array | undefined;
  /** Names of ports; undefined for numbers. */
  readonly services: Services | undefined;
  /** Who has the other end of a socket, as `-E` shows it; empty for nobody. */
  endpoint(file: LsofFile): string;
}

const AT = Uint8Array.of(0x40);
/** enum socket_state of linux/net.h, as lsof spells it. */
const unixStates: Readonly<Record<number, string>> = {
  0: "FREE",
  1: "UNCONNECTED",
  2: "CONNECTING",
  3: "CONNECTED",
  4: "DISCONNECTING",
};
const ACCEPTS = 1 << 16;

const types: Readonly<Record<number, string>> = {
  [SOCK_STREAM]: "STREAM",
  [SOCK_DGRAM]: "DGRAM",
  [SOCK_SEQPACKET]: "SEQPACKET",
};

function hostText({ address }: End, family: number, { host, print }: NameStyle): string {
  if (address.every((byte) => byte === 0)) return "*";
  const data = new DataView(address.buffer, address.byteOffset, address.length);
  const name = host(data, 0, address.length);
  if (name !== undefined) return printable(escapeControls(name), print);
  if (address.length === 4) return addressText(data, 0, AF_INET);
  return family === AF_INET6 ? `[${addressText(data, 0, AF_INET6)}]` : addressText(data, 0, AF_INET6);
}

function endText(end: End, { family, protocol }: InternetFile, style: NameStyle): string {
  const service =
    end.port === 0 ? undefined : style.services?.name(end.port, protocol === "TCP" ? "tcp" : "udp");
  return `${hostText(end, family, style)}:${end.port === 0 ? "*" : (service ?? end.port)}`;
}

/** The addresses of an Internet socket. */
function internetName(file: InternetFile, style: NameStyle): string {
  const { local, peer } = file;
  const own = endText(local, file, style);
  const isConnected = peer.port !== 0 || peer.address.some((byte) => byte !== 0);
  return isConnected ? `${own}->${endText(peer, file, style)}` : own;
}

/** The name that a UNIX socket is bound to, as /proc has it: an abstract one begins with `@`. */
function boundName({ name }: UnixSocket): Uint8Array {
  if (name === undefined || name.length === 0) return new Uint8Array(0);
  return name[0] === 0 ? Buffer.concat([AT, name.subarray(1)]) : name;
}

/** The name of a file without its TCP information. */
export function fileName(file: LsofFile, style: NameStyle): string {
  const end = style.endpoint(file);
  const behind = end === "" ? "" : ` ${end}`;
  if (file.kind === "internet") return internetName(file, style) + behind;
  const bound = printable(boundName(file.socket), style.print);
  const type = types[file.socket.type] ?? `unknown type: ${file.socket.type}`;
  return `${bound}${bound === "" ? "" : " "}type=${type}${behind}`;
}

/** The state of a file in lsof's word; undefined for one that has none. */
export function fileState(file: LsofFile): string | undefined {
  if (file.kind === "internet")
    return file.protocol === "TCP" ? (stateNames[file.socket.stateNumber] ?? "UNKNOWN") : undefined;
  const { procfs, stateNumber } = file.socket;
  if (procfs === undefined) return stateNames[stateNumber];
  return (procfs.flags & ACCEPTS) !== 0 ? "LISTEN" : (unixStates[procfs.socketState] ?? "UNKNOWN");
}

/** The queues of a file in bytes; undefined for UNIX sockets, because lsof shows none. */
export function fileQueues(file: LsofFile): { readonly read: number; readonly send: number } | undefined {
  if (file.kind !== "internet") return undefined;
  const { rqueue, wqueue, stateNumber } = file.socket;
  // The kernel puts the backlog limit of a listener there; /proc has 0.
  const listens = file.protocol === "TCP" && stateNames[stateNumber] === "LISTEN";
  return { read: rqueue ?? 0, send: listens ? 0 : (wqueue ?? 0) };
}

/** The DEVICE of a file: the inode of an Internet socket, the kernel's address of a UNIX socket. */
export function fileDevice(file: LsofFile): string {
  if (file.kind === "internet") return String(file.socket.inode);
  return `0x${(file.socket.procfs?.address ?? 0n).toString(16).padStart(16, "0")}`;
}

/** The TYPE of a file. */
export function fileType(file: LsofFile): string {
  if (file.kind === "unix") return "unix";
  return file.family === AF_INET6 ? "IPv6" : "IPv4";
}
