/** struct packet_diag_req, packet_diag_msg and the attributes of packet sockets. linux/packet_diag.h. */

import { type Layout, type View, view } from "../../bytes/layout.ts";
import type { AttributeTable } from "../../diag/attribute.ts";
import type { FactLayout } from "../../model/fact.ts";

/** struct packet_diag_req. */
export const packetDiagRequest = {
  family: { offset: 0, type: "u8", kernel: "sdiag_family", doc: "AF_PACKET" },
  inode: { offset: 4, type: "u32", kernel: "pdiag_ino", doc: "inode of one socket, or 0 for all" },
  show: { offset: 8, type: "u32", kernel: "pdiag_show", doc: "mask of requested attributes" },
} as const satisfies Layout;

/** Bytes of struct packet_diag_req. */
export const PACKET_DIAG_REQUEST_SIZE = 20;

/** struct packet_diag_msg. */
export const packetDiagMessage = {
  familyNumber: { offset: 0, type: "u8", kernel: "pdiag_family", doc: "AF_PACKET" },
  type: { offset: 1, type: "u8", kernel: "pdiag_type", doc: "SOCK_RAW or SOCK_DGRAM" },
  protocol: {
    offset: 2,
    type: "u16",
    kernel: "pdiag_num",
    doc: "link protocol (EtherType) that it receives; 3 is every one",
  },
  inode: { offset: 4, type: "u32", metric: "identity", kernel: "pdiag_ino", doc: "inode number" },
  cookie: {
    offset: 8,
    type: "id64",
    metric: "identity",
    kernel: "pdiag_cookie",
    doc: "the kernel's unique socket cookie",
  },
} as const satisfies FactLayout;

/** Bytes of struct packet_diag_msg. */
export const PACKET_DIAG_MESSAGE_SIZE = 16;

/** Bits of `pdiag_show`. */
export const PACKET_SHOW = {
  info: 0x1,
  mclist: 0x2,
  ringCfg: 0x4,
  fanout: 0x8,
  memInfo: 0x10,
  filter: 0x20,
} as const;

/** Attributes of packet sockets. */
export const packetAttributes = {
  info: { id: 0, kernel: "PACKET_DIAG_INFO", requestedBy: PACKET_SHOW.info, doc: "struct packet_diag_info" },
  mclist: {
    id: 1,
    kernel: "PACKET_DIAG_MCLIST",
    requestedBy: PACKET_SHOW.mclist,
    doc: "array of struct packet_diag_mclist",
  },
  rxRing: {
    id: 2,
    kernel: "PACKET_DIAG_RX_RING",
    requestedBy: PACKET_SHOW.ringCfg,
    doc: "struct packet_diag_ring",
  },
  txRing: {
    id: 3,
    kernel: "PACKET_DIAG_TX_RING",
    requestedBy: PACKET_SHOW.ringCfg,
    doc: "struct packet_diag_ring",
  },
  fanout: {
    id: 4,
    kernel: "PACKET_DIAG_FANOUT",
    requestedBy: PACKET_SHOW.fanout,
    doc: "group id (low 16 bits) and type (high 16 bits)",
  },
  uid: { id: 5, kernel: "PACKET_DIAG_UID", requestedBy: PACKET_SHOW.info, doc: "owner of the socket" },
  memInfo: {
    id: 6,
    kernel: "PACKET_DIAG_MEMINFO",
    requestedBy: PACKET_SHOW.memInfo,
    doc: "SK_MEMINFO array of u32",
  },
  filter: {
    id: 7,
    kernel: "PACKET_DIAG_FILTER",
    requestedBy: PACKET_SHOW.filter,
    doc: "classic BPF program that packets must pass; needs CAP_NET_ADMIN",
  },
} as const satisfies AttributeTable;

