/** struct xdp_diag_req, xdp_diag_msg and the attributes of XDP sockets. linux/xdp_diag.h. */

import { type Layout, type View, view } from "../../bytes/layout.ts";
import type { AttributeTable } from "../../diag/attribute.ts";
import type { FactLayout } from "../../model/fact.ts";

/** struct xdp_diag_req. */
export const xdpDiagRequest = {
  family: { offset: 0, type: "u8", kernel: "sdiag_family", doc: "AF_XDP" },
  inode: { offset: 4, type: "u32", kernel: "xdiag_ino", doc: "inode of one socket, or 0 for all" },
  show: { offset: 8, type: "u32", kernel: "xdiag_show", doc: "mask of requested attributes" },
} as const satisfies Layout;

/** Bytes of struct xdp_diag_req. */
export const XDP_DIAG_REQUEST_SIZE = 20;

/** struct xdp_diag_msg. */
export const xdpDiagMessage = {
  familyNumber: { offset: 0, type: "u8", kernel: "xdiag_family", doc: "AF_XDP" },
  type: { offset: 1, type: "u8", kernel: "xdiag_type", doc: "SOCK_RAW" },
  inode: { offset: 4, type: "u32", metric: "identity", kernel: "xdiag_ino", doc: "inode number" },
  cookie: {
    offset: 8,
    type: "id64",
    metric: "identity",
    kernel: "xdiag_cookie",
    doc: "the kernel's unique socket cookie",
  },
} as const satisfies FactLayout;

/** Bytes of struct xdp_diag_msg. */
export const XDP_DIAG_MESSAGE_SIZE = 16;

/** Bits of `xdiag_show`. */
export const XDP_SHOW = { info: 0x1, ringCfg: 0x2, umem: 0x4, memInfo: 0x8, stats: 0x10 } as const;

/** Attributes of XDP sockets. */
export const xdpAttributes = {
  info: { id: 1, kernel: "XDP_DIAG_INFO", requestedBy: XDP_SHOW.info, doc: "struct xdp_diag_info" },
  uid: { id: 2, kernel: "XDP_DIAG_UID", requestedBy: XDP_SHOW.info, doc: "owner of the socket" },
  rxRing: { id: 3, kernel: "XDP_DIAG_RX_RING", requestedBy: XDP_SHOW.ringCfg, doc: "struct xdp_diag_ring" },
  txRing: { id: 4, kernel: "XDP_DIAG_TX_RING", requestedBy: XDP_SHOW.ringCfg, doc: "struct xdp_diag_ring" },
  umem: { id: 5, kernel: "XDP_DIAG_UMEM", requestedBy: XDP_SHOW.umem, doc: "struct xdp_diag_umem" },
  fillRing: {
    id: 6,
    kernel: "XDP_DIAG_UMEM_FILL_RING",
    requestedBy: XDP_SHOW.umem,
    doc: "struct xdp_diag_ring",
  },
  completionRing: {
    id: 7,
    kernel: "XDP_DIAG_UMEM_COMPLETION_RING",
    requestedBy: XDP_SHOW.umem,
    doc: "struct xdp_diag_ring",
  },
  memInfo: {
    id: 8,
    kernel: "XDP_DIAG_MEMINFO",
    requestedBy: XDP_SHOW.memInfo,
    doc: "SK_MEMINFO array of u32",
  },
  stats: { id: 9, kernel: "XDP_DIAG_STATS", requestedBy: XDP_SHOW.stats, doc: "struct xdp_diag_stats" },
} as const satisfies AttributeTable;

/** struct xdp_diag_info. */
export const xdpDiagInfo = {
  interfaceIndex: {
    offset: 0,
    type: "u32",
    kernel: "ifindex",
    doc: "index of the bound interface, 0 for none",
  },
  queueId: { offset: 4, type: "u32", kernel: "queue_id", doc: "queue of that interface" },
} as const satisfies Layout;

