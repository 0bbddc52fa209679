/** The words of `-i` that take more than one field of a struct tcp_info. */
import { keepOutOfLastTier } from "#libc";
import { formatGeneral } from "../../../bytes/decimal.ts";
import type { Field } from "../../../bytes/layout.ts";
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
import { SS_LISTEN } from "../../../model/state.ts";
import { NLA_HDRLEN } from "../../../netlink/constants.ts";
import { labelStamp } from "../../../table/labels.ts";
import { putBandwidth } from "../../../table/units.ts";
import { bbrInfo, dctcpInfo, vegasInfo } from "../layouts/congestion.ts";
import { tcpInfo } from "../layouts/tcp-info.ts";

const SLASH = 0x2f;
const COMMA = 0x2c;
const OPEN = 0x28;
const CLOSE = 0x29;
const BLANK = 0x20;
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

/** What else about a connection its words need. Positions are those of attributes' payloads; 0 if one was not sent. */
export interface ConnectionFacts {
  stateNumber: number;
  /** Name of the congestion control. */
  congestion: number;
  vegas: number;
  dctcp: number;
  bbr: number;
}

/**
 * Writes an item that needs more than one field, or tests its value in a way of its own.
 *
 * @param at the position in `target`
 * @param base where the struct tcp_info begins in `data`
 * @param length bytes of it that were sent
 * @param numeric whether rates are whole numbers
 * @returns the position behind it
 */
export type SpecialWriter = (
  target: DataView,
  at: number,
  data: DataView,
  base: number,
  length: number,
  facts: ConnectionFacts,
  numeric: boolean,
) => number;

/** A 32-bit field as a signed number; 0 if it was not sent. */
function bits32(data: DataView, base: number, length: number, offset: number): number {
  return length < offset + 4 ? 0 : data.getInt32(base + offset, true);
}

/** A 64-bit field, rounded to a double; 0 if it was not sent. */
function number64(data: DataView, base: number, length: number, offset: number): number {
  if (length < offset + 8) return 0;
  const low = data.getInt32(base + offset, true);
  const high = data.getInt32(base + offset + 4, true);
  return high === 0 ? low >>> 0 : (high >>> 0) * 2 ** 32 + (low >>> 0);
}

/** Bytes of the payload of an attribute. */
function payloadLength(data: DataView, payload: number): number {
  return data.getUint16(payload - NLA_HDRLEN, true) - NLA_HDRLEN;
}

/** Writes `congestion`. */
export function putCongestion(
  target: DataView,
  at: number,
  data: DataView,
  _base: number,
  _length: number,
  { congestion }: ConnectionFacts,
): number {
  if (congestion === 0) return at;
  const limit = Math.min(payloadLength(data, congestion), CONGESTION_NAME_LIMIT);
  let next = at + 1;
  for (let index = 0; index < limit; index++) {
    const byte = data.getUint8(congestion + index);
    if (byte === 0) break;
    target.setUint8(next++, byte);
  }
  if (next === at + 1) return at;
  target.setUint8(at, BLANK);
  return next;
}

/** The bits of a field of one byte. */
function bitField(data: DataView, base: number, length: number, { offset, bits }: BitField): number {
  return length <= offset ? 0 : (data.getUint8(base + offset) >>> bits[0]) & ((1 << bits[1]) - 1);
}

type BitField = Field & Required<Pick<Field, "bits">>;

const wscaleLabel = labelStamp(" wscale:", tcpInfo.sndWscale, tcpInfo.rcvWscale);

/** Writes `wscale`. */
export function putWscale(
  target: DataView,
  at: number,
  data: DataView,
  base: number,
  length: number,
): number {
  if (bitField(data, base, length, tcpInfo.wscale) === 0) return at;
  const next = putInt31(
    target,
    putStamp(target, at, wscaleLabel),
    bitField(data, base, length, tcpInfo.sndWscale),
  );
  target.setUint8(next, COMMA);
  return putInt31(target, next + 1, bitField(data, base, length, tcpInfo.rcvWscale));
}