/** struct packet_diag_info. */
export const packetDiagInfo = {
  interfaceIndex: {
    offset: 0,
    type: "u32",
    kernel: "pdi_index",
    doc: "index of the bound interface, 0 for all",
  },
  version: { offset: 4, type: "u32", kernel: "pdi_version", doc: "PACKET_VERSION: 0 is TPACKET_V1" },
  reserve: {
    offset: 8,
    type: "u32",
    unit: "bytes",
    metric: "gauge",
    kernel: "pdi_reserve",
    doc: "PACKET_RESERVE",
  },
  copyThresh: {
    offset: 12,
    type: "u32",
    unit: "bytes",
    metric: "gauge",
    kernel: "pdi_copy_thresh",
    doc: "PACKET_COPY_THRESH",
  },
  timestamp: { offset: 16, type: "u32", kernel: "pdi_tstamp", doc: "PACKET_TIMESTAMP" },
  flags: { offset: 20, type: "u32", kernel: "pdi_flags", doc: "all flags, including unknown ones" },
  running: {
    offset: 20,
    type: "u32",
    bits: [0, 1],
    kernel: "PDI_RUNNING",
    doc: "the socket receives packets",
  },
  auxdata: { offset: 20, type: "u32", bits: [1, 1], kernel: "PDI_AUXDATA", doc: "PACKET_AUXDATA" },
  origdev: { offset: 20, type: "u32", bits: [2, 1], kernel: "PDI_ORIGDEV", doc: "PACKET_ORIGDEV" },
  vnethdr: { offset: 20, type: "u32", bits: [3, 1], kernel: "PDI_VNETHDR", doc: "PACKET_VNET_HDR" },
  loss: { offset: 20, type: "u32", bits: [4, 1], kernel: "PDI_LOSS", doc: "PACKET_LOSS" },
} as const satisfies FactLayout;

/** View of a struct packet_diag_info. */
export const PacketDiagInfo = view(packetDiagInfo);
/** View of a struct packet_diag_info. */
export interface PacketDiagInfo extends View<typeof packetDiagInfo> {}

/** struct packet_diag_ring: a ring that the application maps. */
export const packetDiagRing = {
  blockSize: {
    offset: 0,
    type: "u32",
    unit: "bytes",
    metric: "gauge",
    kernel: "pdr_block_size",
    doc: "size of a block",
  },
  blocks: { offset: 4, type: "u32", metric: "gauge", kernel: "pdr_block_nr", doc: "number of blocks" },
  frameSize: {
    offset: 8,
    type: "u32",
    unit: "bytes",
    metric: "gauge",
    kernel: "pdr_frame_size",
    doc: "size of a frame",
  },
  frames: { offset: 12, type: "u32", metric: "gauge", kernel: "pdr_frame_nr", doc: "number of frames" },
  retireTimeout: {
    offset: 16,
    type: "u32",
    unit: "ms",
    metric: "gauge",
    kernel: "pdr_retire_tmo",
    doc: "time after which a partly filled block is passed to the application, TPACKET_V3",
  },
  privateSize: {
    offset: 20,
    type: "u32",
    unit: "bytes",
    metric: "gauge",
    kernel: "pdr_sizeof_priv",
    doc: "bytes reserved for the application in each block, TPACKET_V3",
  },
  features: { offset: 24, type: "u32", kernel: "pdr_features", doc: "feature_req_word, TPACKET_V3" },
} as const satisfies FactLayout;

/** View of a struct packet_diag_ring. */
export const PacketDiagRing = view(packetDiagRing);
/** View of a struct packet_diag_ring. */
export interface PacketDiagRing extends View<typeof packetDiagRing> {}

/** PACKET_DIAG_FANOUT: one u32. */
export const packetFanout = {
  id: { offset: 0, type: "u16", kernel: "PACKET_DIAG_FANOUT", doc: "id of the fanout group" },
  typeNumber: { offset: 2, type: "u16", kernel: "PACKET_DIAG_FANOUT", doc: "how packets are distributed" },
} as const satisfies Layout;

/** View of a PACKET_DIAG_FANOUT. */
export const PacketFanout = view(packetFanout);
/** View of a PACKET_DIAG_FANOUT. */
export interface PacketFanout extends View<typeof packetFanout> {}

/** Names of the fanout modes by number. linux/if_packet.h: PACKET_FANOUT_*. */
export const fanoutTypes = ["hash", "lb", "cpu", "rollover", "random", "qm", "cbpf", "ebpf"] as const;

/** struct sock_filter: an instruction of a classic BPF program. linux/filter.h. */
export const sockFilter = {
  code: { offset: 0, type: "u16", kernel: "code", doc: "operation" },
  jt: { offset: 2, type: "u8", kernel: "jt", doc: "instructions to skip if the test is true" },
  jf: { offset: 3, type: "u8", kernel: "jf", doc: "instructions to skip if the test is false" },
  k: { offset: 4, type: "u32", kernel: "k", doc: "operand" },
} as const satisfies Layout;

/** Bytes of struct sock_filter. */
export const SOCK_FILTER_SIZE = 8;
