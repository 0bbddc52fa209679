/** Writes the words of a struct tcp_info. Made from tcp-info-items.ts by `npm run generate`; not to be edited. */
import { keepOutOfLastTier } from "#libc";
import { putInt31, putInt32, putThousandths, putUint32, putUint64 } from "../../../bytes/put.ts";
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

function putOptions(
  target: DataView,
  at: number,
  data: DataView,
  base: number,
  length: number,
  _facts: ConnectionFacts,
  _numeric: boolean,
): number {
  let next = at;
  // " ts"
  if (length >= 6 && (data.getUint8(base + 5) & 1) !== 0) {
    target.setFloat64(next + 0, 6.013470024234159e-154, true);
    next += 3;
  }
  // " usec_ts"
  if (length >= 6 && (data.getUint8(base + 5) & 64) !== 0) {
    target.setFloat64(next + 0, 1.4244366023021065e248, true);
    next += 8;
  }
  // " sack"
  if (length >= 6 && (data.getUint8(base + 5) & 2) !== 0) {
    target.setFloat64(next + 0, 6.013898281599206e-154, true);
    next += 5;
  }
  // " ecn"
  if (length >= 6 && (data.getUint8(base + 5) & 8) !== 0) {
    target.setFloat64(next + 0, 6.013471756591672e-154, true);
    next += 4;
  }
  // " ecnseen"
  if (length >= 6 && (data.getUint8(base + 5) & 16) !== 0) {
    target.setFloat64(next + 0, 6.187359123443874e223, true);
    next += 8;
  }
  // " fastopen"
  if (length >= 6 && (data.getUint8(base + 5) & 32) !== 0) {
    target.setFloat64(next + 0, 4.262426648686822e180, true);
    target.setFloat64(next + 8, 6.013470016999172e-154, true);
    next += 9;
  }
  return next;
}

function putWords0(
  target: DataView,
  at: number,
  data: DataView,
  base: number,
  length: number,
  facts: ConnectionFacts,
  _numeric: boolean,
): number {
  let next = at;
  let value = 0;
  next = putCongestion(target, next, data, base, length, facts);
  next = putWscale(target, next, data, base, length);
  // " rto:"
  if (length >= 12) {
    value = data.getInt32(base + 8, true);
    if (value !== 0 && value !== 3000000) {
      target.setFloat64(next + 0, 6.013619727122085e-154, true);
      next += 5;
      next = putThousandths(target, next, value >>> 0);
    }
  }
  // " backoff:"
  if (length >= 5) {
    value = data.getUint8(base + 4);
    if (value !== 0) {
      target.setFloat64(next + 0, 1.9065926857877215e185, true);
      target.setFloat64(next + 8, 6.013470016999103e-154, true);
      next += 9;
      next = value >= 0 ? putInt31(target, next, value) : putUint32(target, next, value);
    }
  }
  next = putRtt(target, next, data, base, length);
  // " ato:"
  if (length >= 16) {
    value = data.getInt32(base + 12, true);
    if (value !== 0) {
      target.setFloat64(next + 0, 6.013619727116319e-154, true);
      next += 5;
      next = putThousandths(target, next, value >>> 0);
    }
  }
  // " mss:"
  if (length >= 20) {
    value = data.getInt32(base + 16, true);
    if (value !== 0) {
      target.setFloat64(next + 0, 6.013619815943913e-154, true);
      next += 5;
      next = value >= 0 ? putInt31(target, next, value) : putInt32(target, next, value);
    }
  }
  // " pmtu:"
  if (length >= 64) {
    value = data.getInt32(base + 60, true);
    if (value !== 0) {
      target.setFloat64(next + 0, 6.051829949658707e-154, true);
      next += 6;
      next = value >= 0 ? putInt31(target, next, value) : putUint32(target, next, value);
    }
  }
  return next;
}