const rttLabel = labelStamp(" rtt:", tcpInfo.rtt, tcpInfo.rttvar);

/** Writes `rtt`. */
export function putRtt(target: DataView, at: number, data: DataView, base: number, length: number): number {
  const rtt = bits32(data, base, length, tcpInfo.rtt.offset);
  if (rtt === 0) return at;
  const next = putThousandths(target, putStamp(target, at, rttLabel), rtt >>> 0);
  target.setUint8(next, SLASH);
  return putThousandths(target, next + 1, bits32(data, base, length, tcpInfo.rttvar.offset) >>> 0);
}

const ssthreshLabel = labelStamp(" ssthresh:", tcpInfo.sndSsthresh);

/** Writes `ssthresh`. */
export function putSsthresh(
  target: DataView,
  at: number,
  data: DataView,
  base: number,
  length: number,
): number {
  const value = bits32(data, base, length, tcpInfo.sndSsthresh.offset);
  if (value <= 0 || value >= SSTHRESH_UNSET) return at;
  return putInt31(target, putStamp(target, at, ssthreshLabel), value);
}

const dctcpLabel = labelStamp(" dctcp:", ...Object.values(dctcpInfo));

/** What DCTCP reports in the `length` bytes at `from`, as text. */
function dctcpText(data: DataView, from: number, length: number): string {
  const u16 = ({ offset }: Field) => (length < offset + 2 ? 0 : data.getUint16(from + offset, true));
  const u32 = ({ offset }: Field) => bits32(data, from, length, offset) >>> 0;
  if (u16(dctcpInfo.enabled) === 0) return "fallback_mode";
  const [ceState, alpha] = [u16(dctcpInfo.ceState), u32(dctcpInfo.alpha)];
  return `(ce_state:${ceState},alpha:${alpha},ab_ecn:${u32(dctcpInfo.abEcn)},ab_tot:${u32(dctcpInfo.abTot)})`;
}

/** Writes `dctcp`. */
export function putDctcp(
  target: DataView,
  at: number,
  data: DataView,
  _base: number,
  _length: number,
  { dctcp }: ConnectionFacts,
): number {
  if (dctcp === 0) return at;
  const text = dctcpText(data, dctcp, payloadLength(data, dctcp));
  return putAscii(target, putStamp(target, at, dctcpLabel), text);
}

const minRttLabel = labelStamp(",mrtt:", bbrInfo.minRtt);
const pacingGainLabel = labelStamp(",pacing_gain:", bbrInfo.pacingGain);
const cwndGainLabel = labelStamp(",cwnd_gain:", bbrInfo.cwndGain);

/** BBR has a handful of gains, which every row repeats. */
const GAINS = 64;
const gains = new Map<number, string>();

/** Writes a gain in 256ths, unless it is 0. */
function putGain(target: DataView, at: number, label: Stamp, gain: number): number {
  if (gain === 0) return at;
  let text = gains.get(gain);
  if (text === undefined) {
    text = formatGeneral((gain >>> 0) / 256, 6);
    if (gains.size < GAINS) gains.set(gain, text);
  }
  return putAscii(target, putStamp(target, at, label), text);
}

const bbrLabel = labelStamp(" bbr:(bw:", bbrInfo.bandwidth);

/** Writes `bbr`. */
export function putBbr(
  target: DataView,
  at: number,
  data: DataView,
  _base: number,
  _length: number,
  { bbr }: ConnectionFacts,
  numeric: boolean,
): number {
  if (bbr === 0) return at;
  const length = payloadLength(data, bbr);
  let next = putStamp(target, at, bbrLabel);
  next = putBandwidth(target, next, number64(data, bbr, length, bbrInfo.bandwidth.offset) * 8, numeric);
  next = putStamp(target, putStamp(target, next, bps), minRttLabel);
  next = putThousandths(target, next, bits32(data, bbr, length, bbrInfo.minRtt.offset) >>> 0);
  next = putGain(target, next, pacingGainLabel, bits32(data, bbr, length, bbrInfo.pacingGain.offset));
  next = putGain(target, next, cwndGainLabel, bits32(data, bbr, length, bbrInfo.cwndGain.offset));
  target.setUint8(next, CLOSE);
  return next + 1;
}

