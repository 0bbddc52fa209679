/** struct inet_diag_req_v2, inet_diag_msg and the attributes of inet sockets. linux/inet_diag.h. */

import type { Layout } from "../../../bytes/layout.ts";
import type { AttributeTable } from "../../../diag/attribute.ts";
import type { FactLayout } from "../../../model/fact.ts";

/** struct inet_diag_req_v2: the request of a dump, and with a socket's id that of SOCK_DESTROY. */
export const inetDiagRequest = {
  family: { offset: 0, type: "u8", kernel: "sdiag_family", doc: "address family" },
  protocol: { offset: 1, type: "u8", kernel: "sdiag_protocol", doc: "IP protocol" },
  ext: { offset: 2, type: "u8", kernel: "idiag_ext", doc: "mask of requested attributes, bit = number - 1" },
  rawProtocol: { offset: 3, type: "u8", kernel: "pad", doc: "IP protocol of a raw socket, for SOCK_DESTROY" },
  states: { offset: 4, type: "u32", kernel: "idiag_states", doc: "mask of requested states, bit = state" },
  id: { offset: 8, type: "u8", kernel: "id", doc: "start of struct inet_diag_sockid, 48 bytes" },
} as const satisfies Layout;

/** Bytes of struct inet_diag_req_v2. */
export const INET_DIAG_REQUEST_SIZE = 56;

/** struct inet_diag_req: the request before Linux 3.3 (TCPDIAG_GETSOCK, DCCPDIAG_GETSOCK). */
export const inetDiagLegacyRequest = {
  family: { offset: 0, type: "u8", kernel: "idiag_family", doc: "address family" },
  ext: { offset: 3, type: "u8", kernel: "idiag_ext", doc: "mask of requested attributes, bit = number - 1" },
  states: { offset: 52, type: "u32", kernel: "idiag_states", doc: "mask of requested states, bit = state" },
} as const satisfies Layout;

/** Bytes of struct inet_diag_req. */
export const INET_DIAG_LEGACY_REQUEST_SIZE = 60;

/** Attributes of a dump request. */
export const INET_DIAG_REQ_BYTECODE = 1;
export const INET_DIAG_REQ_SK_BPF_STORAGES = 2;
export const INET_DIAG_REQ_PROTOCOL = 3;

/** struct inet_diag_msg. */
export const inetDiagMessage = {
  familyNumber: { offset: 0, type: "u8", kernel: "idiag_family", doc: "address family" },
  stateNumber: { offset: 1, type: "u8", kernel: "idiag_state", doc: "state of the connection" },
  timerNumber: {
    offset: 2,
    type: "u8",
    kernel: "idiag_timer",
    doc: "the timer that runs: `on` is the retransmission timer",
  },
  retransmits: {
    offset: 3,
    type: "u8",
    metric: "gauge",
    kernel: "idiag_retrans",
    doc: "retransmissions or probes so far",
  },
  sport: {
    offset: 4,
    type: "u16be",
    metric: "identity",
    kernel: "idiag_sport",
    doc: "local port, 0 for none",
  },
  dport: {
    offset: 6,
    type: "u16be",
    metric: "identity",
    kernel: "idiag_dport",
    doc: "the peer's port, 0 for none",
  },
  // An address is 16 bytes, whatever the family: this is where they begin.
  source: { offset: 8, type: "u8", kernel: "idiag_src", doc: "local IP address" },
  destination: { offset: 24, type: "u8", kernel: "idiag_dst", doc: "the peer's IP address" },
  interfaceIndex: {
    offset: 40,
    type: "u32",
    kernel: "idiag_if",
    doc: "the interface that the socket is bound to",
  },
  cookie: {
    offset: 44,
    type: "id64",
    metric: "identity",
    kernel: "idiag_cookie",
    doc: "the kernel's unique socket cookie",
  },
  expires: {
    offset: 52,
    type: "u32",
    unit: "ms",
    metric: "gauge",
    kernel: "idiag_expires",
    doc: "time until the timer fires",
  },
  rqueue: {
    offset: 56,
    type: "u32",
    metric: "gauge",
    kernel: "idiag_rqueue",
    doc: "bytes not read yet",
  },
  wqueue: {
    offset: 60,
    type: "u32",
    metric: "gauge",
    kernel: "idiag_wqueue",
    doc: "bytes not acknowledged yet",
  },
  uid: { offset: 64, type: "u32", metric: "identity", kernel: "idiag_uid", doc: "owner of the socket" },
  inode: {
    offset: 68,
    type: "u32",
    metric: "identity",
    kernel: "idiag_inode",
    doc: "inode number; 0 if the socket has no file any more",
  },
} as const satisfies FactLayout;

/** Bytes of struct inet_diag_msg. */
export const INET_DIAG_MESSAGE_SIZE = 72;

