/**
 * The numbers that `top` watches: one row per metric. The row says where the number is read, and how it or its change
 * per second is shown. Unit, meaning and kind of metric come from the row of the fact.
 */
import { type Field, fieldWidth, readField } from "../bytes/layout.ts";
import { roomBytes, roomData, roomWords } from "../bytes/room.ts";
import { skMemInfo } from "../diag/memory.ts";
import {
  INET_DIAG_MESSAGE_SIZE,
  inetAttributes,
  inetDiagMessage,
} from "../families/inet/layouts/inet-diag.ts";
import { mptcpInfo } from "../families/inet/layouts/mptcp-info.ts";
import { tcpInfo } from "../families/inet/layouts/tcp-info.ts";
import type { InetSocket } from "../families/inet/socket.ts";
import { drops, type NumberReader, receiveQueue, sendQueue } from "../families/numbers.ts";
import type { Socket } from "../families/socket.ts";
import { fieldKey } from "../fields/column.ts";
import type { FactField } from "../model/fact.ts";
import { IPPROTO_MPTCP, IPPROTO_TCP } from "../model/family.ts";
import { SS_LISTEN } from "../model/state.ts";
import { NLA_HDRLEN, NLA_TYPE_MASK } from "../netlink/constants.ts";
import { align4 } from "../netlink/message.ts";

/** How a metric is shown: a gauge by its value, a counter by its change per second. */
export interface Shown {
  /** The word of `--sort`. */
  readonly word: string;
  readonly heading: string;
  /** What the column means, if the meaning of the fact does not say it. */
  readonly doc?: string;
  /** Key in JSON; a gauge has the key of its fact unless it says otherwise, and `undefined` keeps it out. */
  readonly json?: string | undefined;
}

/** A number that is read from each socket in each sample. */
interface LiveMetric {
  /** Name of the fact. */
  readonly name: string;
  readonly fact: FactField;
  /** Where a TCP, UDP or MPTCP socket has it: a field of the struct in an attribute. */
  readonly attribute?: "info" | "memory";
  /** Reads it from the other kinds of sockets, or from all if there is no attribute. */
  readonly read?: NumberReader;
  readonly shown: Shown;
}

const info = <const N extends keyof typeof tcpInfo, const S extends Shown>(name: N, shown: S) =>
  ({ name, fact: tcpInfo[name], attribute: "info", shown }) as const;
const memory = <const N extends keyof typeof skMemInfo, const S extends Shown>(
  name: N,
  read: NumberReader,
  shown: S,
) => ({ name, fact: skMemInfo[name], attribute: "memory", read, shown }) as const;
const queue = <const N extends "rqueue" | "wqueue", const S extends Shown>(
  name: N,
  read: NumberReader,
  shown: S,
) => ({ name, fact: { ...inetDiagMessage[name], unit: "bytes" }, read, shown }) as const;

/** The metrics of a sample. A metric that a socket does not have is NaN. */
export const metrics = {
  receiveQueue: queue("rqueue", receiveQueue, {
    word: "recvq",
    heading: "Recv-Q",
    doc: "bytes received and not yet read by the application; for LISTEN: connections that wait to be accepted",
    json: undefined,
  }),
  sendQueue: queue("wqueue", sendQueue, {
    word: "sendq",
    heading: "Send-Q",
    doc: "bytes written and not yet acknowledged; for LISTEN: how many connections may wait",
    json: undefined,
  }),
  received: info("bytesReceived", {
    word: "rx",
    heading: "Recv/s",
    doc: "bytes received in order per second",
    json: "receivedBytesPerSecond",
  }),
  acked: info("bytesAcked", {
    word: "tx",
    heading: "Acked/s",
    doc: "bytes sent that the peer acknowledged per second",
    json: "ackedBytesPerSecond",
  }),
  retransmitted: info("totalRetrans", {
    word: "retrans",
    heading: "Retr/s",
    doc: "segments retransmitted per second",
    json: "retransmitsPerSecond",
  }),
  dropped: memory("drops", drops, {
    word: "drops",
    heading: "Drop/s",
    doc: "packets per second dropped before they reached the application; UDP and others",
    json: "dropsPerSecond",
  }),
  rtt: info("rtt", { word: "rtt", heading: "RTT ms", doc: "smoothed round trip time" }),
  deliveryRate: info("deliveryRate", {
    word: "delivery",
    heading: "Deliv/s",
    doc: "rate at which data lately reached the peer, as TCP estimates it",
  }),
} as const satisfies Readonly<Record<string, LiveMetric>>;

/** The name of a metric. */
export type MetricName = keyof typeof metrics;

/** All metrics; a reading has them in this order. */
export const metricNames = Object.keys(metrics) as readonly MetricName[];

/** The name of a metric that only grows. */
export type CounterName = {
  [N in MetricName]: (typeof metrics)[N]["fact"] extends { readonly metric: "counter" } ? N : never;
}[MetricName];

/** Whether a metric only grows, so that its change per second is a rate. */
export function isCounter(name: MetricName): name is CounterName {
  return metrics[name].fact.metric === "counter";
}

/** The metrics that only grow. */
export const counterNames = metricNames.filter(isCounter);

/** The name of a metric's change per second. */
export type RateName = `${CounterName}Rate`;

/** The names of the rates, in the order of {@link counterNames}. */
export const rateNames = counterNames.map((name) => `${name}Rate` as const);

/** The key of a metric's value in JSON, which is its key in `--json`. */
export function metricKey(metric: MetricName): string {
  const { name, fact }: LiveMetric = metrics[metric];
  return fieldKey(name, fact);
}

