/** struct vsock_diag_req and vsock_diag_msg. linux/vm_sockets_diag.h. */

import type { Layout } from "../../bytes/layout.ts";
import type { FactLayout } from "../../model/fact.ts";

/** struct vsock_diag_req. */
export const vsockDiagRequest = {
  family: { offset: 0, type: "u8", kernel: "sdiag_family", doc: "AF_VSOCK" },
  states: { offset: 4, type: "u32", kernel: "vdiag_states", doc: "mask of requested states, bit = state" },
} as const satisfies Layout;

/** Bytes of struct vsock_diag_req. */
export const VSOCK_DIAG_REQUEST_SIZE = 24;

/** struct vsock_diag_msg. */
export const vsockDiagMessage = {
  familyNumber: { offset: 0, type: "u8", kernel: "vdiag_family", doc: "AF_VSOCK" },
  type: { offset: 1, type: "u8", kernel: "vdiag_type", doc: "SOCK_STREAM or SOCK_DGRAM" },
  stateNumber: { offset: 2, type: "u8", kernel: "vdiag_state", doc: "TCP state number" },
  shutdownBits: { offset: 3, type: "u8", kernel: "vdiag_shutdown", doc: "RCV_SHUTDOWN and SEND_SHUTDOWN" },
  sourceCid: {
    offset: 4,
    type: "u32",
    metric: "identity",
    kernel: "vdiag_src_cid",
    doc: "local context id; absent for any",
  },
  sport: {
    offset: 8,
    type: "u32",
    metric: "identity",
    kernel: "vdiag_src_port",
    doc: "local port; absent for any",
  },
  destinationCid: {
    offset: 12,
    type: "u32",
    metric: "identity",
    kernel: "vdiag_dst_cid",
    doc: "the peer's context id; absent for any",
  },
  dport: {
    offset: 16,
    type: "u32",
    metric: "identity",
    kernel: "vdiag_dst_port",
    doc: "the peer's port; absent for any",
  },
  inode: { offset: 20, type: "u32", metric: "identity", kernel: "vdiag_ino", doc: "inode number" },
  cookie: {
    offset: 24,
    type: "id64",
    metric: "identity",
    kernel: "vdiag_cookie",
    doc: "the kernel's unique socket cookie",
  },
} as const satisfies FactLayout;

/** Bytes of struct vsock_diag_msg. */
export const VSOCK_DIAG_MESSAGE_SIZE = 32;
