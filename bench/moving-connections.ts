/** TCP connections whose counters move as those of real ones do, as the kernel's messages. */
import {
  INET_DIAG_MESSAGE_SIZE,
  inetAttributes,
  inetDiagMessage,
} from "../src/families/inet/layouts/inet-diag.ts";
import { tcpInfo } from "../src/families/inet/layouts/tcp-info.ts";
import { AF_INET } from "../src/model/family.ts";
import { encodeAttributes } from "../src/netlink/message.ts";
import type { ImageGroup } from "../src/store/image.ts";

/** The share of the connections that change between two samples. */
const CHANGING = 0.1;
const WORD = 4;
const INFO_BYTES = 248;

/** A message of the kernel about an established connection. */
function messageOf(index: number): Int32Array {
  const attributes = encodeAttributes([
    { type: inetAttributes.info.id, payload: new Uint8Array(INFO_BYTES) },
  ]);
  const bytes = new Uint8Array(INET_DIAG_MESSAGE_SIZE + attributes.length);
  bytes.set(attributes, INET_DIAG_MESSAGE_SIZE);
  const data = new DataView(bytes.buffer);
  data.setUint8(0, AF_INET);
  data.setUint8(1, 1);
  data.setUint16(inetDiagMessage.sport.offset, 443);
  data.setUint16(inetDiagMessage.dport.offset, 1024 + (index % 60_000));
  data.setUint32(inetDiagMessage.source.offset, 0x0a000001);
  data.setUint32(inetDiagMessage.destination.offset, 0x0a010000 + index);
  data.setUint32(inetDiagMessage.cookie.offset, index + 1, true);
  data.setUint32(inetDiagMessage.inode.offset, index + 1, true);
  return new Int32Array(bytes.buffer);
}

const info = (INET_DIAG_MESSAGE_SIZE + WORD) / WORD;
const at = (field: { readonly offset: number }) => info + field.offset / WORD;
const fields = {
  sent: at(tcpInfo.lastDataSent),
  received: at(tcpInfo.lastDataRecv),
  acknowledged: at(tcpInfo.lastAckRecv),
  rtt: at(tcpInfo.rtt),
  rttvar: at(tcpInfo.rttvar),
  bytesAcked: at(tcpInfo.bytesAcked),
  bytesReceived: at(tcpInfo.bytesReceived),
  bytesSent: at(tcpInfo.bytesSent),
  segsOut: at(tcpInfo.segsOut),
  segsIn: at(tcpInfo.segsIn),
  dataSegsOut: at(tcpInfo.dataSegsOut),
  dataSegsIn: at(tcpInfo.dataSegsIn),
  delivered: at(tcpInfo.delivered),
  pacing: at(tcpInfo.pacingRate),
  delivery: at(tcpInfo.deliveryRate),
  receiveWindow: at(tcpInfo.rcvWnd),
} as const;

/** A whole number from 0 to below a limit. */
export const random = (below: number) => Math.floor(Math.random() * below);

/** A message was sent or received over a connection, some time since the sample before. */
function move(words: Int32Array, when: Int32Array, index: number, nowMs: number, intervalMs: number): void {
  const bytes = 50 + random(20_000);
  const segments = 1 + Math.floor(bytes / 1448);
  const add = (word: number, value: number) => {
    words[word] = words[word]! + value;
  };
  const timeMs = nowMs - random(intervalMs);
  add(fields.segsOut, segments);
  add(fields.segsIn, segments);
  if (random(2) === 0) {
    add(fields.bytesAcked, bytes);
    add(fields.bytesSent, bytes);
    add(fields.dataSegsOut, segments);
    add(fields.delivered, segments);
    when[index * 2] = timeMs;
    words[fields.rtt] = 20_000 + random(4000);
    words[fields.rttvar] = words[fields.rtt]! >> 2;
    words[fields.pacing] = Math.floor((1448 * 10 * 1.2e6) / words[fields.rtt]!);
    words[fields.delivery] = Math.floor((1448 * segments * 1e6) / words[fields.rtt]!);
  } else {
    add(fields.bytesReceived, bytes);
    add(fields.dataSegsIn, segments);
    words[fields.receiveWindow] = 64_000 + random(100) * 1448;
    when[index * 2 + 1] = timeMs;
  }
}

/** Connections of one server from sample to sample. Socket N has the inode and the cookie N + 1. */
export class MovingConnections {
  readonly #messages: readonly Int32Array[];
  /** When each connection has sent and received last, in milliseconds since boot. */
  readonly #when: Int32Array;
  readonly #intervalMs: number;
  readonly #scratch: Int32Array;

  constructor(count: number, beganMs: number, intervalMs: number) {
    this.#messages = Array.from({ length: count }, (_, index) => messageOf(index));
    this.#when = new Int32Array(count * 2).fill(beganMs);
    this.#intervalMs = intervalMs;
    this.#scratch = new Int32Array(this.#messages[0]!.length);
  }

  /** Lets some send or receive, and adds all to a sample. @param nowMs milliseconds since boot */
  sample(group: ImageGroup, nowMs: number): void {
    const when = this.#when;
    const scratch = this.#scratch;
    const count = this.#messages.length;
    for (let moved = 0; moved < count * CHANGING; moved++) {
      const index = random(count);
      move(this.#messages[index]!, when, index, nowMs, this.#intervalMs);
    }
    for (const [index, words] of this.#messages.entries()) {
      scratch.set(words);
      scratch[fields.sent] = nowMs - when[index * 2]!;
      scratch[fields.received] = nowMs - when[index * 2 + 1]!;
      scratch[fields.acknowledged] = nowMs - Math.max(when[index * 2]!, when[index * 2 + 1]!);
      group.add(index + 1, index + 1, scratch, 0, scratch.length * WORD, nowMs);
    }
  }
}