function putWords1(
  target: DataView,
  at: number,
  data: DataView,
  base: number,
  length: number,
  _facts: ConnectionFacts,
  _numeric: boolean,
): number {
  let next = at;
  let value = 0;
  let high = 0;
  // " rcvmss:"
  if (length >= 24) {
    value = data.getInt32(base + 20, true);
    if (value !== 0) {
      target.setFloat64(next + 0, 3.928075754326972e-27, true);
      next += 8;
      next = value >= 0 ? putInt31(target, next, value) : putInt32(target, next, value);
    }
  }
  // " advmss:"
  if (length >= 88) {
    value = data.getInt32(base + 84, true);
    if (value !== 0) {
      target.setFloat64(next + 0, 3.928075754370869e-27, true);
      next += 8;
      next = value >= 0 ? putInt31(target, next, value) : putInt32(target, next, value);
    }
  }
  // " cwnd:"
  if (length >= 84) {
    value = data.getInt32(base + 80, true);
    if (value !== 0) {
      target.setFloat64(next + 0, 6.05173308269626e-154, true);
      next += 6;
      next = value >= 0 ? putInt31(target, next, value) : putUint32(target, next, value);
    }
  }
  next = putSsthresh(target, next, data, base, length);
  // " bytes_sent:"
  if (length >= 208) {
    value = data.getInt32(base + 200, true);
    high = data.getInt32(base + 200 + 4, true);
    if ((value | high) !== 0) {
      target.setFloat64(next + 0, 5.4975310632902503e247, true);
      target.setFloat64(next + 8, 6.013470602236317e-154, true);
      next += 12;
      next = putUint64(target, next, value, high);
    }
  }
  // " bytes_retrans:"
  if (length >= 216) {
    value = data.getInt32(base + 208, true);
    high = data.getInt32(base + 208 + 4, true);
    if ((value | high) !== 0) {
      target.setFloat64(next + 0, 8.388566685928727e242, true);
      target.setFloat64(next + 8, 1.9727984740910005e-153, true);
      next += 15;
      next = putUint64(target, next, value, high);
    }
  }
  // " bytes_acked:"
  if (length >= 128) {
    value = data.getInt32(base + 120, true);
    high = data.getInt32(base + 120 + 4, true);
    if ((value | high) !== 0) {
      target.setFloat64(next + 0, 1.1054241307881239e161, true);
      target.setFloat64(next + 8, 6.01361948131394e-154, true);
      next += 13;
      next = putUint64(target, next, value, high);
    }
  }
  // " bytes_received:"
  if (length >= 136) {
    value = data.getInt32(base + 128, true);
    high = data.getInt32(base + 128 + 4, true);
    if ((value | high) !== 0) {
      target.setFloat64(next + 0, 8.388566685928727e242, true);
      target.setFloat64(next + 8, 2.059503835195591e-27, true);
      next += 16;
      next = putUint64(target, next, value, high);
    }
  }
  return next;
}

function putWords2(
  target: DataView,
  at: number,
  data: DataView,
  base: number,
  length: number,
  facts: ConnectionFacts,
  numeric: boolean,
): number {
  let next = at;
  let value = 0;
  // " segs_out:"
  if (length >= 140) {
    value = data.getInt32(base + 136, true);
    if (value !== 0) {
      target.setFloat64(next + 0, 4.71064468860011e257, true);
      target.setFloat64(next + 8, 6.013470017007998e-154, true);
      next += 10;
      next = value >= 0 ? putInt31(target, next, value) : putUint32(target, next, value);
    }
  }
  // " segs_in:"
  if (length >= 144) {
    value = data.getInt32(base + 140, true);
    if (value !== 0) {
      target.setFloat64(next + 0, 7.337297486913309e223, true);
      target.setFloat64(next + 8, 6.013470016999103e-154, true);
      next += 9;
      next = value >= 0 ? putInt31(target, next, value) : putUint32(target, next, value);
    }
  }
  // " data_segs_out:"
  if (length >= 160) {
    value = data.getInt32(base + 156, true);
    if (value !== 0) {
      target.setFloat64(next + 0, 5.024176599676697e180, true);
      target.setFloat64(next + 8, 1.973097843800408e-153, true);
      next += 15;
      next = value >= 0 ? putInt31(target, next, value) : putUint32(target, next, value);
    }
  }
  // " data_segs_in:"
  if (length >= 156) {
    value = data.getInt32(base + 152, true);
    if (value !== 0) {
      target.setFloat64(next + 0, 5.024176599676697e180, true);
      target.setFloat64(next + 8, 6.051789872103994e-154, true);
      next += 14;
      next = value >= 0 ? putInt31(target, next, value) : putUint32(target, next, value);
    }
  }
  next = putDctcp(target, next, data, base, length, facts);
  next = putBbr(target, next, data, base, length, facts, numeric);
  next = putSend(target, next, data, base, length, facts, numeric);
  // " lastsnd:"
  if (length >= 48) {
    value = data.getInt32(base + 44, true);
    if (value !== 0) {
      target.setFloat64(next + 0, 6.0251655828528145e175, true);
      target.setFloat64(next + 8, 6.013470016999103e-154, true);
      next += 9;
      next = value >= 0 ? putInt31(target, next, value) : putUint32(target, next, value);
    }
  }
  return next;
}

