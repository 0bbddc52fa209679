/** Cells and details of inet rows, which rows from views and rows straight from messages share. */
import { keepOutOfLastTier } from "#libc";
import { putBytes, putHex, putInt31, putStamp, type Stamp, stamp } from "../../bytes/put.ts";
import {
  IPPROTO_DCCP,
  IPPROTO_ICMPV6,
  IPPROTO_MPTCP,
  IPPROTO_SCTP,
  IPPROTO_TCP,
  IPPROTO_UDP,
} from "../../model/family.ts";
import { putTimer } from "../../table/units.ts";

const COMMA = 0x2c;
const CLOSE = 0x29;

const netids = new Map([
  [0, stamp("raw")],
  [IPPROTO_TCP, stamp("tcp")],
  [IPPROTO_UDP, stamp("udp")],
  [IPPROTO_DCCP, stamp("dccp")],
  [IPPROTO_ICMPV6, stamp("icmp6")],
  [IPPROTO_SCTP, stamp("sctp")],
  [IPPROTO_MPTCP, stamp("mptcp")],
]);
const unknownNetid = stamp("???");

/** What the Netid column shows for an IP protocol. */
export function netidOf(protocol: number): Stamp {
  return netids.get(protocol) ?? unknownNetid;
}

const timerLabels: Stamp[] = [];
for (const name of ["", "on", "keepalive", "timewait", "persist", "delack"])
  timerLabels.push(stamp(` timer:(${name},`));
const unknownTimerLabel = stamp(" timer:(unknown,");
const sctpTimerLabel = stamp(" timer:(T3_RTX,");

/**
 * Writes the running timer of a socket.
 *
 * @param number which timer of {@link timerLabels} runs; undefined for that of an SCTP association
 * @param expires milliseconds until it fires
 * @returns the position behind it
 */
export function putTimerDetail(
  target: DataView,
  at: number,
  number: number | undefined,
  expires: number,
  retransmits: number,
): number {
  const label = number === undefined ? sctpTimerLabel : (timerLabels[number] ?? unknownTimerLabel);
  let next = putTimer(target, putStamp(target, at, label), expires);
  target.setUint8(next, COMMA);
  next = putInt31(target, next + 1, retransmits);
  target.setUint8(next, CLOSE);
  return next + 1;
}

const markLabel = stamp(" fwmark:0x");
const v6onlyLabel = stamp(" v6only:");

/** The label before the path of a control group. */
export const cgroupLabel = stamp(" cgroup:");

/** Writes SO_MARK. @returns the position behind it */
export function putMark(target: DataView, at: number, mark: number): number {
  return putHex(target, putStamp(target, at, markLabel), mark, 1);
}

/** Writes the path of a control group. @returns the position behind it */
export function putCgroup(target: DataView, at: number, path: Uint8Array): number {
  return putBytes(target, putStamp(target, at, cgroupLabel), path);
}

/** Writes IPV6_V6ONLY. @returns the position behind it */
export function putV6only(target: DataView, at: number, value: number): number {
  return putInt31(target, putStamp(target, at, v6onlyLabel), value);
}

keepOutOfLastTier(netidOf, putTimerDetail, putMark, putCgroup, putV6only);
