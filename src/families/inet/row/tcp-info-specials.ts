/** The words of `-i` that take more than one field of a struct tcp_info. */
import { keepOutOfLastTier } from "#libc";
import { formatGeneral } from "../../../bytes/decimal.ts";
import { type Field, layoutSize } from "../../../bytes/layout.ts";
import {
  putAscii,
  putFixed1,
  putInt31,
  putInt32,
  putStamp,
  putThousandths,
  putUint32,
  putUnsigned,
  type Stamp,
  stamp,
} from "../../../bytes/put.ts";
import { roomBytes, roomData, roomWords } from "../../../bytes/room.ts";
import { escapeControls } from "../../../bytes/terminal.ts";
import { SS_LISTEN } from "../../../model/state.ts";
import { labelStamp } from "../../../table/labels.ts";
import { putBandwidth } from "../../../table/units.ts";
import { bbrInfo, dctcpInfo, vegasInfo } from "../layouts/congestion.ts";
import { tcpInfo } from "../layouts/tcp-info.ts";

const SLASH = 0x2f;
const COMMA = 0x2c;
const OPEN = 0x28;
const CLOSE = 0x29;
const BLANK = 0x20;
const DELETE = 0x7f;
const percentClose = stamp("%)");
const bps = stamp("bps");
const wholeMs = stamp("ms");
/** Initial round trip time of TCP Vegas, meaning that there is none yet. */
const VEGAS_NO_RTT = 0x7fffffff;
/** Slow start thresholds from here on mean "none"; ss leaves them out. */
const SSTHRESH_UNSET = 65_535;
/** The kernel's default, which ss leaves out; every other value is printed, zero included. */
const REORDERING_DEFAULT = 3;
/** The longest name of a congestion control that ss prints, TCP_CA_NAME_MAX less its NUL. */
const CONGESTION_NAME_LIMIT = 15;

/**
 * What else about a connection its words need. Structs are indexes of words in {@link roomWords}, where all of their
 * bytes can be read; 0 for one that was not sent.
 */
export interface ConnectionFacts {
  stateNumber: number;
  /** Where the name of the congestion control begins, in bytes of the room; 0 if it was not sent. */
  congestion: number;
  /** Bytes of that name. */
  congestionLength: number;
  /** Whether that name is escaped for a terminal: a recording may have any bytes there. */
  escapesNames: boolean;
  vegas: number;
  dctcp: number;
  bbr: number;
}

/**
 * Writes an item that needs more than one field, or tests its value in a way of its own.
 *
 * @param at the position in `target`
 * @param info the index of the first word of the struct tcp_info in {@link roomWords}
 * @param numeric whether rates are whole numbers
 * @returns the position behind it
 */
export type SpecialWriter = (
  target: DataView,
  at: number,
  info: number,
  facts: ConnectionFacts,
  numeric: boolean,
) => number;

/** The index of the word that holds a field, from the start of its struct. */
function wordOf({ offset }: Field): number {
  return offset >> 2;
}

/** Two words as an unsigned 64-bit number, rounded to a double. */
function number64(word: number): number {
  const low = roomWords[word]!;
  const high = roomWords[word + 1]!;
  return high === 0 ? low >>> 0 : (high >>> 0) * 2 ** 32 + (low >>> 0);
}

/** Writes `congestion`. */
export function putCongestion(
  target: DataView,
  at: number,
  _info: number,
  { congestion, congestionLength, escapesNames }: ConnectionFacts,
): number {
  if (congestion === 0) return at;
  const limit = Math.min(congestionLength, CONGESTION_NAME_LIMIT);
  let next = at + 1;
  let isPlain = true;
  for (let index = 0; index < limit; index++) {
    const byte = roomBytes[congestion + index]!;
    if (byte === 0) break;
    if (byte < BLANK || byte >= DELETE) isPlain = false;
    target.setUint8(next++, byte);
  }
  if (escapesNames && !isPlain) {
    const name = roomBytes.slice(congestion, congestion + next - at - 1);
    next = at + 1;
    for (const byte of escapeControls(name)) target.setUint8(next++, byte);
  }
  if (next === at + 1) return at;
  target.setUint8(at, BLANK);
  return next;
}

type BitField = Field & Required<Pick<Field, "bits">>;

/** How far a bit-field is to be shifted in its word, and its bits then. */
function shiftOf({ offset, bits: [shift] }: BitField): number {
  return ((offset & 3) << 3) + shift;
}
function maskOf({ bits: [, width] }: BitField): number {
  return (1 << width) - 1;
}

