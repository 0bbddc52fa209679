/** SCTP: struct sctp_info, the addresses of an endpoint or association, and its states. linux/sctp.h. */
import { type Layout, StructView, view, wholeView } from "../../../bytes/layout.ts";
import type { FactLayout } from "../../../model/fact.ts";
import { AF_INET6 } from "../../../model/family.ts";

/** Rows of struct sctp_info; each name is the member's without its `sctpi_`, `p` written out and `s` left out. */
export const sctpInfo = {
  tag: {
    offset: 0,
    type: "u32",
    metric: "identity",
    kernel: "sctpi_tag",
    doc: "verification tag of the peer's packets",
  },
  state: { offset: 4, type: "u32", kernel: "sctpi_state", doc: "state of the association, see `sctpStates`" },
  rwnd: {
    offset: 8,
    type: "u32",
    unit: "bytes",
    metric: "gauge",
    kernel: "sctpi_rwnd",
    doc: "announced receive window",
  },
  unackdata: {
    offset: 12,
    type: "u16",
    metric: "gauge",
    kernel: "sctpi_unackdata",
    doc: "data chunks not acknowledged",
  },
  penddata: {
    offset: 14,
    type: "u16",
    metric: "gauge",
    kernel: "sctpi_penddata",
    doc: "data chunks waiting to be read",
  },
  instrms: { offset: 16, type: "u16", metric: "gauge", kernel: "sctpi_instrms", doc: "incoming streams" },
  outstrms: { offset: 18, type: "u16", metric: "gauge", kernel: "sctpi_outstrms", doc: "outgoing streams" },
  fragmentationPoint: {
    offset: 20,
    type: "u32",
    unit: "bytes",
    metric: "gauge",
    kernel: "sctpi_fragmentation_point",
    doc: "size above which messages are fragmented",
  },
  inqueue: {
    offset: 24,
    type: "u32",
    metric: "gauge",
    kernel: "sctpi_inqueue",
    doc: "chunks in the incoming queue",
  },
  outqueue: {
    offset: 28,
    type: "u32",
    metric: "gauge",
    kernel: "sctpi_outqueue",
    doc: "chunks in the outgoing queue",
  },
  overallError: {
    offset: 32,
    type: "u32",
    metric: "gauge",
    kernel: "sctpi_overall_error",
    doc: "consecutive errors without a response from the peer",
  },
  maxBurst: {
    offset: 36,
    type: "u32",
    unit: "packets",
    metric: "gauge",
    kernel: "sctpi_max_burst",
    doc: "limit of packets sent in one burst",
  },
  maxseg: {
    offset: 40,
    type: "u32",
    unit: "bytes",
    metric: "gauge",
    kernel: "sctpi_maxseg",
    doc: "size limit of a data chunk",
  },
  peerRwnd: {
    offset: 44,
    type: "u32",
    unit: "bytes",
    metric: "gauge",
    kernel: "sctpi_peer_rwnd",
    doc: "receive window of the peer",
  },
  peerTag: {
    offset: 48,
    type: "u32",
    metric: "identity",
    kernel: "sctpi_peer_tag",
    doc: "verification tag of our packets",
  },
  peerCapable: {
    offset: 52,
    type: "u8",
    kernel: "sctpi_peer_capable",
    doc: "extensions that the peer supports, bit mask",
  },
  peerSack: { offset: 53, type: "u8", kernel: "sctpi_peer_sack", doc: "1: the peer needs a SACK" },
  isacks: { offset: 56, type: "u64", metric: "counter", kernel: "sctpi_isacks", doc: "SACK chunks received" },
  osacks: { offset: 64, type: "u64", metric: "counter", kernel: "sctpi_osacks", doc: "SACK chunks sent" },
  opackets: { offset: 72, type: "u64", metric: "counter", kernel: "sctpi_opackets", doc: "packets sent" },
  ipackets: { offset: 80, type: "u64", metric: "counter", kernel: "sctpi_ipackets", doc: "packets received" },
  rtxchunks: {
    offset: 88,
    type: "u64",
    metric: "counter",
    kernel: "sctpi_rtxchunks",
    doc: "chunks retransmitted",
  },
  outofseqtsns: {
    offset: 96,
    type: "u64",
    metric: "counter",
    kernel: "sctpi_outofseqtsns",
    doc: "chunks received out of sequence",
  },
  idupchunks: {
    offset: 104,
    type: "u64",
    metric: "counter",
    kernel: "sctpi_idupchunks",
    doc: "chunks received twice",
  },
  gapcnt: {
    offset: 112,
    type: "u64",
    metric: "counter",
    kernel: "sctpi_gapcnt",
    doc: "gap acknowledgements received",
  },
  ouodchunks: {
    offset: 120,
    type: "u64",
    metric: "counter",
    kernel: "sctpi_ouodchunks",
    doc: "unordered data chunks sent",
  },
  iuodchunks: {
    offset: 128,
    type: "u64",
    metric: "counter",
    kernel: "sctpi_iuodchunks",
    doc: "unordered data chunks received",
  },
  oodchunks: {
    offset: 136,
    type: "u64",
    metric: "counter",
    kernel: "sctpi_oodchunks",
    doc: "ordered data chunks sent",
  },
  iodchunks: {
    offset: 144,
    type: "u64",
    metric: "counter",
    kernel: "sctpi_iodchunks",
    doc: "ordered data chunks received",
  },
  octrlchunks: {
    offset: 152,
    type: "u64",
    metric: "counter",
    kernel: "sctpi_octrlchunks",
    doc: "control chunks sent",
  },
  ictrlchunks: {
    offset: 160,
    type: "u64",
    metric: "counter",
    kernel: "sctpi_ictrlchunks",
    doc: "control chunks received",
  },
  primaryState: {
    offset: 296,
    type: "i32",
    kernel: "sctpi_p_state",
    doc: "primary path: 0 inactive, 1 potentially failed, 2 active, 3 unconfirmed",
  },
  primaryCwnd: {
    offset: 300,
    type: "u32",
    unit: "bytes",
    metric: "gauge",
    kernel: "sctpi_p_cwnd",
    doc: "primary path: congestion window",
  },
  primarySrtt: {
    offset: 304,
    type: "u32",
    unit: "jiffies",
    metric: "gauge",
    kernel: "sctpi_p_srtt",
    doc: "primary path: smoothed round trip time",
  },
  primaryRto: {
    offset: 308,
    type: "u32",
    unit: "ms",
    metric: "gauge",
    kernel: "sctpi_p_rto",
    doc: "primary path: retransmission timeout",
  },
  primaryHbinterval: {
    offset: 312,
    type: "u32",
    unit: "ms",
    metric: "gauge",
    kernel: "sctpi_p_hbinterval",
    doc: "primary path: heartbeat interval",
  },
  primaryPathmaxrxt: {
    offset: 316,
    type: "u32",
    metric: "gauge",
    kernel: "sctpi_p_pathmaxrxt",
    doc: "primary path: retransmissions after which the path counts as failed",
  },
  primarySackdelay: {
    offset: 320,
    type: "u32",
    unit: "ms",
    metric: "gauge",
    kernel: "sctpi_p_sackdelay",
    doc: "primary path: maximum delay of a SACK",
  },
  primarySackfreq: {
    offset: 324,
    type: "u32",
    unit: "packets",
    metric: "gauge",
    kernel: "sctpi_p_sackfreq",
    doc: "primary path: packets after which a SACK is sent",
  },
  primarySsthresh: {
    offset: 328,
    type: "u32",
    unit: "bytes",
    metric: "gauge",
    kernel: "sctpi_p_ssthresh",
    doc: "primary path: slow start threshold",
  },
  primaryPartialBytesAcked: {
    offset: 332,
    type: "u32",
    unit: "bytes",
    metric: "gauge",
    kernel: "sctpi_p_partial_bytes_acked",
    doc: "primary path: bytes acknowledged since the congestion window last grew",
  },
  primaryFlightSize: {
    offset: 336,
    type: "u32",
    unit: "bytes",
    metric: "gauge",
    kernel: "sctpi_p_flight_size",
    doc: "primary path: bytes in flight",
  },
  primaryError: {
    offset: 340,
    type: "u16",
    metric: "gauge",
    kernel: "sctpi_p_error",
    doc: "primary path: consecutive errors",
  },
  autoclose: {
    offset: 344,
    type: "u32",
    metric: "gauge",
    kernel: "sctpi_s_autoclose",
    doc: "idle time in seconds after which an association is closed, 0 for never",
  },
  adaptationInd: {
    offset: 348,
    type: "u32",
    kernel: "sctpi_s_adaptation_ind",
    doc: "adaptation layer indication, RFC 5061",
  },
  pdPoint: {
    offset: 352,
    type: "u32",
    unit: "bytes",
    metric: "gauge",
    kernel: "sctpi_s_pd_point",
    doc: "message size above which partial delivery begins",
  },
  nodelay: { offset: 356, type: "u8", kernel: "sctpi_s_nodelay", doc: "SCTP_NODELAY" },
  disableFragments: {
    offset: 357,
    type: "u8",
    kernel: "sctpi_s_disable_fragments",
    doc: "SCTP_DISABLE_FRAGMENTS",
  },
  v4mapped: { offset: 358, type: "u8", kernel: "sctpi_s_v4mapped", doc: "SCTP_I_WANT_MAPPED_V4_ADDR" },
  fragInterleave: {
    offset: 359,
    type: "u8",
    kernel: "sctpi_s_frag_interleave",
    doc: "SCTP_FRAGMENT_INTERLEAVE",
  },
  socketType: {
    offset: 360,
    type: "u32",
    kernel: "sctpi_s_type",
    doc: "socket style: 0 one-to-many, 1 one-to-many of high bandwidth, 2 one-to-one",
  },
} as const satisfies FactLayout;

