/**
 * The words that `-i` prints of a struct tcp_info. `npm run generate` makes the code that writes them from this table.
 */

import { type Item, item } from "../../../table/items.ts";
import { tcpInfo } from "../layouts/tcp-info.ts";
import {
  putBbr,
  putBusy,
  putCongestion,
  putDctcp,
  putDeliveryRate,
  putPacingRate,
  putReordering,
  putRetrans,
  putRtt,
  putSacked,
  putSend,
  putSsthresh,
  putWscale,
  type SpecialWriter,
} from "./tcp-info-specials.ts";

/** The retransmission timeout of a connection that never measured one; ss leaves it out. */
const RTO_UNSET = 3_000_000;
const UNKNOWN_MIN_RTT = 0xffffffff;

/** The words that need `-o`, too. */
export const optionItems: readonly Item[] = [
  item(" ts", tcpInfo.timestamps, "bit"),
  item(" usec_ts", tcpInfo.usecTs, "bit"),
  item(" sack", tcpInfo.sack, "bit"),
  item(" ecn", tcpInfo.ecn, "bit"),
  item(" ecnseen", tcpInfo.ecnSeen, "bit"),
  item(" fastopen", tcpInfo.synData, "bit"),
];

/** All words of a struct tcp_info, in ss's order. */
export const tcpInfoItems: readonly (Item | SpecialWriter)[] = [
  putCongestion,
  putWscale,
  item(" rto:", tcpInfo.rto, "ms", RTO_UNSET),
  item(" backoff:", tcpInfo.backoff, "u32"),
  putRtt,
  item(" ato:", tcpInfo.ato, "ms"),
  item(" mss:", tcpInfo.sndMss, "i32"),
  item(" pmtu:", tcpInfo.pmtu, "u32"),
  item(" rcvmss:", tcpInfo.rcvMss, "i32"),
  item(" advmss:", tcpInfo.advmss, "i32"),
  item(" cwnd:", tcpInfo.sndCwnd, "u32"),
  putSsthresh,
  item(" bytes_sent:", tcpInfo.bytesSent, "u64"),
  item(" bytes_retrans:", tcpInfo.bytesRetrans, "u64"),
  item(" bytes_acked:", tcpInfo.bytesAcked, "u64"),
  item(" bytes_received:", tcpInfo.bytesReceived, "u64"),
  item(" segs_out:", tcpInfo.segsOut, "u32"),
  item(" segs_in:", tcpInfo.segsIn, "u32"),
  item(" data_segs_out:", tcpInfo.dataSegsOut, "u32"),
  item(" data_segs_in:", tcpInfo.dataSegsIn, "u32"),
  putDctcp,
  putBbr,
  putSend,
  item(" lastsnd:", tcpInfo.lastDataSent, "u32"),
  item(" lastrcv:", tcpInfo.lastDataRecv, "u32"),
  item(" lastack:", tcpInfo.lastAckRecv, "u32"),
  putPacingRate,
  putDeliveryRate,
  item(" delivered:", tcpInfo.delivered, "u32"),
  item(" delivered_ce:", tcpInfo.deliveredCe, "u32"),
  item(" app_limited", tcpInfo.deliveryRateAppLimited, "bit"),
  putBusy,
  item(" unacked:", tcpInfo.unacked, "u32"),
  putRetrans,
  item(" lost:", tcpInfo.lost, "u32"),
  putSacked,
  item(" dsack_dups:", tcpInfo.dsackDups, "u32"),
  item(" fackets:", tcpInfo.fackets, "u32"),
  putReordering,
  item(" reord_seen:", tcpInfo.reordSeen, "i32"),
  item(" rcv_rtt:", tcpInfo.rcvRtt, "ms"),
  item(" rcv_space:", tcpInfo.rcvSpace, "i32"),
  item(" rcv_ssthresh:", tcpInfo.rcvSsthresh, "u32"),
  item(" notsent:", tcpInfo.notsentBytes, "u32"),
  item(" minrtt:", tcpInfo.minRtt, "ms", UNKNOWN_MIN_RTT),
  item(" rcv_ooopack:", tcpInfo.rcvOoopack, "u32"),
  item(" snd_wnd:", tcpInfo.sndWnd, "u32"),
  item(" rcv_wnd:", tcpInfo.rcvWnd, "u32"),
  item(" rehash:", tcpInfo.rehash, "u32"),
];