/** The round trip time that TCP Vegas has measured, if it is in control, as a signed number; 0 otherwise. */
function vegasRtt(data: DataView, vegas: number): number {
  const length = payloadLength(data, vegas);
  if (bits32(data, vegas, length, vegasInfo.enabled.offset) === 0) return 0;
  const rtt = bits32(data, vegas, length, vegasInfo.rtt.offset);
  return rtt === VEGAS_NO_RTT ? 0 : rtt;
}

const sendLabel = labelStamp(" send ");

/** Writes `send`. */
export function putSend(
  target: DataView,
  at: number,
  data: DataView,
  base: number,
  length: number,
  { vegas }: ConnectionFacts,
  numeric: boolean,
): number {
  const rtt = (vegas === 0 ? 0 : vegasRtt(data, vegas)) || bits32(data, base, length, tcpInfo.rtt.offset);
  const mss = bits32(data, base, length, tcpInfo.sndMss.offset);
  const window = bits32(data, base, length, tcpInfo.sndCwnd.offset);
  if (rtt === 0 || mss === 0 || window === 0) return at;
  const rate = ((window >>> 0) * (mss >>> 0) * 8_000_000) / (rtt >>> 0);
  return putStamp(target, putBandwidth(target, putStamp(target, at, sendLabel), rate, numeric), bps);
}

/**
 * Writes a rate in bytes per second as bits per second.
 *
 * @param before what stands before it
 * @returns `at` if it was not sent, or is 0 or all ones: the latter means that there is no limit, and a double cannot
 *   tell it from a little less
 */
function putLimit(
  target: DataView,
  at: number,
  before: Stamp,
  data: DataView,
  base: number,
  length: number,
  offset: number,
  numeric: boolean,
): number {
  if (length < offset + 8) return at;
  const low = data.getInt32(base + offset, true);
  const high = data.getInt32(base + offset + 4, true);
  if ((low | high) === 0 || (low & high) === -1) return at;
  const rate = (high === 0 ? low >>> 0 : (high >>> 0) * 2 ** 32 + (low >>> 0)) * 8;
  return putStamp(target, putBandwidth(target, putStamp(target, at, before), rate, numeric), bps);
}

const slash = stamp("/");

const pacingRateLabel = labelStamp(" pacing_rate ", tcpInfo.pacingRate, tcpInfo.maxPacingRate);

/** Writes `pacingRate`. */
export function putPacingRate(
  target: DataView,
  at: number,
  data: DataView,
  base: number,
  length: number,
  _facts: ConnectionFacts,
  numeric: boolean,
): number {
  const next = putLimit(target, at, pacingRateLabel, data, base, length, tcpInfo.pacingRate.offset, numeric);
  if (next === at) return at;
  return putLimit(target, next, slash, data, base, length, tcpInfo.maxPacingRate.offset, numeric);
}

const deliveryRateLabel = labelStamp(" delivery_rate ", tcpInfo.deliveryRate);

/** Writes `deliveryRate`. */
export function putDeliveryRate(
  target: DataView,
  at: number,
  data: DataView,
  base: number,
  length: number,
  _facts: ConnectionFacts,
  numeric: boolean,
): number {
  const rate = number64(data, base, length, tcpInfo.deliveryRate.offset);
  if (rate === 0) return at;
  return putStamp(
    target,
    putBandwidth(target, putStamp(target, at, deliveryRateLabel), rate * 8, numeric),
    bps,
  );
}

