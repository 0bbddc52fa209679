/** The numbers of a socket that change while one looks on, read without making an object of any. */

import { type Field, fieldWidth, readField, type Unit } from "../bytes/layout.ts";
import { skMemInfo } from "../diag/memory.ts";
import { inetAttributes } from "../families/inet/layouts/inet-diag.ts";
import { mptcpInfo } from "../families/inet/layouts/mptcp-info.ts";
import { tcpInfo } from "../families/inet/layouts/tcp-info.ts";
import type { InetSocket } from "../families/inet/socket.ts";
import type { Socket } from "../families/socket.ts";
import { IPPROTO_MPTCP, IPPROTO_TCP } from "../model/family.ts";
import { SS_LISTEN } from "../model/state.ts";

/** A number that is read of each socket in each sample. */
export interface Counter {
  /** Its unit. */
  readonly unit?: Unit;
  /** What it means, in one line. */
  readonly doc: string;
}

/** The numbers that a sample has of each socket; NaN where the kernel does not tell. */
export const counters = {
  receiveQueue: {
    unit: "bytes",
    doc: "received and not yet read; for LISTEN: connections that wait to be accepted",
  },
  sendQueue: {
    unit: "bytes",
    doc: "written and not yet acknowledged; for LISTEN: how many connections may wait",
  },
  received: { unit: "bytes", doc: tcpInfo.bytesReceived.doc },
  acked: { unit: "bytes", doc: tcpInfo.bytesAcked.doc },
  retransmitted: { unit: "segments", doc: tcpInfo.totalRetrans.doc },
  dropped: { unit: "packets", doc: skMemInfo.drops.doc },
  rtt: { unit: "us", doc: tcpInfo.rtt.doc },
  deliveryRate: { unit: "bytes/s", doc: tcpInfo.deliveryRate.doc },
} as const satisfies Readonly<Record<string, Counter>>;

/** The name of such a number. */
export type CounterName = keyof typeof counters;

/** Such numbers, for a socket at a time: the same object is filled again and again. */
export type Reading = { [Name in CounterName]: number };

/** A reading to be filled. */
export function newReading(): Reading {
  const entries = Object.keys(counters).map((name) => [name, Number.NaN]);
  return Object.fromEntries(entries) as Reading;
}

/** A field of the struct in an attribute; NaN if it was not sent. */
function fieldAt(data: DataView, at: number, length: number, field: Field): number {
  return length < field.offset + fieldWidth[field.type] ? Number.NaN : Number(readField(field, data, at));
}

/** A 64-bit counter; the hot path of {@link fieldAt}. */
function u64At(data: DataView, at: number, length: number, offset: number): number {
  if (length < offset + 8) return Number.NaN;
  return data.getUint32(at + offset, true) + data.getUint32(at + offset + 4, true) * 2 ** 32;
}

function u32At(data: DataView, at: number, length: number, offset: number): number {
  return length < offset + 4 ? Number.NaN : data.getUint32(at + offset, true);
}

function readInet(socket: InetSocket, into: Reading): void {
  const { data, origin } = socket;
  into.receiveQueue = socket.rqueue;
  into.sendQueue = socket.wqueue;
  const memory = socket.attribute(inetAttributes.skMemInfo.id);
  if (memory !== 0) into.dropped = fieldAt(data, memory, socket.attributeLength(memory), skMemInfo.drops);
  if (socket.stateNumber === SS_LISTEN) return;
  const info = socket.attribute(inetAttributes.info.id);
  if (info === 0) return;
  const length = socket.attributeLength(info);
  if (origin.protocol === IPPROTO_TCP) {
    into.received = u64At(data, info, length, tcpInfo.bytesReceived.offset);
    into.acked = u64At(data, info, length, tcpInfo.bytesAcked.offset);
    into.retransmitted = u32At(data, info, length, tcpInfo.totalRetrans.offset);
    // 0 is that nothing was measured yet: of a connection that only receives, say.
    into.rtt = u32At(data, info, length, tcpInfo.rtt.offset) || Number.NaN;
    into.deliveryRate = u64At(data, info, length, tcpInfo.deliveryRate.offset) || Number.NaN;
  } else if (origin.protocol === IPPROTO_MPTCP) {
    into.received = fieldAt(data, info, length, mptcpInfo.bytesReceived);
    into.acked = fieldAt(data, info, length, mptcpInfo.bytesAcked);
  }
}

/** Reads the numbers of a socket. What a kind of socket has not is NaN. */
export function readCounters(socket: Socket, into: Reading): void {
  into.received = Number.NaN;
  into.acked = Number.NaN;
  into.retransmitted = Number.NaN;
  into.dropped = Number.NaN;
  into.rtt = Number.NaN;
  into.deliveryRate = Number.NaN;
  if (socket.kind === "inet") {
    readInet(socket, into);
    return;
  }
  into.receiveQueue = ("rqueue" in socket ? socket.rqueue : undefined) ?? Number.NaN;
  into.sendQueue = ("wqueue" in socket ? socket.wqueue : undefined) ?? Number.NaN;
  into.dropped = ("memory" in socket ? socket.memory?.drops : undefined) ?? Number.NaN;
}