/** Numbers of one socket, in the order of {@link metricNames}; filled again for each socket. */
export type Reading = Float64Array;

/** An empty reading. */
export function newReading(): Reading {
  return new Float64Array(metricNames.length);
}

/** A field to read from the struct in an attribute. */
interface FieldReader {
  /** Where the number goes in a reading. */
  readonly index: number;
  readonly field: Field;
  readonly offset: number;
  /** Bytes of the struct that must have been sent. */
  readonly end: number;
  readonly unmeasured: boolean;
}

/** The readers of the metrics that a layout has. */
function fieldReaders(
  attribute: LiveMetric["attribute"],
  layout: Readonly<Record<string, FactField>>,
): readonly FieldReader[] {
  return metricNames.flatMap((metric, index) => {
    const row: LiveMetric = metrics[metric];
    const field = row.attribute === attribute ? layout[row.name] : undefined;
    if (field === undefined) return [];
    const { offset, type, zero } = field;
    return { index, field, offset, end: offset + fieldWidth[type], unmeasured: zero === "unmeasured" };
  });
}

const tcpReaders = fieldReaders("info", tcpInfo);
const mptcpReaders = fieldReaders("info", mptcpInfo);
const memoryReaders = fieldReaders("memory", skMemInfo);
const otherReaders = metricNames.flatMap((metric, index) => {
  const { read }: LiveMetric = metrics[metric];
  return read === undefined ? [] : { index, read };
});

const RECEIVE_QUEUE = metricNames.indexOf("receiveQueue");
const SEND_QUEUE = metricNames.indexOf("sendQueue");

/** Reads fields of the struct in an attribute, without making a view of it. */
function readStruct(
  readers: readonly FieldReader[],
  data: DataView,
  at: number,
  length: number,
  into: Reading,
): void {
  for (const { index, field, offset, end, unmeasured } of readers) {
    if (length < end) continue;
    const { type } = field;
    const value =
      type === "u64"
        ? data.getUint32(at + offset, true) + data.getUint32(at + offset + 4, true) * 2 ** 32
        : type === "u32"
          ? data.getUint32(at + offset, true)
          : Number(readField(field, data, at));
    into[index] = unmeasured && value === 0 ? Number.NaN : value;
  }
}

function readInet(socket: InetSocket, into: Reading): void {
  const { data, origin } = socket;
  into[RECEIVE_QUEUE] = socket.rqueue;
  into[SEND_QUEUE] = socket.wqueue;
  const memory = socket.attribute(inetAttributes.skMemInfo.id);
  if (memory !== 0) readStruct(memoryReaders, data, memory, socket.attributeLength(memory), into);
  if (socket.stateNumber === SS_LISTEN) return;
  const readers =
    origin.protocol === IPPROTO_TCP
      ? tcpReaders
      : origin.protocol === IPPROTO_MPTCP
        ? mptcpReaders
        : undefined;
  if (readers === undefined) return;
  const at = socket.attribute(inetAttributes.info.id);
  if (at !== 0) readStruct(readers, data, at, socket.attributeLength(at), into);
}

/** The structs of the metrics by the IP protocol of the table. */
const infoReaders: Readonly<Record<number, readonly FieldReader[]>> = {
  [IPPROTO_TCP]: tcpReaders,
  [IPPROTO_MPTCP]: mptcpReaders,
};

const STATE = inetDiagMessage.stateNumber.offset;
const RECEIVE_QUEUE_WORD = inetDiagMessage.rqueue.offset >> 2;
const SEND_QUEUE_WORD = inetDiagMessage.wqueue.offset >> 2;
const INFO = inetAttributes.info.id;
const MEMORY = inetAttributes.skMemInfo.id;

/**
 * Reads the metrics of a message in the room (`bytes/room.ts`).
 *
 * @param at where its fixed struct begins in the room; a multiple of 4
 * @param length bytes of the message from there on, at least those of that struct
 * @param protocol IP protocol of the table
 * @returns false if an attribute is malformed: the reading is then incomplete
 */
export function readMessageMetrics(at: number, length: number, protocol: number, into: Reading): boolean {
  into.fill(Number.NaN);
  const word = at >> 2;
  into[RECEIVE_QUEUE] = roomWords[word + RECEIVE_QUEUE_WORD]! >>> 0;
  into[SEND_QUEUE] = roomWords[word + SEND_QUEUE_WORD]! >>> 0;
  const isListener = roomBytes[at + STATE] === SS_LISTEN;
  const end = at + length;
  let attribute = at + INET_DIAG_MESSAGE_SIZE;
  while (attribute + NLA_HDRLEN <= end) {
    const header = roomWords[attribute >> 2]! >>> 0;
    const size = header & 0xffff;
    if (size < NLA_HDRLEN || attribute + size > end) return false;
    const type = (header >>> 16) & NLA_TYPE_MASK;
    if (type === INFO) {
      const readers = isListener ? undefined : infoReaders[protocol];
      if (readers !== undefined)
        readStruct(readers, roomData, attribute + NLA_HDRLEN, size - NLA_HDRLEN, into);
    } else if (type === MEMORY)
      readStruct(memoryReaders, roomData, attribute + NLA_HDRLEN, size - NLA_HDRLEN, into);
    attribute += align4(size);
  }
  return attribute >= end;
}

/** Reads the metrics of a socket. */
export function readMetrics(socket: Socket, into: Reading): void {
  into.fill(Number.NaN);
  if (socket.kind === "inet") readInet(socket, into);
  else for (const { index, read } of otherReaders) into[index] = read(socket) ?? Number.NaN;
}