const wscaleLabel = labelStamp(" wscale:", tcpInfo.sndWscale, tcpInfo.rcvWscale);
const WSCALE = wordOf(tcpInfo.wscale);
const WSCALE_BIT = maskOf(tcpInfo.wscale) << shiftOf(tcpInfo.wscale);
const SND_WSCALE = wordOf(tcpInfo.sndWscale);
const SND_WSCALE_SHIFT = shiftOf(tcpInfo.sndWscale);
const SND_WSCALE_MASK = maskOf(tcpInfo.sndWscale);
const RCV_WSCALE = wordOf(tcpInfo.rcvWscale);
const RCV_WSCALE_SHIFT = shiftOf(tcpInfo.rcvWscale);
const RCV_WSCALE_MASK = maskOf(tcpInfo.rcvWscale);

/** Writes `wscale`. */
export function putWscale(target: DataView, at: number, info: number): number {
  if ((roomWords[info + WSCALE]! & WSCALE_BIT) === 0) return at;
  const sent = (roomWords[info + SND_WSCALE]! >>> SND_WSCALE_SHIFT) & SND_WSCALE_MASK;
  const next = putInt31(target, putStamp(target, at, wscaleLabel), sent);
  target.setUint8(next, COMMA);
  const received = (roomWords[info + RCV_WSCALE]! >>> RCV_WSCALE_SHIFT) & RCV_WSCALE_MASK;
  return putInt31(target, next + 1, received);
}

const rttLabel = labelStamp(" rtt:", tcpInfo.rtt, tcpInfo.rttvar);
const RTT = wordOf(tcpInfo.rtt);
const RTTVAR = wordOf(tcpInfo.rttvar);

/** Writes `rtt`. */
export function putRtt(target: DataView, at: number, info: number): number {
  const rtt = roomWords[info + RTT]!;
  if (rtt === 0) return at;
  const next = putThousandths(target, putStamp(target, at, rttLabel), rtt >>> 0);
  target.setUint8(next, SLASH);
  return putThousandths(target, next + 1, roomWords[info + RTTVAR]! >>> 0);
}

const ssthreshLabel = labelStamp(" ssthresh:", tcpInfo.sndSsthresh);
const SSTHRESH = wordOf(tcpInfo.sndSsthresh);

/** Writes `ssthresh`. */
export function putSsthresh(target: DataView, at: number, info: number): number {
  const value = roomWords[info + SSTHRESH]!;
  if (value <= 0 || value >= SSTHRESH_UNSET) return at;
  return putInt31(target, putStamp(target, at, ssthreshLabel), value);
}

const dctcpLabel = labelStamp(" dctcp:", ...Object.values(dctcpInfo));
/** Bytes of a struct tcp_dctcp_info that are read. */
export const DCTCP_SIZE = layoutSize(dctcpInfo);

/** What DCTCP reports, as text. @param dctcp the index of the first word of its struct */
function dctcpText(dctcp: number): string {
  const u16 = ({ offset }: Field) => roomData.getUint16((dctcp << 2) + offset, true);
  const u32 = (field: Field) => roomWords[dctcp + wordOf(field)]! >>> 0;
  if (u16(dctcpInfo.enabled) === 0) return "fallback_mode";
  const [ceState, alpha] = [u16(dctcpInfo.ceState), u32(dctcpInfo.alpha)];
  return `(ce_state:${ceState},alpha:${alpha},ab_ecn:${u32(dctcpInfo.abEcn)},ab_tot:${u32(dctcpInfo.abTot)})`;
}

/** Writes `dctcp`. */
export function putDctcp(target: DataView, at: number, _info: number, { dctcp }: ConnectionFacts): number {
  return dctcp === 0 ? at : putAscii(target, putStamp(target, at, dctcpLabel), dctcpText(dctcp));
}

const minRttLabel = labelStamp(",mrtt:", bbrInfo.minRtt);
const pacingGainLabel = labelStamp(",pacing_gain:", bbrInfo.pacingGain);
const cwndGainLabel = labelStamp(",cwnd_gain:", bbrInfo.cwndGain);

/** The fractions of a gain that is below this are written by arithmetic. */
const PLAIN_GAIN = 1_000_000 << 8;

/** Writes a gain in 256ths, unless it is 0. */
function putGain(target: DataView, at: number, label: Stamp, gain: number): number {
  if (gain === 0) return at;
  const next = putStamp(target, at, label);
  if (gain > 0 && gain < PLAIN_GAIN && (gain & 0xff) === 0) return putInt31(target, next, gain >> 8);
  return putAscii(target, next, gainText(gain));
}

