/** Writes the words of a struct tcp_info. Made from tcp-info-items.ts by `npm run generate`; not to be edited. */
import { keepOutOfLastTier } from "#libc";
import { putInt31, putInt32, putThousandths, putUint32, putUint64 } from "../../../bytes/put.ts";
import { roomWords } from "../../../bytes/room.ts";
import {
  type ConnectionFacts,
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
} from "./tcp-info-specials.ts";

/** Bytes of a struct tcp_info that are read; what was not sent of them must be 0. */
export const TCP_INFO_SIZE = 240;

function putOptions(
  target: DataView,
  at: number,
  info: number,
  _facts: ConnectionFacts,
  _numeric: boolean,
): number {
  let next = at;
  // " ts"
  if ((roomWords[info + 1]! & 256) !== 0) {
    target.setFloat64(next + 0, 6.013470024234159e-154, true);
    next += 3;
  }
  // " usec_ts"
  if ((roomWords[info + 1]! & 16384) !== 0) {
    target.setFloat64(next + 0, 1.4244366023021065e248, true);
    next += 8;
  }
  // " sack"
  if ((roomWords[info + 1]! & 512) !== 0) {
    target.setFloat64(next + 0, 6.013898281599206e-154, true);
    next += 5;
  }
  // " ecn"
  if ((roomWords[info + 1]! & 2048) !== 0) {
    target.setFloat64(next + 0, 6.013471756591672e-154, true);
    next += 4;
  }
  // " ecnseen"
  if ((roomWords[info + 1]! & 4096) !== 0) {
    target.setFloat64(next + 0, 6.187359123443874e223, true);
    next += 8;
  }
  // " fastopen"
  if ((roomWords[info + 1]! & 8192) !== 0) {
    target.setFloat64(next + 0, 4.262426648686822e180, true);
    target.setFloat64(next + 8, 6.013470016999172e-154, true);
    next += 9;
  }
  return next;
}

function putWords0(
  target: DataView,
  at: number,
  info: number,
  facts: ConnectionFacts,
  _numeric: boolean,
): number {
  let next = at;
  let value = 0;
  next = putCongestion(target, next, info, facts);
  next = putWscale(target, next, info);
  // " rto:"
  value = roomWords[info + 2]!;
  if (value !== 0 && value !== 3000000) {
    target.setFloat64(next + 0, 6.013619727122085e-154, true);
    next += 5;
    next = putThousandths(target, next, value >>> 0);
  }
  // " backoff:"
  value = (roomWords[info + 1]! >>> 0) & 255;
  if (value !== 0) {
    target.setFloat64(next + 0, 1.9065926857877215e185, true);
    target.setFloat64(next + 8, 6.013470016999103e-154, true);
    next += 9;
    next = putInt31(target, next, value);
  }
  next = putRtt(target, next, info);
  // " ato:"
  value = roomWords[info + 3]!;
  if (value !== 0) {
    target.setFloat64(next + 0, 6.013619727116319e-154, true);
    next += 5;
    next = putThousandths(target, next, value >>> 0);
  }
  // " mss:"
  value = roomWords[info + 4]!;
  if (value !== 0) {
    target.setFloat64(next + 0, 6.013619815943913e-154, true);
    next += 5;
    next = value >= 0 ? putInt31(target, next, value) : putInt32(target, next, value);
  }
  // " pmtu:"
  value = roomWords[info + 15]!;
  if (value !== 0) {
    target.setFloat64(next + 0, 6.051829949658707e-154, true);
    next += 6;
    next = value >= 0 ? putInt31(target, next, value) : putUint32(target, next, value);
  }
  return next;
}

