/** The words that `-i` prints of a struct tcp_info, in ss's order. */
import { formatGeneral } from "../../../bytes/decimal.ts";
import type { Field } from "../../../bytes/layout.ts";
import { ascii, type ByteWriter } from "../../../bytes/writer.ts";
import { SS_LISTEN } from "../../../model/state.ts";
import { type Item, item, writeItem } from "../../../table/items.ts";
import { label } from "../../../table/labels.ts";
import type { Style } from "../../../table/style.ts";
import { writeBandwidth } from "../../../table/units.ts";
import { bbrInfo, dctcpInfo } from "../layouts/congestion.ts";
import { inetAttributes } from "../layouts/inet-diag.ts";
import { type TcpInfo, tcpInfo } from "../layouts/tcp-info.ts";
import type { InetSocket } from "../socket.ts";

const SLASH = 0x2f;
const COMMA = 0x2c;
const OPEN = 0x28;
const CLOSE = 0x29;
const percentClose = ascii("%)");
const BLANK = 0x20;
/** Initial round trip time of TCP Vegas, meaning that there is none yet. */
const VEGAS_NO_RTT = 0x7fffffff;
/** The retransmission timeout of a connection that never measured one; ss leaves it out. */
const RTO_UNSET = 3_000_000;
/** Slow start thresholds from here on mean "none"; ss leaves them out. */
const SSTHRESH_UNSET = 65_535;
/** The kernel's default, which ss leaves out; every other value is printed, zero included. */
const REORDERING_DEFAULT = 3;
const UNKNOWN_MIN_RTT = 0xffffffff;

/** An item that needs more than one field. */
type Special = (text: ByteWriter, info: TcpInfo, socket: InetSocket, style: Style) => void;

/** Makes such an item. @param fields those that the label stands before */
function special(text: string, fields: readonly Field[], write: (label: Uint8Array) => Special): Special {
  return write(label(text, ...fields));
}

/** The words that need `-o`, too. */
const optionItems: readonly Item[] = [
  item(" ts", tcpInfo.timestamps, "bit"),
  item(" usec_ts", tcpInfo.usecTs, "bit"),
  item(" sack", tcpInfo.sack, "bit"),
  item(" ecn", tcpInfo.ecn, "bit"),
  item(" ecnseen", tcpInfo.ecnSeen, "bit"),
  item(" fastopen", tcpInfo.synData, "bit"),
];

/** The longest name of a congestion control that ss prints, TCP_CA_NAME_MAX less its NUL. */
const CONGESTION_NAME_LIMIT = 15;

const congestion: Special = (text, _info, socket) => {
  const payload = socket.attribute(inetAttributes.congestion.id);
  if (payload === 0) return;
  let end = payload;
  const limit = payload + Math.min(socket.attributeLength(payload), CONGESTION_NAME_LIMIT);
  while (end < limit && socket.data.getUint8(end) !== 0) end++;
  if (end === payload) return;
  text.byte(BLANK);
  for (let at = payload; at < end; at++) text.byte(socket.data.getUint8(at));
};

const wscale = special(" wscale:", [tcpInfo.sndWscale, tcpInfo.rcvWscale], (label) => (text, info) => {
  if (!info.wscale) return;
  text.put(label);
  text.unsigned(info.sndWscale ?? 0);
  text.byte(COMMA);
  text.unsigned(info.rcvWscale ?? 0);
});

const rtt = special(" rtt:", [tcpInfo.rtt, tcpInfo.rttvar], (label) => (text, info) => {
  if (!info.rtt) return;
  text.put(label);
  text.thousandths(info.rtt);
  text.byte(SLASH);
  text.thousandths(info.rttvar ?? 0);
});

const ssthresh = special(" ssthresh:", [tcpInfo.sndSsthresh], (label) => (text, info) => {
  const value = info.sndSsthresh;
  if (!value || value >= SSTHRESH_UNSET) return;
  text.put(label);
  text.unsigned(value);
});

const dctcp = special(" dctcp:", Object.values(dctcpInfo), (label) => (text, _info, socket) => {
  const dctcp = socket.dctcpInfo;
  if (dctcp === undefined) return;
  text.put(label);
  if (!dctcp.enabled) text.text("fallback_mode");
  else
    text.text(
      `(ce_state:${dctcp.ceState ?? 0},alpha:${dctcp.alpha ?? 0},ab_ecn:${dctcp.abEcn ?? 0},ab_tot:${dctcp.abTot ?? 0})`,
    );
});

