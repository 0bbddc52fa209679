/** The columns of XDP sockets. */
import { skMemInfo } from "../../diag/memory.ts";
import { type Column, hexIdentity, structColumns } from "../../fields/column.ts";
import {
  boundInterfaceColumns,
  closedColumn,
  familyColumns,
  packetQueueColumn,
  typeColumn,
} from "../../fields/family.ts";
import type { NameSource } from "../../fields/names.ts";
import { processesColumn } from "../../fields/processes.ts";
import { xdpDiagRing, xdpDiagStats, xdpDiagUmem } from "./layout.ts";
import type { XdpSocket } from "./socket.ts";

/** The columns of XDP sockets, in the order of their JSON. */
export const xdpColumns = (names: NameSource): readonly Column<XdpSocket>[] => [
  ...familyColumns("xdp", "xdp"),
  typeColumn("xdiag_type"),
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
    kernel: "XDP_DIAG_UID",
    doc: "owner of the socket",
    read: ({ uid }) => uid,
  },
  {
    key: "inode",
    ss: "ino:",
    type: "integer",
    kernel: "xdiag_ino",
    doc: "inode number",
    read: ({ inode }) => inode,
  },
  {
    key: "cookie",
    ss: "sk:",
    type: "hex",
    kernel: "xdiag_cookie",
    doc: "the kernel's unique socket cookie",
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
