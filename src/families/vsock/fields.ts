/** The columns of vsock sockets. */

import { type Column, hexIdentity } from "../../fields/column.ts";
import { familyColumns, stateColumn, typeColumn } from "../../fields/family.ts";
import type { NameSource } from "../../fields/names.ts";
import { processesColumn } from "../../fields/processes.ts";
import { VMADDR_ANY, type VsockSocket } from "./socket.ts";

function unlessAny(value: number): number | undefined {
  return value === VMADDR_ANY ? undefined : value;
}

/** The columns of vsock sockets, in the order of their JSON. */
export const vsockColumns = (names: NameSource): readonly Column<VsockSocket>[] => [
  ...familyColumns("vsock", "vsock"),
  typeColumn("vdiag_type"),
  stateColumn("vdiag_state"),
  {
    key: "local.cid",
    type: "integer",
    kernel: "vdiag_src_cid",
    doc: "own context id; absent for any",
    read: ({ sourceCid }) => unlessAny(sourceCid),
  },
  {
    key: "local.port",
    type: "integer",
    kernel: "vdiag_src_port",
    doc: "own port; absent for any",
    read: ({ sport }) => unlessAny(sport),
  },
  {
    key: "peer.cid",
    type: "integer",
    kernel: "vdiag_dst_cid",
    doc: "the peer's context id; absent for any",
    read: ({ destinationCid }) => unlessAny(destinationCid),
  },
  {
    key: "peer.port",
    type: "integer",
    kernel: "vdiag_dst_port",
    doc: "the peer's port; absent for any",
    read: ({ dport }) => unlessAny(dport),
  },
  { key: "inode", type: "integer", kernel: "vdiag_ino", doc: "inode number", read: ({ inode }) => inode },
  {
    key: "cookie",
    type: "hex",
    kernel: "vdiag_cookie",
    doc: "the kernel's unique socket cookie",
    read: ({ cookie }) => hexIdentity(cookie),
  },
  {
    key: "shutdown.receive",
    type: "boolean",
    kernel: "vdiag_shutdown",
    doc: "no more is received",
    read: ({ shutdown }) => shutdown.receive,
  },
  {
    key: "shutdown.send",
    type: "boolean",
    kernel: "vdiag_shutdown",
    doc: "no more is sent",
    read: ({ shutdown }) => shutdown.send,
  },
  processesColumn(names),
];