const bps = ascii("bps");
const minRttLabel = label(",mrtt:", bbrInfo.minRtt);
const pacingGainLabel = label(",pacing_gain:", bbrInfo.pacingGain);
const cwndGainLabel = label(",cwnd_gain:", bbrInfo.cwndGain);

function writeGain(text: ByteWriter, label: Uint8Array, gain: number | undefined): void {
  if (!gain) return;
  text.put(label);
  let shown = gains.get(gain);
  if (shown === undefined) {
    shown = ascii(formatGeneral(gain / 256, 6));
    if (gains.size < GAINS) gains.set(gain, shown);
  }
  text.put(shown);
}

/** BBR has a handful of gains, which every row repeats. */
const GAINS = 64;
const gains = new Map<number, Uint8Array>();

const bbr = special(" bbr:(bw:", [bbrInfo.bandwidth], (label) => (text, _info, socket, { numeric }) => {
  const bbr = socket.bbrInfo;
  if (bbr === undefined) return;
  text.put(label);
  writeBandwidth(text, (bbr.bandwidth ?? 0) * 8, numeric);
  text.put(bps);
  text.put(minRttLabel);
  text.thousandths(bbr.minRtt ?? 0);
  writeGain(text, pacingGainLabel, bbr.pacingGain);
  writeGain(text, cwndGainLabel, bbr.cwndGain);
  text.byte(CLOSE);
});

const send = special(" send ", [], (label) => (text, info, socket, { numeric }) => {
  let rtt = info.rtt ?? 0;
  if (socket.attribute(inetAttributes.vegasInfo.id) !== 0) {
    const vegas = socket.vegasInfo;
    if (vegas?.enabled && vegas.rtt && vegas.rtt !== VEGAS_NO_RTT) rtt = vegas.rtt;
  }
  if (rtt === 0 || !info.sndMss || !info.sndCwnd) return;
  text.put(label);
  writeBandwidth(text, (info.sndCwnd * info.sndMss * 8_000_000) / rtt, numeric);
  text.put(bps);
});

/** Whether a rate was sent and is one: all ones mean that there is no limit, and a number cannot tell them from a little less. */
function isRate(info: TcpInfo, { offset }: Field): boolean {
  if (info.length < offset + 8) return false;
  const at = info.offset + offset;
  const [low, high] = [info.data.getUint32(at, true), info.data.getUint32(at + 4, true)];
  return (low !== 0 || high !== 0) && (low & high) !== -1;
}

const pacingRate = special(
  " pacing_rate ",
  [tcpInfo.pacingRate, tcpInfo.maxPacingRate],
  (label) =>
    (text, info, _socket, { numeric }) => {
      const { pacingRate, maxPacingRate } = info;
      if (pacingRate === undefined || !isRate(info, tcpInfo.pacingRate)) return;
      text.put(label);
      writeBandwidth(text, pacingRate * 8, numeric);
      text.put(bps);
      if (maxPacingRate === undefined || !isRate(info, tcpInfo.maxPacingRate)) return;
      text.byte(SLASH);
      writeBandwidth(text, maxPacingRate * 8, numeric);
      text.put(bps);
    },
);

const deliveryRate = special(
  " delivery_rate ",
  [tcpInfo.deliveryRate],
  (label) =>
    (text, info, _socket, { numeric }) => {
      if (!info.deliveryRate) return;
      text.put(label);
      writeBandwidth(text, info.deliveryRate * 8, numeric);
      text.put(bps);
    },
);

const busy = special(" busy:", [tcpInfo.busyTime], (label) => (text, info) => {
  const { busyTime } = info;
  if (!busyTime) return;
  text.put(label);
  writeWholeMs(text, info, tcpInfo.busyTime);
  limited(text, rwndLimitedLabel, info, "rwndLimited", busyTime);
  limited(text, sndbufLimitedLabel, info, "sndbufLimited", busyTime);
});

const rwndLimitedLabel = label(" rwnd_limited:", tcpInfo.rwndLimited);
const sndbufLimitedLabel = label(" sndbuf_limited:", tcpInfo.sndbufLimited);

