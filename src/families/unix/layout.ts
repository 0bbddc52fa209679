/** struct unix_diag_req, unix_diag_msg and the attributes of UNIX sockets. linux/unix_diag.h. */

import type { Layout } from "../../bytes/layout.ts";
import type { AttributeTable } from "../../diag/attribute.ts";
import type { FactLayout } from "../../model/fact.ts";

/** struct unix_diag_req. */
export const unixDiagRequest = {
  family: { offset: 0, type: "u8", kernel: "sdiag_family", doc: "AF_UNIX" },
  states: { offset: 4, type: "u32", kernel: "udiag_states", doc: "mask of requested states, bit = state" },
  inode: { offset: 8, type: "u32", kernel: "udiag_ino", doc: "inode of one socket, or 0 for all" },
  show: { offset: 12, type: "u32", kernel: "udiag_show", doc: "mask of requested attributes" },
} as const satisfies Layout;

/** Bytes of struct unix_diag_req. */
export const UNIX_DIAG_REQUEST_SIZE = 24;

/** struct unix_diag_msg. */
export const unixDiagMessage = {
  familyNumber: { offset: 0, type: "u8", kernel: "udiag_family", doc: "AF_UNIX" },
  type: { offset: 1, type: "u8", kernel: "udiag_type", doc: "SOCK_STREAM, SOCK_DGRAM or SOCK_SEQPACKET" },
  stateNumber: { offset: 2, type: "u8", kernel: "udiag_state", doc: "TCP state number" },
  inode: { offset: 4, type: "u32", metric: "identity", kernel: "udiag_ino", doc: "inode number" },
  cookie: {
    offset: 8,
    type: "id64",
    metric: "identity",
    kernel: "udiag_cookie",
    doc: "the kernel's unique socket cookie",
  },
} as const satisfies FactLayout;

/** Bytes of struct unix_diag_msg. */
export const UNIX_DIAG_MESSAGE_SIZE = 16;

/** Bits of `udiag_show`. */
export const UDIAG_SHOW = {
  name: 0x1,
  vfs: 0x2,
  peer: 0x4,
  icons: 0x8,
  rqlen: 0x10,
  memInfo: 0x20,
  uid: 0x40,
} as const;

/** Attributes of UNIX sockets. */
export const unixAttributes = {
  name: {
    id: 0,
    kernel: "UNIX_DIAG_NAME",
    requestedBy: UDIAG_SHOW.name,
    doc: "bound name; an abstract name begins with NUL",
  },
  vfs: {
    id: 1,
    kernel: "UNIX_DIAG_VFS",
    requestedBy: UDIAG_SHOW.vfs,
    doc: "struct unix_diag_vfs: inode and device of the bound file",
  },
  peer: {
    id: 2,
    kernel: "UNIX_DIAG_PEER",
    requestedBy: UDIAG_SHOW.peer,
    doc: "inode of the connected socket",
  },
  icons: {
    id: 3,
    kernel: "UNIX_DIAG_ICONS",
    requestedBy: UDIAG_SHOW.icons,
    doc: "inodes of the connections that wait to be accepted",
  },
  rqlen: { id: 4, kernel: "UNIX_DIAG_RQLEN", requestedBy: UDIAG_SHOW.rqlen, doc: "struct unix_diag_rqlen" },
  memInfo: {
    id: 5,
    kernel: "UNIX_DIAG_MEMINFO",
    requestedBy: UDIAG_SHOW.memInfo,
    doc: "SK_MEMINFO array of u32",
  },
  shutdown: {
    id: 6,
    kernel: "UNIX_DIAG_SHUTDOWN",
    doc: "RCV_SHUTDOWN (bit 0) and SEND_SHUTDOWN (bit 1), u8",
  },
  uid: {
    id: 7,
    kernel: "UNIX_DIAG_UID",
    requestedBy: UDIAG_SHOW.uid,
    since: "5.3",
    doc: "owner of the socket",
  },
} as const satisfies AttributeTable;
