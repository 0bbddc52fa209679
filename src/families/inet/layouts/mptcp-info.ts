/** struct mptcp_info: the kernel's state and counters of an MPTCP connection. linux/mptcp.h. */
import { type Layout, type View, view } from "../../../bytes/layout.ts";

/** Rows of struct mptcp_info; each name is the member's without its `mptcpi_`. */
export const mptcpInfo = {
  subflows: { offset: 0, type: "u8", kernel: "mptcpi_subflows", doc: "subflows in addition to the first" },
  addAddrSignal: {
    offset: 1,
    type: "u8",
    kernel: "mptcpi_add_addr_signal",
    doc: "addresses announced to the peer",
  },
  addAddrAccepted: {
    offset: 2,
    type: "u8",
    kernel: "mptcpi_add_addr_accepted",
    doc: "announced addresses of the peer that were accepted",
  },
  subflowsMax: { offset: 3, type: "u8", kernel: "mptcpi_subflows_max", doc: "limit of `subflows`" },
  addAddrSignalMax: {
    offset: 4,
    type: "u8",
    kernel: "mptcpi_add_addr_signal_max",
    doc: "limit of `addAddrSignal`",
  },
  addAddrAcceptedMax: {
    offset: 5,
    type: "u8",
    kernel: "mptcpi_add_addr_accepted_max",
    doc: "limit of `addAddrAccepted`",
  },
  fallback: {
    offset: 8,
    type: "u32",
    bits: [0, 1],
    kernel: "mptcpi_flags",
    doc: "the connection fell back to plain TCP",
  },
  remoteKeyReceived: {
    offset: 8,
    type: "u32",
    bits: [1, 1],
    kernel: "mptcpi_flags",
    doc: "the peer's key has arrived",
  },
  token: { offset: 12, type: "u32", kernel: "mptcpi_token", doc: "local token of the connection, RFC 8684" },
  writeSeq: {
    offset: 16,
    type: "id64",
    kernel: "mptcpi_write_seq",
    doc: "data sequence number of the next byte to write",
  },
  sndUna: {
    offset: 24,
    type: "id64",
    kernel: "mptcpi_snd_una",
    doc: "data sequence number of the first unacknowledged byte",
  },
  rcvNxt: {
    offset: 32,
    type: "id64",
    kernel: "mptcpi_rcv_nxt",
    doc: "data sequence number of the next byte to receive",
  },
  localAddrUsed: {
    offset: 40,
    type: "u8",
    kernel: "mptcpi_local_addr_used",
    doc: "local addresses used for subflows",
  },
  localAddrMax: {
    offset: 41,
    type: "u8",
    kernel: "mptcpi_local_addr_max",
    doc: "limit of `localAddrUsed`",
  },
  csumEnabled: { offset: 42, type: "u8", kernel: "mptcpi_csum_enabled", doc: "1: data has checksums" },
  retransmits: {
    offset: 44,
    type: "u32",
    kernel: "mptcpi_retransmits",
    since: "6.5",
    doc: "retransmissions at the MPTCP level",
  },
  bytesRetrans: {
    offset: 48,
    type: "u64",
    unit: "bytes",
    kernel: "mptcpi_bytes_retrans",
    since: "6.5",
    doc: "bytes retransmitted",
  },
  bytesSent: {
    offset: 56,
    type: "u64",
    unit: "bytes",
    kernel: "mptcpi_bytes_sent",
    since: "6.5",
    doc: "bytes sent",
  },
  bytesReceived: {
    offset: 64,
    type: "u64",
    unit: "bytes",
    kernel: "mptcpi_bytes_received",
    since: "6.5",
    doc: "bytes received",
  },
  bytesAcked: {
    offset: 72,
    type: "u64",
    unit: "bytes",
    kernel: "mptcpi_bytes_acked",
    since: "6.5",
    doc: "bytes acknowledged by the peer",
  },
  subflowsTotal: {
    offset: 80,
    type: "u8",
    kernel: "mptcpi_subflows_total",
    since: "6.8",
    doc: "subflows including the first",
  },
  endpLaminarMax: {
    offset: 81,
    type: "u8",
    kernel: "mptcpi_endp_laminar_max",
    since: "6.18",
    doc: "endpoints of type `laminar`",
  },
  lastDataSent: {
    offset: 84,
    type: "u32",
    unit: "ms",
    kernel: "mptcpi_last_data_sent",
    since: "6.10",
    doc: "time since data was last sent",
  },
  lastDataRecv: {
    offset: 88,
    type: "u32",
    unit: "ms",
    kernel: "mptcpi_last_data_recv",
    since: "6.10",
    doc: "time since data last arrived",
  },
  lastAckRecv: {
    offset: 92,
    type: "u32",
    unit: "ms",
    kernel: "mptcpi_last_ack_recv",
    since: "6.10",
    doc: "time since an acknowledgement last arrived",
  },
} as const satisfies Layout;

/** View of a struct mptcp_info. */
export const MptcpInfo = view(mptcpInfo);
/** View of a struct mptcp_info. */
export interface MptcpInfo extends View<typeof mptcpInfo> {}
