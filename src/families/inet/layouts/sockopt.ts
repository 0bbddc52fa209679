/** struct inet_diag_sockopt: flags set by setsockopt. linux/inet_diag.h. */
import { type Layout, type View, view } from "../../../bytes/layout.ts";

/** Rows of struct inet_diag_sockopt, in its order; each name is the member's. */
export const inetSockopt = {
  recverr: { offset: 0, type: "u8", bits: [0, 1], kernel: "recverr", doc: "IP_RECVERR" },
  isIcsk: {
    offset: 0,
    type: "u8",
    bits: [1, 1],
    kernel: "is_icsk",
    doc: "the socket is connection-oriented",
  },
  freebind: { offset: 0, type: "u8", bits: [2, 1], kernel: "freebind", doc: "IP_FREEBIND" },
  hdrincl: { offset: 0, type: "u8", bits: [3, 1], kernel: "hdrincl", doc: "IP_HDRINCL" },
  mcLoop: { offset: 0, type: "u8", bits: [4, 1], kernel: "mc_loop", doc: "IP_MULTICAST_LOOP" },
  transparent: { offset: 0, type: "u8", bits: [5, 1], kernel: "transparent", doc: "IP_TRANSPARENT" },
  mcAll: { offset: 0, type: "u8", bits: [6, 1], kernel: "mc_all", doc: "IP_MULTICAST_ALL" },
  nodefrag: { offset: 0, type: "u8", bits: [7, 1], kernel: "nodefrag", doc: "IP_NODEFRAG" },
  bindAddressNoPort: {
    offset: 1,
    type: "u8",
    bits: [0, 1],
    kernel: "bind_address_no_port",
    doc: "IP_BIND_ADDRESS_NO_PORT",
  },
  recverrRfc4884: {
    offset: 1,
    type: "u8",
    bits: [1, 1],
    kernel: "recverr_rfc4884",
    doc: "IP_RECVERR_RFC4884",
  },
  deferConnect: { offset: 1, type: "u8", bits: [2, 1], kernel: "defer_connect", doc: "TCP_FASTOPEN_CONNECT" },
} as const satisfies Layout;

/** View of a struct inet_diag_sockopt. */
export const InetSockopt = view(inetSockopt);
/** View of a struct inet_diag_sockopt. */
export interface InetSockopt extends View<typeof inetSockopt> {}