function putWords3(
  target: DataView,
  at: number,
  data: DataView,
  base: number,
  length: number,
  facts: ConnectionFacts,
  numeric: boolean,
): number {
  let next = at;
  let value = 0;
  // " lastrcv:"
  if (length >= 56) {
    value = data.getInt32(base + 52, true);
    if (value !== 0) {
      target.setFloat64(next + 0, 1.9136426923439868e262, true);
      target.setFloat64(next + 8, 6.013470016999103e-154, true);
      next += 9;
      next = value >= 0 ? putInt31(target, next, value) : putUint32(target, next, value);
    }
  }
  // " lastack:"
  if (length >= 60) {
    value = data.getInt32(base + 56, true);
    if (value !== 0) {
      target.setFloat64(next + 0, 1.991113812827037e209, true);
      target.setFloat64(next + 8, 6.013470016999103e-154, true);
      next += 9;
      next = value >= 0 ? putInt31(target, next, value) : putUint32(target, next, value);
    }
  }
  next = putPacingRate(target, next, data, base, length, facts, numeric);
  next = putDeliveryRate(target, next, data, base, length, facts, numeric);
  // " delivered:"
  if (length >= 196) {
    value = data.getInt32(base + 192, true);
    if (value !== 0) {
      target.setFloat64(next + 0, 1.1449005390900995e243, true);
      target.setFloat64(next + 8, 6.013470019279713e-154, true);
      next += 11;
      next = value >= 0 ? putInt31(target, next, value) : putUint32(target, next, value);
    }
  }
  // " delivered_ce:"
  if (length >= 200) {
    value = data.getInt32(base + 196, true);
    if (value !== 0) {
      target.setFloat64(next + 0, 1.1449005390900995e243, true);
      target.setFloat64(next + 8, 6.051738526371791e-154, true);
      next += 14;
      next = value >= 0 ? putInt31(target, next, value) : putUint32(target, next, value);
    }
  }
  // " app_limited"
  if (length >= 8 && (data.getUint8(base + 7) & 1) !== 0) {
    target.setFloat64(next + 0, 1.1218100379830925e219, true);
    target.setFloat64(next + 8, 6.013471534494634e-154, true);
    next += 12;
  }
  next = putBusy(target, next, data, base, length);
  return next;
}

function putWords4(
  target: DataView,
  at: number,
  data: DataView,
  base: number,
  length: number,
  facts: ConnectionFacts,
  _numeric: boolean,
): number {
  let next = at;
  let value = 0;
  // " unacked:"
  if (length >= 28) {
    value = data.getInt32(base + 24, true);
    if (value !== 0) {
      target.setFloat64(next + 0, 4.238151894635785e175, true);
      target.setFloat64(next + 8, 6.013470016999103e-154, true);
      next += 9;
      next = value >= 0 ? putInt31(target, next, value) : putUint32(target, next, value);
    }
  }
  next = putRetrans(target, next, data, base, length);
  // " lost:"
  if (length >= 36) {
    value = data.getInt32(base + 32, true);
    if (value !== 0) {
      target.setFloat64(next + 0, 6.051824237341017e-154, true);
      next += 6;
      next = value >= 0 ? putInt31(target, next, value) : putUint32(target, next, value);
    }
  }
  next = putSacked(target, next, data, base, length, facts);
  // " dsack_dups:"
  if (length >= 220) {
    value = data.getInt32(base + 216, true);
    if (value !== 0) {
      target.setFloat64(next + 0, 3.1083975533239533e175, true);
      target.setFloat64(next + 8, 6.01347060215019e-154, true);
      next += 12;
      next = value >= 0 ? putInt31(target, next, value) : putUint32(target, next, value);
    }
  }
  // " fackets:"
  if (length >= 44) {
    value = data.getInt32(base + 40, true);
    if (value !== 0) {
      target.setFloat64(next + 0, 1.4260838599586053e248, true);
      target.setFloat64(next + 8, 6.013470016999103e-154, true);
      next += 9;
      next = value >= 0 ? putInt31(target, next, value) : putUint32(target, next, value);
    }
  }
  next = putReordering(target, next, data, base, length);
  // " reord_seen:"
  if (length >= 224) {
    value = data.getInt32(base + 220, true);
    if (value !== 0) {
      target.setFloat64(next + 0, 5.487323613891112e247, true);
      target.setFloat64(next + 8, 6.013470601712305e-154, true);
      next += 12;
      next = value >= 0 ? putInt31(target, next, value) : putInt32(target, next, value);
    }
  }
  return next;
}

