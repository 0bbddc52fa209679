/** What congestion control algorithms report about themselves. linux/inet_diag.h. */
import { type View, view } from "../../../bytes/layout.ts";
import type { FactLayout } from "../../../model/fact.ts";

/** struct tcpvegas_info. */
export const vegasInfo = {
  enabled: { offset: 0, type: "u32", kernel: "tcpv_enabled", doc: "Vegas is in control" },
  rttCount: {
    offset: 4,
    type: "u32",
    metric: "gauge",
    kernel: "tcpv_rttcnt",
    doc: "number of round trips measured",
  },
  rtt: {
    offset: 8,
    type: "u32",
    unit: "us",
    none: 0x7fffffff,
    metric: "gauge",
    kernel: "tcpv_rtt",
    doc: "last round trip time",
  },
  minRtt: {
    offset: 12,
    type: "u32",
    unit: "us",
    none: 0x7fffffff,
    metric: "gauge",
    kernel: "tcpv_minrtt",
    doc: "smallest round trip time",
  },
} as const satisfies FactLayout;

/** View of a struct tcpvegas_info. */
export const VegasInfo = view(vegasInfo);
/** View of a struct tcpvegas_info. */
export interface VegasInfo extends View<typeof vegasInfo> {}

/** struct tcp_dctcp_info. */
export const dctcpInfo = {
  enabled: {
    offset: 0,
    type: "u16",
    kernel: "dctcp_enabled",
    doc: "0: ECN is not available, Reno is used instead",
  },
  ceState: {
    offset: 2,
    type: "u16",
    kernel: "dctcp_ce_state",
    doc: "whether the last packet had a congestion mark",
  },
  alpha: {
    offset: 4,
    type: "u32",
    metric: "gauge",
    kernel: "dctcp_alpha",
    doc: "estimated fraction of marked bytes, in 1024ths",
  },
  abEcn: {
    offset: 8,
    type: "u32",
    unit: "bytes",
    metric: "gauge",
    kernel: "dctcp_ab_ecn",
    doc: "bytes acknowledged with a congestion mark",
  },
  abTot: {
    offset: 12,
    type: "u32",
    unit: "bytes",
    metric: "gauge",
    kernel: "dctcp_ab_tot",
    doc: "bytes acknowledged in total",
  },
} as const satisfies FactLayout;

/** View of a struct tcp_dctcp_info. */
export const DctcpInfo = view(dctcpInfo);
/** View of a struct tcp_dctcp_info. */
export interface DctcpInfo extends View<typeof dctcpInfo> {}

/** struct tcp_bbr_info; its gains are in 256ths. */
export const bbrInfo = {
  bandwidth: {
    offset: 0,
    type: "u64",
    unit: "bytes/s",
    metric: "gauge",
    kernel: "bbr_bw_lo",
    doc: "bandwidth estimate",
  },
  minRtt: {
    offset: 8,
    type: "u32",
    unit: "us",
    metric: "gauge",
    kernel: "bbr_min_rtt",
    doc: "smallest round trip time",
  },
  pacingGain: {
    offset: 12,
    type: "u32",
    metric: "gauge",
    kernel: "bbr_pacing_gain",
    doc: "pacing gain, in 256ths",
  },
  cwndGain: {
    offset: 16,
    type: "u32",
    metric: "gauge",
    kernel: "bbr_cwnd_gain",
    doc: "congestion window gain, in 256ths",
  },
} as const satisfies FactLayout;

/** View of a struct tcp_bbr_info. */
export const BbrInfo = view(bbrInfo);
/** View of a struct tcp_bbr_info. */
export interface BbrInfo extends View<typeof bbrInfo> {}
