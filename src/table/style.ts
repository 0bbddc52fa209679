/** What the rows of ss's table show, and the source of the names in them. */

import { escapeControls } from "../bytes/terminal.ts";
import type { ByteWriter } from "../bytes/writer.ts";
import type { AnySocket as Socket } from "../diag/message.ts";
import type { BpfMaps } from "../enrich/bpf-maps.ts";
import type { CgroupOwner } from "../enrich/containers.ts";
import type { Owner, OwnerTable } from "../enrich/owner-table.ts";
import type { Netns } from "../host/namespaces.ts";
import type { InetTable } from "../model/inet-tables.ts";

/** The options of ss that change the content of a row. */
export interface RowStyle {
  /** `-n`: numbers instead of service, protocol and process names. */
  readonly numeric: boolean;
  /** `-r`: host names instead of addresses. */
  readonly resolve: boolean;
  /** `-O`: everything about a socket on one line. */
  readonly oneline: boolean;
  /** `-o`: timers and TCP options. */
  readonly timers: boolean;
  /** `-e`: uid, inode, cookie and further details of the family. */
  readonly extended: boolean;
  /** `-m`: memory. */
  readonly memory: boolean;
  /** `-i`: tcp_info, mptcp_info, sctp_info. */
  readonly info: boolean;
  /** `--tos`. */
  readonly tos: boolean;
  /** `--cgroup`. */
  readonly cgroup: boolean;
  /** `--inet-sockopt`. */
  readonly inetSockopt: boolean;
  /** `--tipcinfo`. */
  readonly tipcinfo: boolean;
  /** `-b`: filters of packet sockets. */
  readonly bpf: boolean;
  /** `--bpf-maps`: all values that BPF programs stored with inet sockets. */
  readonly bpfMaps: boolean;
  /** `--bpf-map-id`: only the values in these maps. */
  readonly bpfMapIds: readonly number[];
  /** `-T`: the threads of owners. */
  readonly threads: boolean;
  /** `-Z`: the SELinux contexts of owners. */
  readonly processContext: boolean;
  /** `-z`: the SELinux contexts of owners and sockets. */
  readonly socketContext: boolean;
}

/** The style of rows on a particular output. */
export interface Style extends RowStyle {
  /** Writes control characters in foreign text as `\xNN`. Set if the output is a terminal. */
  readonly escape: boolean;
}

/** The style of a run without options. */
export const plainStyle: RowStyle = {
  numeric: false,
  resolve: false,
  oneline: false,
  timers: false,
  extended: false,
  memory: false,
  info: false,
  tos: false,
  cgroup: false,
  inetSockopt: false,
  tipcinfo: false,
  bpf: false,
  bpfMaps: false,
  bpfMapIds: [],
  threads: false,
  processContext: false,
  socketContext: false,
};

/** Looks up names for numbers. Returned bytes must not change; undefined means that there is no name. */
export interface Names {
  /** Sets the inet table and network namespace whose service names `port` uses from now on. */
  useTable(table: InetTable, netns?: Netns): void;
  /** The service name of a port. */
  port(port: number): Uint8Array | undefined;
  /** Name of a network interface. @param netns its network namespace; default: our own */
  interface(index: number, netns?: Netns): Uint8Array;
  /** Host name of the 4 or 16 bytes at `at`. */
  host(data: DataView, at: number, length: number): Uint8Array | undefined;
  /** The processes that have the socket with this inode open. */
  owners(inode: number): readonly Owner[] | undefined;
  /** The same by entries, for rows that are written without objects. If left out, such rows have views. */
  ownerTable?(): OwnerTable | undefined;
  /** The processes that have the socket at the other end open. */
  peerOwners(socket: Socket): readonly Owner[] | undefined;
  /** The container and unit of the socket's owner, or else of the socket. */
  cgroupOwner(socket: Socket): CgroupOwner | undefined;
  /** Name of a netlink protocol. */
  netlinkProtocol(protocol: number): Uint8Array | undefined;
  /** Contents of /proc/PID/stat, which has the process's name. */
  processStat(pid: number): Uint8Array | undefined;
  /** The SELinux context of a process; pid 0 is the kernel. */
  processContext(pid: number): Uint8Array | undefined;
  /** The BPF maps to format values with, if values are shown. */
  readonly bpfMaps?: Pick<BpfMaps, "text"> | undefined;
  /** Path of a cgroup, or ss's text for an unknown one. */
  cgroup(id: bigint): Uint8Array;
  /** Path of a cgroup, if it has one that can be shown. */
  cgroupPath(id: bigint): Uint8Array | undefined;
}

/** Foreign text for output: unchanged on a pipe, with control characters escaped on a terminal. */
export function foreignBytes(bytes: Uint8Array, style: Style): Uint8Array {
  return style.escape ? escapeControls(bytes) : bytes;
}

/** Writes foreign text, see {@link foreignBytes}. */
export function putForeign(text: ByteWriter, bytes: Uint8Array, style: Style): void {
  const shown = foreignBytes(bytes, style);
  text.copy(shown, 0, shown.length);
}

/** Whether process cells of a style have a name, a pid and a descriptor alone, as `ownerCells` writes them. */
export function hasPlainOwners({ threads, processContext, socketContext }: RowStyle): boolean {
  return !(threads || processContext || socketContext);
}