function putWords1(
  target: DataView,
  at: number,
  info: number,
  _facts: ConnectionFacts,
  _numeric: boolean,
): number {
  let next = at;
  let value = 0;
  let high = 0;
  // " rcvmss:"
  value = roomWords[info + 5]!;
  if (value !== 0) {
    target.setFloat64(next + 0, 3.928075754326972e-27, true);
    next += 8;
    next = value >= 0 ? putInt31(target, next, value) : putInt32(target, next, value);
  }
  // " advmss:"
  value = roomWords[info + 21]!;
  if (value !== 0) {
    target.setFloat64(next + 0, 3.928075754370869e-27, true);
    next += 8;
    next = value >= 0 ? putInt31(target, next, value) : putInt32(target, next, value);
  }
  // " cwnd:"
  value = roomWords[info + 20]!;
  if (value !== 0) {
    target.setFloat64(next + 0, 6.05173308269626e-154, true);
    next += 6;
    next = value >= 0 ? putInt31(target, next, value) : putUint32(target, next, value);
  }
  next = putSsthresh(target, next, info);
  // " bytes_sent:"
  value = roomWords[info + 50]!;
  high = roomWords[info + 51]!;
  if ((value | high) !== 0) {
    target.setFloat64(next + 0, 5.4975310632902503e247, true);
    target.setFloat64(next + 8, 6.013470602236317e-154, true);
    next += 12;
    next = putUint64(target, next, value, high);
  }
  // " bytes_retrans:"
  value = roomWords[info + 52]!;
  high = roomWords[info + 53]!;
  if ((value | high) !== 0) {
    target.setFloat64(next + 0, 8.388566685928727e242, true);
    target.setFloat64(next + 8, 1.9727984740910005e-153, true);
    next += 15;
    next = putUint64(target, next, value, high);
  }
  // " bytes_acked:"
  value = roomWords[info + 30]!;
  high = roomWords[info + 31]!;
  if ((value | high) !== 0) {
    target.setFloat64(next + 0, 1.1054241307881239e161, true);
    target.setFloat64(next + 8, 6.01361948131394e-154, true);
    next += 13;
    next = putUint64(target, next, value, high);
  }
  // " bytes_received:"
  value = roomWords[info + 32]!;
  high = roomWords[info + 33]!;
  if ((value | high) !== 0) {
    target.setFloat64(next + 0, 8.388566685928727e242, true);
    target.setFloat64(next + 8, 2.059503835195591e-27, true);
    next += 16;
    next = putUint64(target, next, value, high);
  }
  return next;
}

function putWords2(
  target: DataView,
  at: number,
  info: number,
  facts: ConnectionFacts,
  numeric: boolean,
): number {
  let next = at;
  let value = 0;
  // " segs_out:"
  value = roomWords[info + 34]!;
  if (value !== 0) {
    target.setFloat64(next + 0, 4.71064468860011e257, true);
    target.setFloat64(next + 8, 6.013470017007998e-154, true);
    next += 10;
    next = value >= 0 ? putInt31(target, next, value) : putUint32(target, next, value);
  }
  // " segs_in:"
  value = roomWords[info + 35]!;
  if (value !== 0) {
    target.setFloat64(next + 0, 7.337297486913309e223, true);
    target.setFloat64(next + 8, 6.013470016999103e-154, true);
    next += 9;
    next = value >= 0 ? putInt31(target, next, value) : putUint32(target, next, value);
  }
  // " data_segs_out:"
  value = roomWords[info + 39]!;
  if (value !== 0) {
    target.setFloat64(next + 0, 5.024176599676697e180, true);
    target.setFloat64(next + 8, 1.973097843800408e-153, true);
    next += 15;
    next = value >= 0 ? putInt31(target, next, value) : putUint32(target, next, value);
  }
  // " data_segs_in:"
  value = roomWords[info + 38]!;
  if (value !== 0) {
    target.setFloat64(next + 0, 5.024176599676697e180, true);
    target.setFloat64(next + 8, 6.051789872103994e-154, true);
    next += 14;
    next = value >= 0 ? putInt31(target, next, value) : putUint32(target, next, value);
  }
  next = putDctcp(target, next, info, facts);
  next = putBbr(target, next, info, facts, numeric);
  next = putSend(target, next, info, facts, numeric);
  // " lastsnd:"
  value = roomWords[info + 11]!;
  if (value !== 0) {
    target.setFloat64(next + 0, 6.0251655828528145e175, true);
    target.setFloat64(next + 8, 6.013470016999103e-154, true);
    next += 9;
    next = value >= 0 ? putInt31(target, next, value) : putUint32(target, next, value);
  }
  return next;
}

