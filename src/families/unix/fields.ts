/** The columns of UNIX sockets. */
import { skMemInfo } from "../../diag/memory.ts";
import { type Column, cookieText, structColumns } from "../../fields/column.ts";
import { familyColumns, queueColumns, stateColumn, typeColumn } from "../../fields/family.ts";
import type { NameSource } from "../../fields/names.ts";
import { peerProcessesColumn, processesColumn } from "../../fields/processes.ts";
import type { UnixSocket } from "./socket.ts";

const decoder = new TextDecoder();

/** A name that is a path; as the kernel sends it, it may end in a NUL. */
function pathOf(name: Uint8Array | undefined): string | undefined {
  if (!name?.length || name[0] === 0) return undefined;
  return decoder.decode(name.at(-1) === 0 ? name.subarray(0, -1) : name);
}

/** A name that is abstract, without the NUL that it begins with. */
function abstractOf(name: Uint8Array | undefined): string | undefined {
  return name?.[0] === 0 ? decoder.decode(name.subarray(1)) : undefined;
}

/** The columns of UNIX sockets, in the order of their JSON. */
export const unixColumns = (names: NameSource): readonly Column<UnixSocket>[] => [
  ...familyColumns("unix", "unix"),
  typeColumn("udiag_type"),
  stateColumn("udiag_state"),
  ...queueColumns("udiag_rqueue", "udiag_wqueue", "sent and not yet read by the peer"),
  {
    key: "local.path",
    ss: "Local Address:",
    type: "string",
    kernel: "UNIX_DIAG_NAME",
    doc: "the path that it is bound to",
    read: ({ name }) => pathOf(name),
  },
  {
    key: "local.abstract",
    type: "string",
    kernel: "UNIX_DIAG_NAME",
    doc: "the abstract name that it is bound to, without its first NUL",
    read: ({ name }) => abstractOf(name),
  },
  {
    key: "peer.inode",
    ss: "Port",
    type: "integer",
    kernel: "UNIX_DIAG_PEER",
    doc: "inode of the connected socket",
    read: ({ peerInode }) => peerInode,
  },
  {
    key: "peer.path",
    demand: "peerNames",
    type: "string",
    doc: "the path that the connected socket is bound to",
    read: (socket) => pathOf(names.peerName(socket)),
  },
  {
    key: "peer.abstract",
    demand: "peerNames",
    type: "string",
    doc: "the abstract name that it is bound to, without its first NUL",
    read: (socket) => abstractOf(names.peerName(socket)),
  },
  peerProcessesColumn(names, "peerOwners"),
  {
    key: "uid",
    type: "integer",
    kernel: "UNIX_DIAG_UID",
    since: "5.3",
    doc: "owner of the socket",
    read: ({ uid }) => uid,
  },
  {
    key: "inode",
    ss: "Port",
    type: "integer",
    kernel: "udiag_ino",
    doc: "inode number",
    read: ({ inode }) => inode,
  },
  {
    key: "cookie",
    type: "hex",
    kernel: "udiag_cookie",
    doc: "the kernel's unique socket cookie",
    read: ({ cookie }) => cookieText(cookie),
  },
  {
    key: "shutdown.receive",
    type: "boolean",
    kernel: "UNIX_DIAG_SHUTDOWN",
    doc: "no more is received",
    read: ({ shutdown }) => shutdown?.receive,
  },
  {
    key: "shutdown.send",
    type: "boolean",
    kernel: "UNIX_DIAG_SHUTDOWN",
    doc: "no more is sent",
    read: ({ shutdown }) => shutdown?.send,
  },
  {
    key: "file.inode",
    ss: "ino:",
    type: "integer",
    kernel: "udiag_vfs_ino",
    demand: "extended",
    doc: "inode of the file that it is bound to",
    read: ({ fileInode }) => fileInode,
  },
  {
    key: "file.device",
    ss: "dev:",
    type: "string",
    kernel: "udiag_vfs_dev",
    demand: "extended",
    doc: "device of that file, as major:minor",
    // The kernel's own packing: 12 bits of major, 20 of minor. ss takes it apart in another way.
    read: ({ fileDevice }) =>
      fileDevice === undefined ? undefined : `${fileDevice >>> 20}:${fileDevice & 0xfffff}`,
  },
  {
    key: "pendingInodes",
    type: "array",
    items: "integer",
    ss: "peers:",
    kernel: "UNIX_DIAG_ICONS",
    demand: "extended",
    doc: "inodes of the connections that wait to be accepted",
    read: ({ pending }) => pending,
  },
  processesColumn(names),
  ...structColumns("memory", "memory", skMemInfo, (socket: UnixSocket) => socket.memory),
];
