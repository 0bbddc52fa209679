/** The columns of vsock sockets. */

import { type Column, factOf, hexIdentity } from "../../fields/column.ts";
import { familyColumns, stateColumn, typeColumn } from "../../fields/family.ts";
import type { NameSource } from "../../fields/names.ts";
import { processesColumn } from "../../fields/processes.ts";
import { vsockDiagMessage } from "./layout.ts";
import { VMADDR_ANY, type VsockSocket } from "./socket.ts";

function unlessAny(value: number): number | undefined {
  return value === VMADDR_ANY ? undefined : value;
}

/** The columns of vsock sockets, in the order of their JSON. */
export const vsockColumns = (names: NameSource): readonly Column<VsockSocket>[] => [
  ...familyColumns("vsock", "vsock"),
  typeColumn(vsockDiagMessage.type),
  stateColumn(vsockDiagMessage.stateNumber),
  {
    key: "local.cid",
    type: "integer",
    ...factOf(vsockDiagMessage.sourceCid),
    read: ({ sourceCid }) => unlessAny(sourceCid),
  },
  {
    key: "local.port",
    type: "integer",
    ...factOf(vsockDiagMessage.sport),
    read: ({ sport }) => unlessAny(sport),
  },
  {
    key: "peer.cid",
    type: "integer",
    ...factOf(vsockDiagMessage.destinationCid),
    read: ({ destinationCid }) => unlessAny(destinationCid),
  },
  {
    key: "peer.port",
    type: "integer",
    ...factOf(vsockDiagMessage.dport),
    read: ({ dport }) => unlessAny(dport),
  },
  { key: "inode", type: "integer", ...factOf(vsockDiagMessage.inode), read: ({ inode }) => inode },
  {
    key: "cookie",
    type: "hex",
    ...factOf(vsockDiagMessage.cookie),
    read: ({ cookie }) => hexIdentity(cookie),
  },
  {
    key: "shutdown.receive",
    type: "boolean",
    ...factOf(vsockDiagMessage.shutdownBits),
    doc: "no more is received",
    read: ({ shutdown }) => shutdown.receive,
  },
  {
    key: "shutdown.send",
    type: "boolean",
    ...factOf(vsockDiagMessage.shutdownBits),
    doc: "no more is sent",
    read: ({ shutdown }) => shutdown.send,
  },
  processesColumn(names),
];
