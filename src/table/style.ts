/** How the ss table is asked to look, and where the names in it come from. */

import { escapeControls } from "../bytes/terminal.ts";
import type { ByteWriter } from "../bytes/writer.ts";
import type { AnySocket as Socket } from "../diag/message.ts";
import type { BpfMaps } from "../enrich/bpf-maps.ts";
import type { CgroupOwner } from "../enrich/containers.ts";
import type { Owner } from "../enrich/processes.ts";
import type { Netns } from "../host/namespaces.ts";
import type { InetTable } from "../model/inet-tables.ts";

/** The options of ss that change what a row shows. */
export interface RowStyle {
  /** `-n`: numbers instead of service, protocol and process names. */
  readonly numeric: boolean;
  /** `-r`: host names instead of addresses. */
  readonly resolve: boolean;
  /** `-O`: everything about a socket on one line. */
  readonly oneline: boolean;
  /** `-o`: timers and TCP options. */
  readonly timers: boolean;
  /** `-e`: uid, inode, cookie and what else a family has. */
  readonly extended: boolean;
  /** `-m`: memory. */
  readonly memory: boolean;
  /** `-i`: tcp_info and its like. */
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
  /** `--bpf-maps`: all that BPF programs have stored with inet sockets. */
  readonly bpfMaps: boolean;
  /** `--bpf-map-id`: what they have stored in these maps. */
  readonly bpfMapIds: readonly number[];
  /** `-T`: the threads of owners. */
  readonly threads: boolean;
  /** `-Z`: the SELinux contexts of owners. */
  readonly processContext: boolean;
  /** `-z`: those and the sockets'. */
  readonly socketContext: boolean;
}

/** How rows are written. */
export interface Style extends RowStyle {
  /** Strangers' control characters become `\xNN`: the output is a terminal. */
  readonly escape: boolean;
}

/** The rows of a run without options. */
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

/** Names for numbers; each answer is bytes that stay the same, or undefined where there is no name. */
export interface Names {
  /** The inet table whose services ports are looked up in from now on. */
  useTable(table: InetTable): void;
  /** What the port cell shows for a port. */
  port(port: number): Uint8Array | undefined;
  /** Name of a network interface. @param netns where it is; if left out, where we are */
  interface(index: number, netns?: Netns): Uint8Array;
  /** Host name of the 4 or 16 bytes at `at`. */
  host(data: DataView, at: number, length: number): Uint8Array | undefined;
  /** Who has the socket of an inode open. */
  owners(inode: number): readonly Owner[] | undefined;
  /** Who has the socket at the other end open. */
  peerOwners(socket: Socket): readonly Owner[] | undefined;
  /** Whose the control group of a socket's owner is, or of the socket. */
  cgroupOwner(socket: Socket): CgroupOwner | undefined;
  /** Name of a netlink protocol. */
  netlinkProtocol(protocol: number): Uint8Array | undefined;
  /** The /proc/PID/stat of a process, which has its name. */
  processStat(pid: number): Uint8Array | undefined;
  /** The SELinux context of a process, 0 the kernel. */
  processContext(pid: number): Uint8Array | undefined;
  /** The BPF maps that values are from, where these are shown. */
  readonly bpfMaps?: Pick<BpfMaps, "text"> | undefined;
  /** Path of a cgroup, or what ss shows in its place. */
  cgroup(id: bigint): Uint8Array;
  /** Path of a cgroup, if it has one that can be shown. */
  cgroupPath(id: bigint): Uint8Array | undefined;
}

/** How text that a stranger chose is shown: as it is on a pipe, without control characters on a terminal. */
export function foreignBytes(bytes: Uint8Array, style: Style): Uint8Array {
  return style.escape ? escapeControls(bytes) : bytes;
}

/** Writes text that a stranger chose, see {@link foreignBytes}. */
export function putForeign(text: ByteWriter, bytes: Uint8Array, style: Style): void {
  const shown = foreignBytes(bytes, style);
  text.copy(shown, 0, shown.length);
}
