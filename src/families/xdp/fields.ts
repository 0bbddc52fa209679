/** The columns of XDP sockets. */
import { skMemInfo } from "../../diag/memory.ts";
import { type Column, factOf, hexIdentity, structColumns } from "../../fields/column.ts";
import {
  boundInterfaceColumns,
  closedColumn,
  familyColumns,
  packetQueueColumn,
  typeColumn,
} from "../../fields/family.ts";
import type { NameSource } from "../../fields/names.ts";
import { processesColumn } from "../../fields/processes.ts";
import { xdpAttributes, xdpDiagMessage, xdpDiagRing, xdpDiagStats, xdpDiagUmem } from "./layout.ts";
import type { XdpSocket } from "./socket.ts";

/** The columns of XDP sockets, in the order of their JSON. */
export const xdpColumns = (names: NameSource): readonly Column<XdpSocket>[] => [
  ...familyColumns("xdp", "xdp"),
  typeColumn(xdpDiagMessage.type),
  closedColumn,
  packetQueueColumn,
  ...boundInterfaceColumns(names, "ifindex"),
  {
    key: "local.queue",
    type: "integer",
    kernel: "queue_id",
    doc: "queue of that interface",
    read: ({ interfaceIndex, queueId }) => (interfaceIndex ? queueId : undefined),
  },
  {
    key: "uid",
    ss: "uid:",
    type: "integer",
    ...factOf(xdpAttributes.uid),
    read: ({ uid }) => uid,
  },
  {
    key: "inode",
    ss: "ino:",
    type: "integer",
    ...factOf(xdpDiagMessage.inode),
    read: ({ inode }) => inode,
  },
  {
    key: "cookie",
    ss: "sk:",
    type: "hex",
    ...factOf(xdpDiagMessage.cookie),
    read: ({ cookie }) => hexIdentity(cookie),
  },
  processesColumn(names),
  ...structColumns("rxRing", undefined, xdpDiagRing, ({ rxRing }: XdpSocket) => rxRing),
  ...structColumns("txRing", undefined, xdpDiagRing, ({ txRing }: XdpSocket) => txRing),
  ...structColumns("umem", undefined, xdpDiagUmem, ({ umem }: XdpSocket) => umem),
  ...structColumns("fillRing", undefined, xdpDiagRing, ({ fillRing }: XdpSocket) => fillRing),
  ...structColumns(
    "completionRing",
    undefined,
    xdpDiagRing,
    ({ completionRing }: XdpSocket) => completionRing,
  ),
  ...structColumns("stats", undefined, xdpDiagStats, ({ stats }: XdpSocket) => stats),
  ...structColumns("memory", undefined, skMemInfo, ({ memory }: XdpSocket) => memory),
];