/** View of a struct xdp_diag_info. */
export const XdpDiagInfo = view(xdpDiagInfo);
/** View of a struct xdp_diag_info. */
export interface XdpDiagInfo extends View<typeof xdpDiagInfo> {}

/** struct xdp_diag_ring. */
export const xdpDiagRing = {
  entries: { offset: 0, type: "u32", metric: "gauge", kernel: "entries", doc: "number of descriptors" },
} as const satisfies FactLayout;

/** View of a struct xdp_diag_ring. */
export const XdpDiagRing = view(xdpDiagRing);
/** View of a struct xdp_diag_ring. */
export interface XdpDiagRing extends View<typeof xdpDiagRing> {}

/** struct xdp_diag_umem: the memory that packets are put into. */
export const xdpDiagUmem = {
  size: {
    offset: 0,
    type: "u64",
    unit: "bytes",
    metric: "gauge",
    kernel: "size",
    doc: "size of the packet memory",
  },
  id: {
    offset: 8,
    type: "u32",
    kernel: "id",
    doc: "id of the packet memory; sockets that share it have the same id",
  },
  pages: { offset: 12, type: "u32", metric: "gauge", kernel: "num_pages", doc: "number of pages" },
  chunkSize: {
    offset: 16,
    type: "u32",
    unit: "bytes",
    metric: "gauge",
    kernel: "chunk_size",
    doc: "size of a chunk, which holds one packet",
  },
  headroom: {
    offset: 20,
    type: "u32",
    unit: "bytes",
    metric: "gauge",
    kernel: "headroom",
    doc: "bytes left free before a packet",
  },
  interfaceIndex: {
    offset: 24,
    type: "u32",
    kernel: "ifindex",
    doc: "index of the interface that it is bound to",
  },
  queueId: { offset: 28, type: "u32", kernel: "queue_id", doc: "queue of that interface" },
  zeroCopy: {
    offset: 32,
    type: "u32",
    bits: [0, 1],
    kernel: "XDP_DU_F_ZEROCOPY",
    doc: "zero-copy: the device writes packets there directly",
  },
  references: {
    offset: 36,
    type: "u32",
    metric: "gauge",
    kernel: "refs",
    doc: "number of sockets that use it",
  },
} as const satisfies FactLayout;

/** View of a struct xdp_diag_umem. */
export const XdpDiagUmem = view(xdpDiagUmem);
/** View of a struct xdp_diag_umem. */
export interface XdpDiagUmem extends View<typeof xdpDiagUmem> {}

/** struct xdp_diag_stats. */
export const xdpDiagStats = {
  rxDropped: {
    offset: 0,
    type: "u64",
    unit: "packets",
    metric: "counter",
    kernel: "n_rx_dropped",
    doc: "packets dropped on reception",
  },
  rxInvalid: {
    offset: 8,
    type: "u64",
    unit: "packets",
    metric: "counter",
    kernel: "n_rx_invalid",
    doc: "packets dropped because of an invalid descriptor in the fill ring",
  },
  rxFull: {
    offset: 16,
    type: "u64",
    unit: "packets",
    metric: "counter",
    kernel: "n_rx_full",
    doc: "packets dropped because the RX ring was full",
  },
  fillRingEmpty: {
    offset: 24,
    type: "u64",
    metric: "counter",
    kernel: "n_fill_ring_empty",
    doc: "number of times that the fill ring was empty",
  },
  txInvalid: {
    offset: 32,
    type: "u64",
    unit: "packets",
    metric: "counter",
    kernel: "n_tx_invalid",
    doc: "packets not sent because of an invalid descriptor in the TX ring",
  },
  txRingEmpty: {
    offset: 40,
    type: "u64",
    metric: "counter",
    kernel: "n_tx_ring_empty",
    doc: "number of times that the TX ring was empty",
  },
} as const satisfies FactLayout;

/** View of a struct xdp_diag_stats. */
export const XdpDiagStats = view(xdpDiagStats);
/** View of a struct xdp_diag_stats. */
export interface XdpDiagStats extends View<typeof xdpDiagStats> {}
