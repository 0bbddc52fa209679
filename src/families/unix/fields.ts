/** The columns of UNIX sockets. */

import { skMemInfo } from "../../diag/memory.ts";
import { type Column, cookieText, factOf, structColumns } from "../../fields/column.ts";
import { familyColumns, queueColumns, stateColumn, typeColumn } from "../../fields/family.ts";
import type { NameSource } from "../../fields/names.ts";
import { peerProcessesColumn, processesColumn } from "../../fields/processes.ts";
import { unixAttributes, unixDiagMessage } from "./layout.ts";
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
  typeColumn(unixDiagMessage.type),
  stateColumn(unixDiagMessage.stateNumber),
  ...queueColumns("udiag_rqueue", "udiag_wqueue", "sent and not yet read by the peer"),
  {
    key: "local.path",
    ss: "Local Address:",
    type: "string",
    ...factOf(unixAttributes.name),
    doc: "the path that it is bound to",
    read: ({ name }) => pathOf(name),
  },
  {
    key: "local.abstract",
    type: "string",
    ...factOf(unixAttributes.name),
    doc: "the abstract name that it is bound to, without its first NUL",
    read: ({ name }) => abstractOf(name),
  },
  {
    key: "peer.inode",
    ss: "Port",
    type: "integer",
    ...factOf(unixAttributes.peer),
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
    ...factOf(unixAttributes.uid),
    read: ({ uid }) => uid,
  },
  {
    key: "inode",
    ss: "Port",
    type: "integer",
    ...factOf(unixDiagMessage.inode),
    read: ({ inode }) => inode,
  },
  {
    key: "cookie",
    type: "hex",
    ...factOf(unixDiagMessage.cookie),
    read: ({ cookie }) => cookieText(cookie),
  },
  {
    key: "shutdown.receive",
    type: "boolean",
    ...factOf(unixAttributes.shutdown),
    doc: "no more is received",
    read: ({ shutdown }) => shutdown?.receive,
  },
  {
    key: "shutdown.send",
    type: "boolean",
    ...factOf(unixAttributes.shutdown),
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
    ...factOf(unixAttributes.icons),
    demand: "extended",
    read: ({ pending }) => pending,
  },
  processesColumn(names),
  ...structColumns("memory", "memory", skMemInfo, (socket: UnixSocket) => socket.memory),
];