function putWords5(
  target: DataView,
  at: number,
  data: DataView,
  base: number,
  length: number,
  _facts: ConnectionFacts,
  _numeric: boolean,
): number {
  let next = at;
  let value = 0;
  // " rcv_rtt:"
  if (length >= 96) {
    value = data.getInt32(base + 92, true);
    if (value !== 0) {
      target.setFloat64(next + 0, 9.369168910169585e252, true);
      target.setFloat64(next + 8, 6.013470016999103e-154, true);
      next += 9;
      next = putThousandths(target, next, value >>> 0);
    }
  }
  // " rcv_space:"
  if (length >= 100) {
    value = data.getInt32(base + 96, true);
    if (value !== 0) {
      target.setFloat64(next + 0, 2.3128178265064193e161, true);
      target.setFloat64(next + 8, 6.013470019280049e-154, true);
      next += 11;
      next = value >= 0 ? putInt31(target, next, value) : putInt32(target, next, value);
    }
  }
  // " rcv_ssthresh:"
  if (length >= 68) {
    value = data.getInt32(base + 64, true);
    if (value !== 0) {
      target.setFloat64(next + 0, 8.91273637896889e252, true);
      target.setFloat64(next + 8, 6.051755953326098e-154, true);
      next += 14;
      next = value >= 0 ? putInt31(target, next, value) : putUint32(target, next, value);
    }
  }
  // " notsent:"
  if (length >= 148) {
    value = data.getInt32(base + 144, true);
    if (value !== 0) {
      target.setFloat64(next + 0, 6.964132106372038e252, true);
      target.setFloat64(next + 8, 6.013470016999103e-154, true);
      next += 9;
      next = value >= 0 ? putInt31(target, next, value) : putUint32(target, next, value);
    }
  }
  // " minrtt:"
  if (length >= 152) {
    value = data.getInt32(base + 148, true);
    if (value !== 0 && value !== -1) {
      target.setFloat64(next + 0, 4.13082831839303e-27, true);
      next += 8;
      next = putThousandths(target, next, value >>> 0);
    }
  }
  // " rcv_ooopack:"
  if (length >= 228) {
    value = data.getInt32(base + 224, true);
    if (value !== 0) {
      target.setFloat64(next + 0, 5.9574565997474206e228, true);
      target.setFloat64(next + 8, 6.013619636730025e-154, true);
      next += 13;
      next = value >= 0 ? putInt31(target, next, value) : putUint32(target, next, value);
    }
  }
  // " snd_wnd:"
  if (length >= 232) {
    value = data.getInt32(base + 228, true);
    if (value !== 0) {
      target.setFloat64(next + 0, 6.028193633998158e175, true);
      target.setFloat64(next + 8, 6.013470016999103e-154, true);
      next += 9;
      next = value >= 0 ? putInt31(target, next, value) : putUint32(target, next, value);
    }
  }
  // " rcv_wnd:"
  if (length >= 236) {
    value = data.getInt32(base + 232, true);
    if (value !== 0) {
      target.setFloat64(next + 0, 6.0281938457766065e175, true);
      target.setFloat64(next + 8, 6.013470016999103e-154, true);
      next += 9;
      next = value >= 0 ? putInt31(target, next, value) : putUint32(target, next, value);
    }
  }
  return next;
}

function putWords6(
  target: DataView,
  at: number,
  data: DataView,
  base: number,
  length: number,
  _facts: ConnectionFacts,
  _numeric: boolean,
): number {
  let next = at;
  let value = 0;
  // " rehash:"
  if (length >= 240) {
    value = data.getInt32(base + 236, true);
    if (value !== 0) {
      target.setFloat64(next + 0, 2.468890283365052e-27, true);
      next += 8;
      next = value >= 0 ? putInt31(target, next, value) : putUint32(target, next, value);
    }
  }
  return next;
}

/**
 * Writes the words of `-i` from a struct tcp_info.
 *
 * @param base where the struct begins in `data`
 * @param length bytes of it that were sent
 * @param timers whether the words that need `-o` are written, too
 * @param numeric whether rates are whole numbers
 * @returns the position behind them
 */
export function putTcpInfo(
  target: DataView,
  at: number,
  data: DataView,
  base: number,
  length: number,
  facts: ConnectionFacts,
  timers: boolean,
  numeric: boolean,
): number {
  let next = timers ? putOptions(target, at, data, base, length, facts, numeric) : at;
  next = putWords0(target, next, data, base, length, facts, numeric);
  next = putWords1(target, next, data, base, length, facts, numeric);
  next = putWords2(target, next, data, base, length, facts, numeric);
  next = putWords3(target, next, data, base, length, facts, numeric);
  next = putWords4(target, next, data, base, length, facts, numeric);
  next = putWords5(target, next, data, base, length, facts, numeric);
  next = putWords6(target, next, data, base, length, facts, numeric);
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