/** Where struct sctp_info has the address of the primary path, a struct sockaddr_storage: `sctpi_p_address`. */
const PRIMARY_ADDRESS_OFFSET = 168;

/** struct sockaddr_storage, as far as it holds an IP address: struct sockaddr_in or sockaddr_in6. */
const socketAddress = {
  family: { offset: 0, type: "u16", kernel: "ss_family", doc: "AF_INET or AF_INET6" },
  port: { offset: 2, type: "u16be", kernel: "sin_port", doc: "port" },
  ipv4: { offset: 4, type: "u8", kernel: "sin_addr", doc: "start of an IPv4 address, 4 bytes" },
  ipv6: { offset: 8, type: "u8", kernel: "sin6_addr", doc: "start of an IPv6 address, 16 bytes" },
} as const satisfies Layout;

/** Bytes of struct sockaddr_storage. */
export const SOCKET_ADDRESS_SIZE = 128;

/** View of a whole struct sockaddr_storage. */
export class SocketAddress extends wholeView(socketAddress, StructView) {
  /** Offset of the address in `data`, which is an IPv4 one unless `family` is AF_INET6. */
  get addressOffset(): number {
    const { ipv4, ipv6 } = socketAddress;
    return this.offset + (this.family === AF_INET6 ? ipv6 : ipv4).offset;
  }
}

/** View of a struct sctp_info. */
export class SctpInfo extends view(sctpInfo) {
  /** Address of the primary path. */
  get primaryAddress(): SocketAddress | undefined {
    if (this.length < PRIMARY_ADDRESS_OFFSET + SOCKET_ADDRESS_SIZE) return undefined;
    return new SocketAddress(this.data, this.offset + PRIMARY_ADDRESS_OFFSET, SOCKET_ADDRESS_SIZE);
  }
}

/** ss's names for the states of an association, by the kernel's number. */
export const sctpStates = [
  "CLOSED",
  "COOKIE_WAIT",
  "COOKIE_ECHOED",
  "ESTAB",
  "SHUTDOWN_PENDING",
  "SHUTDOWN_SENT",
  "SHUTDOWN_RECEIVED",
  "ACK_SENT",
] as const;

/** The name of an association's state; a number that no kernel is known to send says so. */
export type SctpStateName = (typeof sctpStates)[number] | `unknown(${number})`;

/** The name of an association's state by the kernel's number. */
export function sctpStateName(number: number): SctpStateName {
  return sctpStates[number] ?? `unknown(${number})`;
}
