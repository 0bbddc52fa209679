/** The words that `-i` prints of a struct mptcp_info, in ss's order. */
import type { ByteWriter } from "../../../bytes/writer.ts";
import { item, writeItem } from "../../../table/items.ts";
import { type MptcpInfo, mptcpInfo } from "../layouts/mptcp-info.ts";

const items = [
  item(" subflows:", mptcpInfo.subflows, "u32"),
  item(" add_addr_signal:", mptcpInfo.addAddrSignal, "u32"),
  item(" add_addr_accepted:", mptcpInfo.addAddrAccepted, "u32"),
  item(" subflows_max:", mptcpInfo.subflowsMax, "u32"),
  item(" add_addr_signal_max:", mptcpInfo.addAddrSignalMax, "u32"),
  item(" add_addr_accepted_max:", mptcpInfo.addAddrAcceptedMax, "u32"),
  item(" fallback", mptcpInfo.fallback, "bit"),
  item(" remote_key", mptcpInfo.remoteKeyReceived, "bit"),
  item(" token:", mptcpInfo.token, "hex"),
  item(" write_seq:", mptcpInfo.writeSeq, "u64"),
  item(" snd_una:", mptcpInfo.sndUna, "u64"),
  item(" rcv_nxt:", mptcpInfo.rcvNxt, "u64"),
  item(" local_addr_used:", mptcpInfo.localAddrUsed, "u32"),
  item(" local_addr_max:", mptcpInfo.localAddrMax, "u32"),
  item(" csum_enabled:", mptcpInfo.csumEnabled, "u32"),
  item(" retransmits:", mptcpInfo.retransmits, "u32"),
  item(" bytes_retrans:", mptcpInfo.bytesRetrans, "u64"),
  item(" bytes_sent:", mptcpInfo.bytesSent, "u64"),
  item(" bytes_received:", mptcpInfo.bytesReceived, "u64"),
  item(" bytes_acked:", mptcpInfo.bytesAcked, "u64"),
  item(" subflows_total:", mptcpInfo.subflowsTotal, "u32"),
  item(" endp_laminar_max:", mptcpInfo.endpLaminarMax, "u32"),
  item(" last_data_sent:", mptcpInfo.lastDataSent, "u32"),
  item(" last_data_recv:", mptcpInfo.lastDataRecv, "u32"),
  item(" last_ack_recv:", mptcpInfo.lastAckRecv, "u32"),
];

/** Writes mptcp_info in ss's words. */
export function writeMptcpInfo(text: ByteWriter, info: MptcpInfo): void {
  for (const item of items) writeItem(text, item, info);
}