/** BBR has a handful of gains, which every row repeats. */
const GAINS = 64;
const gains = new Map<number, string>();

function gainText(gain: number): string {
  let text = gains.get(gain);
  if (text === undefined) {
    text = formatGeneral((gain >>> 0) / 256, 6);
    if (gains.size < GAINS) gains.set(gain, text);
  }
  return text;
}

const bbrLabel = labelStamp(" bbr:(bw:", bbrInfo.bandwidth);
/** Bytes of a struct tcp_bbr_info that are read. */
export const BBR_SIZE = layoutSize(bbrInfo);
const BBR_BANDWIDTH = wordOf(bbrInfo.bandwidth);
const BBR_MIN_RTT = wordOf(bbrInfo.minRtt);
const BBR_PACING_GAIN = wordOf(bbrInfo.pacingGain);
const BBR_CWND_GAIN = wordOf(bbrInfo.cwndGain);

/** Writes `bbr`. */
export function putBbr(
  target: DataView,
  at: number,
  _info: number,
  { bbr }: ConnectionFacts,
  numeric: boolean,
): number {
  if (bbr === 0) return at;
  let next = putStamp(target, at, bbrLabel);
  next = putBandwidth(target, next, number64(bbr + BBR_BANDWIDTH) * 8, numeric);
  next = putStamp(target, putStamp(target, next, bps), minRttLabel);
  next = putThousandths(target, next, roomWords[bbr + BBR_MIN_RTT]! >>> 0);
  next = putGain(target, next, pacingGainLabel, roomWords[bbr + BBR_PACING_GAIN]!);
  next = putGain(target, next, cwndGainLabel, roomWords[bbr + BBR_CWND_GAIN]!);
  target.setUint8(next, CLOSE);
  return next + 1;
}

/** Bytes of a struct tcpvegas_info that are read. */
export const VEGAS_SIZE = layoutSize(vegasInfo);
const VEGAS_ENABLED = wordOf(vegasInfo.enabled);
const VEGAS_RTT = wordOf(vegasInfo.rtt);

/** The round trip time that TCP Vegas has measured, if it is in control, as a signed number; 0 otherwise. */
function vegasRtt(vegas: number): number {
  if (roomWords[vegas + VEGAS_ENABLED] === 0) return 0;
  const rtt = roomWords[vegas + VEGAS_RTT]!;
  return rtt === VEGAS_NO_RTT ? 0 : rtt;
}

const MSS = wordOf(tcpInfo.sndMss);
const WINDOW = wordOf(tcpInfo.sndCwnd);
const sendLabel = labelStamp(" send ");

/** Writes `send`. */
export function putSend(
  target: DataView,
  at: number,
  info: number,
  { vegas }: ConnectionFacts,
  numeric: boolean,
): number {
  const rtt = (vegas === 0 ? 0 : vegasRtt(vegas)) || roomWords[info + RTT]!;
  const mss = roomWords[info + MSS]!;
  const window = roomWords[info + WINDOW]!;
  if (rtt === 0 || mss === 0 || window === 0) return at;
  const rate = ((window >>> 0) * (mss >>> 0) * 8_000_000) / (rtt >>> 0);
  return putStamp(target, putBandwidth(target, putStamp(target, at, sendLabel), rate, numeric), bps);
}

/**
 * Writes a rate in bytes per second as bits per second.
 *
 * @param before what stands before it
 * @param word the index of its first word in the room
 * @returns `at` if it is 0 or all ones: the latter means that there is no limit, and a double cannot tell it from a
 *   little less
 */
function putLimit(target: DataView, at: number, before: Stamp, word: number, numeric: boolean): number {
  const low = roomWords[word]!;
  const high = roomWords[word + 1]!;
  if ((low | high) === 0 || (low & high) === -1) return at;
  const rate = (high === 0 ? low >>> 0 : (high >>> 0) * 2 ** 32 + (low >>> 0)) * 8;
  return putStamp(target, putBandwidth(target, putStamp(target, at, before), rate, numeric), bps);
}

const slash = stamp("/");

const pacingRateLabel = labelStamp(" pacing_rate ", tcpInfo.pacingRate, tcpInfo.maxPacingRate);
const PACING_RATE = wordOf(tcpInfo.pacingRate);
const MAX_PACING_RATE = wordOf(tcpInfo.maxPacingRate);

/** Writes `pacingRate`. */
export function putPacingRate(
  target: DataView,
  at: number,
  info: number,
  _facts: ConnectionFacts,
  numeric: boolean,
): number {
  const next = putLimit(target, at, pacingRateLabel, info + PACING_RATE, numeric);
  if (next === at) return at;
  return putLimit(target, next, slash, info + MAX_PACING_RATE, numeric);
}