function limited(
  text: ByteWriter,
  label: Uint8Array,
  info: TcpInfo,
  name: "rwndLimited" | "sndbufLimited",
  busyTime: number,
): void {
  const time = info[name];
  if (!time) return;
  text.put(label);
  writeWholeMs(text, info, tcpInfo[name]);
  text.byte(OPEN);
  text.fixed1((100 * time) / busyTime);
  text.put(percentClose);
}

/** Writes a 64-bit number of microseconds in whole milliseconds, exactly. */
function writeWholeMs(text: ByteWriter, info: TcpInfo, { offset }: Field): void {
  const at = info.offset + offset;
  const high = info.data.getUint32(at + 4, true);
  if (high === 0) text.unsigned(Math.trunc(info.data.getUint32(at, true) / 1000));
  else text.text(String(info.data.getBigUint64(at, true) / 1000n));
  text.text("ms");
}

const retrans = special(" retrans:", [tcpInfo.retrans, tcpInfo.totalRetrans], (label) => (text, info) => {
  if (!info.retrans && !info.totalRetrans) return;
  text.put(label);
  text.unsigned(info.retrans ?? 0);
  text.byte(SLASH);
  text.unsigned(info.totalRetrans ?? 0);
});

const sacked = special(" sacked:", [tcpInfo.sacked], (label) => (text, info, socket) => {
  if (!info.sacked || socket.stateNumber === SS_LISTEN) return;
  text.put(label);
  text.unsigned(info.sacked);
});

const reordering = special(" reordering:", [tcpInfo.reordering], (label) => (text, info) => {
  const value = info.reordering ?? 0;
  if (value === REORDERING_DEFAULT) return;
  text.put(label);
  text.signed32(value);
});

const items: readonly (Item | Special)[] = [
  congestion,
  wscale,
  item(" rto:", tcpInfo.rto, "ms", RTO_UNSET),
  item(" backoff:", tcpInfo.backoff, "u32"),
  rtt,
  item(" ato:", tcpInfo.ato, "ms"),
  item(" mss:", tcpInfo.sndMss, "i32"),
  item(" pmtu:", tcpInfo.pmtu, "u32"),
  item(" rcvmss:", tcpInfo.rcvMss, "i32"),
  item(" advmss:", tcpInfo.advmss, "i32"),
  item(" cwnd:", tcpInfo.sndCwnd, "u32"),
  ssthresh,
  item(" bytes_sent:", tcpInfo.bytesSent, "u64"),
  item(" bytes_retrans:", tcpInfo.bytesRetrans, "u64"),
  item(" bytes_acked:", tcpInfo.bytesAcked, "u64"),
  item(" bytes_received:", tcpInfo.bytesReceived, "u64"),
  item(" segs_out:", tcpInfo.segsOut, "u32"),
  item(" segs_in:", tcpInfo.segsIn, "u32"),
  item(" data_segs_out:", tcpInfo.dataSegsOut, "u32"),
  item(" data_segs_in:", tcpInfo.dataSegsIn, "u32"),
  dctcp,
  bbr,
  send,
  item(" lastsnd:", tcpInfo.lastDataSent, "u32"),
  item(" lastrcv:", tcpInfo.lastDataRecv, "u32"),
  item(" lastack:", tcpInfo.lastAckRecv, "u32"),
  pacingRate,
  deliveryRate,
  item(" delivered:", tcpInfo.delivered, "u32"),
  item(" delivered_ce:", tcpInfo.deliveredCe, "u32"),
  item(" app_limited", tcpInfo.deliveryRateAppLimited, "bit"),
  busy,
  item(" unacked:", tcpInfo.unacked, "u32"),
  retrans,
  item(" lost:", tcpInfo.lost, "u32"),
  sacked,
  item(" dsack_dups:", tcpInfo.dsackDups, "u32"),
  item(" fackets:", tcpInfo.fackets, "u32"),
  reordering,
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

/** Writes the items of `-i` for a socket that has a struct tcp_info. */
export function writeTcpInfo(text: ByteWriter, info: TcpInfo, socket: InetSocket, style: Style): void {
  if (style.timers) for (const item of optionItems) writeItem(text, item, info);
  for (const item of items) {
    if (typeof item === "function") item(text, info, socket, style);
    else writeItem(text, item, info);
  }
}