/** Bits of `idiag_ext`, by the attribute that gives each its number. */
export const INET_DIAG_EXT = {
  memInfo: 1 << 0,
  info: 1 << 1,
  vegasInfo: 1 << 2,
  congestion: 1 << 3,
  tos: 1 << 4,
  tclass: 1 << 5,
  skMemInfo: 1 << 6,
  shutdown: 1 << 7,
} as const;

/** Attributes of inet sockets. */
export const inetAttributes = {
  memInfo: {
    id: 1,
    kernel: "INET_DIAG_MEMINFO",
    requestedBy: INET_DIAG_EXT.memInfo,
    doc: "struct inet_diag_meminfo",
  },
  info: {
    id: 2,
    kernel: "INET_DIAG_INFO",
    requestedBy: INET_DIAG_EXT.info,
    doc: "struct tcp_info, mptcp_info or sctp_info",
  },
  vegasInfo: {
    id: 3,
    kernel: "INET_DIAG_VEGASINFO",
    requestedBy: INET_DIAG_EXT.vegasInfo,
    doc: "struct tcpvegas_info",
  },
  congestion: {
    id: 4,
    kernel: "INET_DIAG_CONG",
    requestedBy: INET_DIAG_EXT.congestion,
    group: ["Windows", 1],
    doc: "name of the congestion control",
  },
  tos: { id: 5, kernel: "INET_DIAG_TOS", requestedBy: INET_DIAG_EXT.tos, doc: "IP_TOS" },
  tclass: { id: 6, kernel: "INET_DIAG_TCLASS", requestedBy: INET_DIAG_EXT.tclass, doc: "IPV6_TCLASS" },
  skMemInfo: {
    id: 7,
    kernel: "INET_DIAG_SKMEMINFO",
    requestedBy: INET_DIAG_EXT.skMemInfo,
    doc: "SK_MEMINFO array of u32",
  },
  shutdown: {
    id: 8,
    kernel: "INET_DIAG_SHUTDOWN",
    doc: "RCV_SHUTDOWN (bit 0) and SEND_SHUTDOWN (bit 1), u8",
  },
  dctcpInfo: {
    id: 9,
    kernel: "INET_DIAG_DCTCPINFO",
    requestedBy: INET_DIAG_EXT.vegasInfo,
    since: "3.19",
    doc: "struct tcp_dctcp_info",
  },
  protocol: {
    id: 10,
    kernel: "INET_DIAG_PROTOCOL",
    since: "4.10",
    doc: "IP protocol number; of a raw socket the one that it receives",
  },
  skV6Only: {
    id: 11,
    kernel: "INET_DIAG_SKV6ONLY",
    since: "4.4",
    doc: "IPV6_V6ONLY: an IPv6 socket that takes no IPv4",
  },
  locals: {
    id: 12,
    kernel: "INET_DIAG_LOCALS",
    since: "4.7",
    doc: "all local addresses of an SCTP endpoint or association",
  },
  peers: {
    id: 13,
    kernel: "INET_DIAG_PEERS",
    since: "4.7",
    doc: "all addresses of an SCTP association's peer",
  },
  mark: { id: 15, kernel: "INET_DIAG_MARK", since: "4.7", doc: "SO_MARK; needs CAP_NET_ADMIN" },
  bbrInfo: {
    id: 16,
    kernel: "INET_DIAG_BBRINFO",
    requestedBy: INET_DIAG_EXT.vegasInfo,
    since: "4.9",
    doc: "struct tcp_bbr_info",
  },
  classId: {
    id: 17,
    kernel: "INET_DIAG_CLASS_ID",
    requestedBy: INET_DIAG_EXT.tclass,
    since: "4.12",
    doc: "net_cls class id",
  },
  md5Signatures: {
    id: 18,
    kernel: "INET_DIAG_MD5SIG",
    requestedBy: INET_DIAG_EXT.info,
    since: "4.14",
    doc: "keys of MD5 signatures; needs CAP_NET_ADMIN",
  },
  ulpInfo: {
    id: 19,
    kernel: "INET_DIAG_ULP_INFO",
    requestedBy: INET_DIAG_EXT.info,
    since: "5.4",
    doc: "upper layer protocol, nested",
  },
  bpfStorages: {
    id: 20,
    kernel: "INET_DIAG_SK_BPF_STORAGES",
    since: "5.7",
    doc: "what BPF programs have stored; needs root",
  },
  cgroupId: {
    id: 21,
    kernel: "INET_DIAG_CGROUP_ID",
    since: "5.9",
    doc: "the cgroup v2 that the socket was made in",
  },
  sockopt: { id: 22, kernel: "INET_DIAG_SOCKOPT", since: "5.10", doc: "struct inet_diag_sockopt" },
} as const satisfies AttributeTable;