const deliveryRateLabel = labelStamp(" delivery_rate ", tcpInfo.deliveryRate);
const DELIVERY_RATE = wordOf(tcpInfo.deliveryRate);

/** Writes `deliveryRate`. */
export function putDeliveryRate(
  target: DataView,
  at: number,
  info: number,
  _facts: ConnectionFacts,
  numeric: boolean,
): number {
  const rate = number64(info + DELIVERY_RATE);
  if (rate === 0) return at;
  return putStamp(
    target,
    putBandwidth(target, putStamp(target, at, deliveryRateLabel), rate * 8, numeric),
    bps,
  );
}

const rwndLimitedLabel = labelStamp(" rwnd_limited:", tcpInfo.rwndLimited);
const sndbufLimitedLabel = labelStamp(" sndbuf_limited:", tcpInfo.sndbufLimited);
const BUSY = wordOf(tcpInfo.busyTime);
const RWND_LIMITED = wordOf(tcpInfo.rwndLimited);
const SNDBUF_LIMITED = wordOf(tcpInfo.sndbufLimited);

const busyLabel = labelStamp(" busy:", tcpInfo.busyTime);

/** Writes `busy`. */
export function putBusy(target: DataView, at: number, info: number): number {
  const busyTime = number64(info + BUSY);
  if (busyTime === 0) return at;
  let next = putWholeMs(target, putStamp(target, at, busyLabel), info + BUSY);
  next = putLimited(target, next, rwndLimitedLabel, info + RWND_LIMITED, busyTime);
  return putLimited(target, next, sndbufLimitedLabel, info + SNDBUF_LIMITED, busyTime);
}

/** Writes a part of the busy time in milliseconds and percent, unless it is 0. */
function putLimited(target: DataView, at: number, label: Stamp, word: number, busyTime: number): number {
  const time = number64(word);
  if (time === 0) return at;
  const next = putWholeMs(target, putStamp(target, at, label), word);
  target.setUint8(next, OPEN);
  return putStamp(target, putFixed1(target, next + 1, (100 * time) / busyTime), percentClose);
}

/** Writes the 64-bit number of microseconds whose first word is given in whole milliseconds, exactly. */
function putWholeMs(target: DataView, at: number, word: number): number {
  const next =
    roomWords[word + 1] === 0
      ? putUnsigned(target, at, Math.floor((roomWords[word]! >>> 0) / 1000))
      : putAscii(target, at, String(roomData.getBigUint64(word << 2, true) / 1000n));
  return putStamp(target, next, wholeMs);
}

const retransLabel = labelStamp(" retrans:", tcpInfo.retrans, tcpInfo.totalRetrans);
const RETRANS = wordOf(tcpInfo.retrans);
const TOTAL_RETRANS = wordOf(tcpInfo.totalRetrans);

/** Writes `retrans`. */
export function putRetrans(target: DataView, at: number, info: number): number {
  const now = roomWords[info + RETRANS]!;
  const total = roomWords[info + TOTAL_RETRANS]!;
  if ((now | total) === 0) return at;
  const next = putUint32(target, putStamp(target, at, retransLabel), now);
  target.setUint8(next, SLASH);
  return putUint32(target, next + 1, total);
}

const sackedLabel = labelStamp(" sacked:", tcpInfo.sacked);
const SACKED = wordOf(tcpInfo.sacked);

/** Writes `sacked`. */
export function putSacked(
  target: DataView,
  at: number,
  info: number,
  { stateNumber }: ConnectionFacts,
): number {
  const value = roomWords[info + SACKED]!;
  if (value === 0 || stateNumber === SS_LISTEN) return at;
  return putUint32(target, putStamp(target, at, sackedLabel), value);
}

const reorderingLabel = labelStamp(" reordering:", tcpInfo.reordering);
const REORDERING = wordOf(tcpInfo.reordering);

/** Writes `reordering`. */
export function putReordering(target: DataView, at: number, info: number): number {
  const value = roomWords[info + REORDERING]!;
  if (value === REORDERING_DEFAULT) return at;
  return putInt32(target, putStamp(target, at, reorderingLabel), value);
}

keepOutOfLastTier(putLimit, putLimited, putWholeMs, putGain, number64, vegasRtt);
keepOutOfLastTier(putCongestion, putWscale, putRtt, putSsthresh, putDctcp, putBbr);
keepOutOfLastTier(putSend, putPacingRate, putDeliveryRate, putBusy, putRetrans, putSacked);
keepOutOfLastTier(putReordering);