const rwndLimitedLabel = labelStamp(" rwnd_limited:", tcpInfo.rwndLimited);
const sndbufLimitedLabel = labelStamp(" sndbuf_limited:", tcpInfo.sndbufLimited);

const busyLabel = labelStamp(" busy:", tcpInfo.busyTime);

/** Writes `busy`. */
export function putBusy(target: DataView, at: number, data: DataView, base: number, length: number): number {
  const busyTime = number64(data, base, length, tcpInfo.busyTime.offset);
  if (busyTime === 0) return at;
  let next = putWholeMs(target, putStamp(target, at, busyLabel), data, base + tcpInfo.busyTime.offset);
  next = putLimited(target, next, rwndLimitedLabel, data, base, length, tcpInfo.rwndLimited.offset, busyTime);
  return putLimited(
    target,
    next,
    sndbufLimitedLabel,
    data,
    base,
    length,
    tcpInfo.sndbufLimited.offset,
    busyTime,
  );
}

/** Writes a part of the busy time in milliseconds and percent, unless it is 0. */
function putLimited(
  target: DataView,
  at: number,
  label: Stamp,
  data: DataView,
  base: number,
  length: number,
  offset: number,
  busyTime: number,
): number {
  const time = number64(data, base, length, offset);
  if (time === 0) return at;
  const next = putWholeMs(target, putStamp(target, at, label), data, base + offset);
  target.setUint8(next, OPEN);
  return putStamp(target, putFixed1(target, next + 1, (100 * time) / busyTime), percentClose);
}

/** Writes the 64-bit number of microseconds at `from` in whole milliseconds, exactly. */
function putWholeMs(target: DataView, at: number, data: DataView, from: number): number {
  const high = data.getInt32(from + 4, true);
  const next =
    high === 0
      ? putUnsigned(target, at, Math.floor((data.getInt32(from, true) >>> 0) / 1000))
      : putAscii(target, at, String(data.getBigUint64(from, true) / 1000n));
  return putStamp(target, next, wholeMs);
}

const retransLabel = labelStamp(" retrans:", tcpInfo.retrans, tcpInfo.totalRetrans);

/** Writes `retrans`. */
export function putRetrans(
  target: DataView,
  at: number,
  data: DataView,
  base: number,
  length: number,
): number {
  const now = bits32(data, base, length, tcpInfo.retrans.offset);
  const total = bits32(data, base, length, tcpInfo.totalRetrans.offset);
  if ((now | total) === 0) return at;
  const next = putUint32(target, putStamp(target, at, retransLabel), now);
  target.setUint8(next, SLASH);
  return putUint32(target, next + 1, total);
}

const sackedLabel = labelStamp(" sacked:", tcpInfo.sacked);

/** Writes `sacked`. */
export function putSacked(
  target: DataView,
  at: number,
  data: DataView,
  base: number,
  length: number,
  { stateNumber }: ConnectionFacts,
): number {
  const value = bits32(data, base, length, tcpInfo.sacked.offset);
  if (value === 0 || stateNumber === SS_LISTEN) return at;
  return putUint32(target, putStamp(target, at, sackedLabel), value);
}

const reorderingLabel = labelStamp(" reordering:", tcpInfo.reordering);

/** Writes `reordering`. */
export function putReordering(
  target: DataView,
  at: number,
  data: DataView,
  base: number,
  length: number,
): number {
  const value = bits32(data, base, length, tcpInfo.reordering.offset);
  if (value === REORDERING_DEFAULT) return at;
  return putInt32(target, putStamp(target, at, reorderingLabel), value);
}

keepOutOfLastTier(
  putLimit,
  putLimited,
  putWholeMs,
  putGain,
  bitField,
  bits32,
  number64,
  payloadLength,
  vegasRtt,
);
keepOutOfLastTier(putCongestion, putWscale, putRtt, putSsthresh, putDctcp, putBbr);
keepOutOfLastTier(putSend, putPacingRate, putDeliveryRate, putBusy, putRetrans, putSacked);
keepOutOfLastTier(putReordering);