function putWords3(
  target: DataView,
  at: number,
  info: number,
  facts: ConnectionFacts,
  numeric: boolean,
): number {
  let next = at;
  let value = 0;
  // " lastrcv:"
  value = roomWords[info + 13]!;
  if (value !== 0) {
    target.setFloat64(next + 0, 1.9136426923439868e262, true);
    target.setFloat64(next + 8, 6.013470016999103e-154, true);
    next += 9;
    next = value >= 0 ? putInt31(target, next, value) : putUint32(target, next, value);
  }
  // " lastack:"
  value = roomWords[info + 14]!;
  if (value !== 0) {
    target.setFloat64(next + 0, 1.991113812827037e209, true);
    target.setFloat64(next + 8, 6.013470016999103e-154, true);
    next += 9;
    next = value >= 0 ? putInt31(target, next, value) : putUint32(target, next, value);
  }
  next = putPacingRate(target, next, info, facts, numeric);
  next = putDeliveryRate(target, next, info, facts, numeric);
  // " delivered:"
  value = roomWords[info + 48]!;
  if (value !== 0) {
    target.setFloat64(next + 0, 1.1449005390900995e243, true);
    target.setFloat64(next + 8, 6.013470019279713e-154, true);
    next += 11;
    next = value >= 0 ? putInt31(target, next, value) : putUint32(target, next, value);
  }
  // " delivered_ce:"
  value = roomWords[info + 49]!;
  if (value !== 0) {
    target.setFloat64(next + 0, 1.1449005390900995e243, true);
    target.setFloat64(next + 8, 6.051738526371791e-154, true);
    next += 14;
    next = value >= 0 ? putInt31(target, next, value) : putUint32(target, next, value);
  }
  // " app_limited"
  if ((roomWords[info + 1]! & 16777216) !== 0) {
    target.setFloat64(next + 0, 1.1218100379830925e219, true);
    target.setFloat64(next + 8, 6.013471534494634e-154, true);
    next += 12;
  }
  next = putBusy(target, next, info);
  return next;
}

function putWords4(
  target: DataView,
  at: number,
  info: number,
  facts: ConnectionFacts,
  _numeric: boolean,
): number {
  let next = at;
  let value = 0;
  // " unacked:"
  value = roomWords[info + 6]!;
  if (value !== 0) {
    target.setFloat64(next + 0, 4.238151894635785e175, true);
    target.setFloat64(next + 8, 6.013470016999103e-154, true);
    next += 9;
    next = value >= 0 ? putInt31(target, next, value) : putUint32(target, next, value);
  }
  next = putRetrans(target, next, info);
  // " lost:"
  value = roomWords[info + 8]!;
  if (value !== 0) {
    target.setFloat64(next + 0, 6.051824237341017e-154, true);
    next += 6;
    next = value >= 0 ? putInt31(target, next, value) : putUint32(target, next, value);
  }
  next = putSacked(target, next, info, facts);
  // " dsack_dups:"
  value = roomWords[info + 54]!;
  if (value !== 0) {
    target.setFloat64(next + 0, 3.1083975533239533e175, true);
    target.setFloat64(next + 8, 6.01347060215019e-154, true);
    next += 12;
    next = value >= 0 ? putInt31(target, next, value) : putUint32(target, next, value);
  }
  // " fackets:"
  value = roomWords[info + 10]!;
  if (value !== 0) {
    target.setFloat64(next + 0, 1.4260838599586053e248, true);
    target.setFloat64(next + 8, 6.013470016999103e-154, true);
    next += 9;
    next = value >= 0 ? putInt31(target, next, value) : putUint32(target, next, value);
  }
  next = putReordering(target, next, info);
  // " reord_seen:"
  value = roomWords[info + 55]!;
  if (value !== 0) {
    target.setFloat64(next + 0, 5.487323613891112e247, true);
    target.setFloat64(next + 8, 6.013470601712305e-154, true);
    next += 12;
    next = value >= 0 ? putInt31(target, next, value) : putInt32(target, next, value);
  }
  return next;
}

