/** struct netlink_diag_req, netlink_diag_msg and the attributes of netlink sockets. linux/netlink_diag.h. */

import type { Layout } from "../../bytes/layout.ts";
import type { AttributeTable } from "../../diag/attribute.ts";
import type { FactLayout } from "../../model/fact.ts";

/** struct netlink_diag_req. */
export const netlinkDiagRequest = {
  family: { offset: 0, type: "u8", kernel: "sdiag_family", doc: "AF_NETLINK" },
  protocol: { offset: 1, type: "u8", kernel: "sdiag_protocol", doc: "netlink protocol, or NDIAG_PROTO_ALL" },
  inode: { offset: 4, type: "u32", kernel: "ndiag_ino", doc: "inode of one socket, or 0 for all" },
  show: { offset: 8, type: "u32", kernel: "ndiag_show", doc: "mask of requested attributes" },
} as const satisfies Layout;

/** Bytes of struct netlink_diag_req. */
export const NETLINK_DIAG_REQUEST_SIZE = 20;

/** NDIAG_PROTO_ALL. */
export const NDIAG_PROTO_ALL = 255;

/** struct netlink_diag_msg. */
export const netlinkDiagMessage = {
  familyNumber: { offset: 0, type: "u8", kernel: "ndiag_family", doc: "AF_NETLINK" },
  type: { offset: 1, type: "u8", kernel: "ndiag_type", doc: "SOCK_RAW or SOCK_DGRAM" },
  protocol: { offset: 2, type: "u8", metric: "identity", kernel: "ndiag_protocol", doc: "netlink protocol" },
  stateNumber: { offset: 3, type: "u8", kernel: "ndiag_state", doc: "it has a peer that it sends to" },
  portId: {
    offset: 4,
    type: "i32",
    metric: "identity",
    kernel: "ndiag_portid",
    doc: "local port id; 0 is the kernel; absent for a socket that has none yet",
  },
  destinationPortId: {
    offset: 8,
    type: "i32",
    metric: "identity",
    kernel: "ndiag_dst_portid",
    doc: "the port id that it sends to; if connected",
  },
  destinationGroup: {
    offset: 12,
    type: "u32",
    metric: "identity",
    kernel: "ndiag_dst_group",
    doc: "number of the group that it sends to, 0 for none; if connected",
  },
  inode: { offset: 16, type: "u32", metric: "identity", kernel: "ndiag_ino", doc: "inode number" },
  cookie: {
    offset: 20,
    type: "id64",
    metric: "identity",
    kernel: "ndiag_cookie",
    doc: "the kernel's unique socket cookie",
  },
} as const satisfies FactLayout;

/** Bytes of struct netlink_diag_msg. */
export const NETLINK_DIAG_MESSAGE_SIZE = 28;

/** Bits of `ndiag_show`. */
export const NDIAG_SHOW = { memInfo: 0x1, groups: 0x2, ringCfg: 0x4, flags: 0x8 } as const;

/** Attributes of netlink sockets. */
export const netlinkAttributes = {
  memInfo: {
    id: 0,
    kernel: "NETLINK_DIAG_MEMINFO",
    requestedBy: NDIAG_SHOW.memInfo,
    doc: "SK_MEMINFO array of u32",
  },
  groups: {
    id: 1,
    kernel: "NETLINK_DIAG_GROUPS",
    requestedBy: NDIAG_SHOW.groups,
    doc: "numbers of the multicast groups that it has joined",
  },
  rxRing: {
    id: 2,
    kernel: "NETLINK_DIAG_RX_RING",
    requestedBy: NDIAG_SHOW.ringCfg,
    doc: "struct netlink_diag_ring",
  },
  txRing: {
    id: 3,
    kernel: "NETLINK_DIAG_TX_RING",
    requestedBy: NDIAG_SHOW.ringCfg,
    doc: "struct netlink_diag_ring",
  },
  flags: { id: 4, kernel: "NETLINK_DIAG_FLAGS", requestedBy: NDIAG_SHOW.flags, doc: "socket flags, u32" },
} as const satisfies AttributeTable;
