/** Connections of the past as messages of the kernel, which say when they were open. */
import { layoutSize } from "../bytes/layout.ts";
import {
  INET_DIAG_MESSAGE_SIZE,
  inetAttributes,
  inetDiagMessage,
} from "../families/inet/layouts/inet-diag.ts";
import { INET_DIAG_PAST, INET_PAST_SIZE, inetPast } from "../families/inet/layouts/past.ts";
import { tcpInfo } from "../families/inet/layouts/tcp-info.ts";
import { AF_INET, AF_INET6 } from "../model/family.ts";
import { SS_CLOSE } from "../model/state.ts";
import { NLA_HDRLEN } from "../netlink/constants.ts";
import { align4 } from "../netlink/message.ts";
import { type GroupKey, timesToAges } from "./image.ts";
import type { StoredMessage } from "./image-decoder.ts";
import type { StoredConnection } from "./reader.ts";

const encoder = new TextEncoder();
const NO_REASON = new Uint8Array(0);
const WORD = 4;
const TWO_32 = 2 ** 32;
/** Bytes of the memory that messages share. */
const CHUNK = 1 << 18;
/** struct tcp_info up to the last counter that is kept. */
const INFO_SIZE = layoutSize({ minRtt: tcpInfo.minRtt });
const INFO_ROOM = align4(NLA_HDRLEN + INFO_SIZE);

/** Bytes of the longest address, and of a reason at most. */
const LONGEST_ADDRESS = 16;
const LONGEST_REASON = 1024;

/** The first word of an attribute: length and type. @param size bytes of its payload */
function attributeHead(type: number, size: number): number {
  return ((NLA_HDRLEN + size) | (type << 16)) >>> 0;
}

/** Whether any counter of a connection is known: those of UDP sockets are not. */
function hasCounters(connection: StoredConnection): boolean {
  const { rtt_us, retransmits, bytes_sent, bytes_received, segments_sent, segments_received, min_rtt_us } =
    connection;
  return (
    rtt_us !== null ||
    retransmits !== null ||
    bytes_sent !== null ||
    bytes_received !== null ||
    segments_sent !== null ||
    segments_received !== null ||
    min_rtt_us !== null
  );
}

/** Makes messages, in chunks of memory that they share. */
export class PastMessages {
  #words = new Uint32Array(0);
  #bytes = new Uint8Array(0);
  #data = new DataView(this.#bytes.buffer);
  #at = 0;

  /** The message of a connection that ended. @param inode of the socket that stands for it */
  ended(connection: StoredConnection, inode: number): StoredMessage {
    const { local, peer, reason } = connection;
    const text = reason === null ? NO_REASON : encoder.encode(reason).subarray(0, LONGEST_REASON);
    const isCounted = hasCounters(connection);
    const infoAt = INET_DIAG_MESSAGE_SIZE;
    const pastAt = infoAt + (isCounted ? INFO_ROOM : 0);
    const length = pastAt + align4(NLA_HDRLEN + INET_PAST_SIZE + text.length);
    const from = this.#take(length);
    const data = this.#data;
    const u32 = (at: number, value: number) => data.setUint32(from + at, value, true);
    const u64 = (at: number, value: number) => {
      u32(at, value % TWO_32);
      u32(at + WORD, Math.floor(value / TWO_32));
    };
    const address = (at: number, bytes: Uint8Array) => {
      for (let index = 0; index < bytes.length && index < LONGEST_ADDRESS; index++)
        data.setUint8(from + at + index, bytes[index]!);
    };
    data.setUint8(from + inetDiagMessage.familyNumber.offset, local.length === 4 ? AF_INET : AF_INET6);
    data.setUint8(from + inetDiagMessage.stateNumber.offset, SS_CLOSE);
    data.setUint16(from + inetDiagMessage.sport.offset, connection.local_port);
    data.setUint16(from + inetDiagMessage.dport.offset, connection.peer_port);
    u32(inetDiagMessage.uid.offset, connection.uid);
    u32(inetDiagMessage.inode.offset, inode);
    address(inetDiagMessage.source.offset, local);
    address(inetDiagMessage.destination.offset, peer);
    if (isCounted) {
      u32(infoAt, attributeHead(inetAttributes.info.id, INFO_SIZE));
      const info = infoAt + NLA_HDRLEN;
      u32(info + tcpInfo.rtt.offset, connection.rtt_us ?? 0);
      u32(info + tcpInfo.totalRetrans.offset, connection.retransmits ?? 0);
      u64(info + tcpInfo.bytesAcked.offset, connection.bytes_sent ?? 0);
      u64(info + tcpInfo.bytesReceived.offset, connection.bytes_received ?? 0);
      u32(info + tcpInfo.segsOut.offset, connection.segments_sent ?? 0);
      u32(info + tcpInfo.segsIn.offset, connection.segments_received ?? 0);
      u32(info + tcpInfo.minRtt.offset, connection.min_rtt_us ?? 0);
    }
    u32(pastAt, attributeHead(INET_DIAG_PAST, INET_PAST_SIZE + text.length));
    const past = pastAt + NLA_HDRLEN;
    u64(past + inetPast.openedMs.offset, Math.max(0, connection.opened_ms ?? 0));
    u64(past + inetPast.closedMs.offset, connection.closedMs);
    this.#bytes.set(text, from + past + INET_PAST_SIZE);
    return { words: this.#words.subarray(from / WORD, (from + length) / WORD), length };
  }

  /** The message of a connection that is still open, from a sample. @param nowMs when it was taken, since boot */
  open({ words, length }: StoredMessage, group: GroupKey, nowMs: number): StoredMessage {
    const pastAt = align4(length);
    const whole = pastAt + NLA_HDRLEN + INET_PAST_SIZE;
    const from = this.#take(whole) / WORD;
    const end = from + pastAt / WORD;
    this.#words.set(words, from);
    timesToAges(this.#words, group, nowMs, from, end);
    this.#words[end] = attributeHead(INET_DIAG_PAST, INET_PAST_SIZE);
    return { words: this.#words.subarray(from, from + whole / WORD), length: whole };
  }

  /** Takes bytes of zeros. @returns where they begin */
  #take(length: number): number {
    if (this.#at + length > this.#bytes.length) {
      this.#words = new Uint32Array(Math.max(CHUNK, length) / WORD);
      this.#bytes = new Uint8Array(this.#words.buffer);
      this.#data = new DataView(this.#words.buffer);
      this.#at = 0;
    }
    const from = this.#at;
    this.#at += length;
    return from;
  }
}