function putWords5(
  target: DataView,
  at: number,
  info: number,
  _facts: ConnectionFacts,
  _numeric: boolean,
): number {
  let next = at;
  let value = 0;
  // " rcv_rtt:"
  value = roomWords[info + 23]!;
  if (value !== 0) {
    target.setFloat64(next + 0, 9.369168910169585e252, true);
    target.setFloat64(next + 8, 6.013470016999103e-154, true);
    next += 9;
    next = putThousandths(target, next, value >>> 0);
  }
  // " rcv_space:"
  value = roomWords[info + 24]!;
  if (value !== 0) {
    target.setFloat64(next + 0, 2.3128178265064193e161, true);
    target.setFloat64(next + 8, 6.013470019280049e-154, true);
    next += 11;
    next = value >= 0 ? putInt31(target, next, value) : putInt32(target, next, value);
  }
  // " rcv_ssthresh:"
  value = roomWords[info + 16]!;
  if (value !== 0) {
    target.setFloat64(next + 0, 8.91273637896889e252, true);
    target.setFloat64(next + 8, 6.051755953326098e-154, true);
    next += 14;
    next = value >= 0 ? putInt31(target, next, value) : putUint32(target, next, value);
  }
  // " notsent:"
  value = roomWords[info + 36]!;
  if (value !== 0) {
    target.setFloat64(next + 0, 6.964132106372038e252, true);
    target.setFloat64(next + 8, 6.013470016999103e-154, true);
    next += 9;
    next = value >= 0 ? putInt31(target, next, value) : putUint32(target, next, value);
  }
  // " minrtt:"
  value = roomWords[info + 37]!;
  if (value !== 0 && value !== -1) {
    target.setFloat64(next + 0, 4.13082831839303e-27, true);
    next += 8;
    next = putThousandths(target, next, value >>> 0);
  }
  // " rcv_ooopack:"
  value = roomWords[info + 56]!;
  if (value !== 0) {
    target.setFloat64(next + 0, 5.9574565997474206e228, true);
    target.setFloat64(next + 8, 6.013619636730025e-154, true);
    next += 13;
    next = value >= 0 ? putInt31(target, next, value) : putUint32(target, next, value);
  }
  // " snd_wnd:"
  value = roomWords[info + 57]!;
  if (value !== 0) {
    target.setFloat64(next + 0, 6.028193633998158e175, true);
    target.setFloat64(next + 8, 6.013470016999103e-154, true);
    next += 9;
    next = value >= 0 ? putInt31(target, next, value) : putUint32(target, next, value);
  }
  // " rcv_wnd:"
  value = roomWords[info + 58]!;
  if (value !== 0) {
    target.setFloat64(next + 0, 6.0281938457766065e175, true);
    target.setFloat64(next + 8, 6.013470016999103e-154, true);
    next += 9;
    next = value >= 0 ? putInt31(target, next, value) : putUint32(target, next, value);
  }
  return next;
}

function putWords6(
  target: DataView,
  at: number,
  info: number,
  _facts: ConnectionFacts,
  _numeric: boolean,
): number {
  let next = at;
  let value = 0;
  // " rehash:"
  value = roomWords[info + 59]!;
  if (value !== 0) {
    target.setFloat64(next + 0, 2.468890283365052e-27, true);
    next += 8;
    next = value >= 0 ? putInt31(target, next, value) : putUint32(target, next, value);
  }
  return next;
}

/**
 * Writes the words of `-i` from a struct tcp_info.
 *
 * @param info the index of the struct's first word in `roomWords`, where {@link TCP_INFO_SIZE} bytes can be read
 * @param timers whether the words that need `-o` are written, too
 * @param numeric whether rates are whole numbers
 * @returns the position behind them
 */
export function putTcpInfo(
  target: DataView,
  at: number,
  info: number,
  facts: ConnectionFacts,
  timers: boolean,
  numeric: boolean,
): number {
  let next = timers ? putOptions(target, at, info, facts, numeric) : at;
  next = putWords0(target, next, info, facts, numeric);
  next = putWords1(target, next, info, facts, numeric);
  next = putWords2(target, next, info, facts, numeric);
  next = putWords3(target, next, info, facts, numeric);
  next = putWords4(target, next, info, facts, numeric);
  next = putWords5(target, next, info, facts, numeric);
  next = putWords6(target, next, info, facts, numeric);
  return next;
}

keepOutOfLastTier(
  putTcpInfo,
  putOptions,
  putWords0,
  putWords1,
  putWords2,
  putWords3,
  putWords4,
  putWords5,
  putWords6,
);
