/** Decodes conntrack's messages about UDP flows. linux/netfilter/nfnetlink_conntrack.h, linux/netfilter/nfnetlink.h. */

import type { InetEndpoints } from "../families/inet/made-socket.ts";
import { AF_INET, AF_INET6, IPPROTO_UDP } from "../model/family.ts";
import { NLA_HDRLEN, NLMSG_HDRLEN } from "../netlink/constants.ts";
import { align4, findAttribute } from "../netlink/message.ts";
import type { FlowCounters } from "./event.ts";

/** NFNLGRP_CONNTRACK_NEW and NFNLGRP_CONNTRACK_DESTROY, as a mask. */
export const CONNTRACK_GROUPS = (1 << (1 - 1)) | (1 << (3 - 1));

/** NFNL_SUBSYS_CTNETLINK, in the high byte of the type of a message; its messages in the low one. */
const CTNETLINK = 1;
const IPCTNL_MSG_CT_NEW = 0;
const IPCTNL_MSG_CT_DELETE = 2;
/** Bytes of struct nfgenmsg, which begins with the family. */
const NFGENMSG_SIZE = 4;

/** enum ctattr_type. */
const CTA_TUPLE_ORIG = 1;
const CTA_COUNTERS_ORIG = 9;
const CTA_COUNTERS_REPLY = 10;
const CTA_ID = 12;
/** enum ctattr_tuple. */
const CTA_TUPLE_IP = 1;
const CTA_TUPLE_PROTO = 2;
/** enum ctattr_ip: source and destination, of each family. */
const CTA_IP = { [AF_INET]: [1, 2], [AF_INET6]: [3, 4] } as const;
/** enum ctattr_l4proto. */
const CTA_PROTO_NUM = 1;
const CTA_PROTO_SRC_PORT = 2;
const CTA_PROTO_DST_PORT = 3;
/** enum ctattr_counters. */
const CTA_COUNTERS_PACKETS = 1;
const CTA_COUNTERS_BYTES = 2;

const WORD_RANGE = 2 ** 32;

/** A flow that began or ended; its source is the sender of the first packet. */
export interface ConntrackFlow extends InetEndpoints {
  readonly begins: boolean;
  /** Conntrack's id of the flow, unique while it lives; 0 if the kernel does not send it. */
  readonly id: number;
  readonly counters: FlowCounters | undefined;
}

/** The payload of an attribute: where it begins and ends. */
interface Span {
  readonly from: number;
  readonly end: number;
}

/** The payload of the first attribute of a type in another one. */
function inside(data: DataView, span: Span | undefined, type: number, size = 0): Span | undefined {
  if (span === undefined) return undefined;
  const at = findAttribute(data, span.from, span.end, type);
  if (at < 0) return undefined;
  const found = { from: at + NLA_HDRLEN, end: at + data.getUint16(at, true) };
  return found.end - found.from < size ? undefined : found;
}

/** A number of 64 bits in network byte order. */
function u64(data: DataView, span: Span | undefined): number | undefined {
  return span && data.getUint32(span.from) * WORD_RANGE + data.getUint32(span.from + 4);
}

function countersOf(data: DataView, message: Span): FlowCounters | undefined {
  const sent = inside(data, message, CTA_COUNTERS_ORIG);
  const received = inside(data, message, CTA_COUNTERS_REPLY);
  const packetsSent = u64(data, inside(data, sent, CTA_COUNTERS_PACKETS, 8));
  const bytesSent = u64(data, inside(data, sent, CTA_COUNTERS_BYTES, 8));
  const packetsReceived = u64(data, inside(data, received, CTA_COUNTERS_PACKETS, 8));
  const bytesReceived = u64(data, inside(data, received, CTA_COUNTERS_BYTES, 8));
  if (packetsSent === undefined || bytesSent === undefined) return undefined;
  if (packetsReceived === undefined || bytesReceived === undefined) return undefined;
  return { packetsSent, bytesSent, packetsReceived, bytesReceived };
}

function flowOf(data: DataView, at: number, end: number, begins: boolean): ConntrackFlow | undefined {
  const family = data.getUint8(at);
  if (family !== AF_INET && family !== AF_INET6) return undefined;
  const message = { from: at + NFGENMSG_SIZE, end };
  const tuple = inside(data, message, CTA_TUPLE_ORIG);
  const addresses = inside(data, tuple, CTA_TUPLE_IP);
  const transport = inside(data, tuple, CTA_TUPLE_PROTO);
  const protocol = inside(data, transport, CTA_PROTO_NUM, 1);
  const sport = inside(data, transport, CTA_PROTO_SRC_PORT, 2);
  const dport = inside(data, transport, CTA_PROTO_DST_PORT, 2);
  const size = family === AF_INET6 ? 16 : 4;
  const [source, destination] = CTA_IP[family].map((type) => inside(data, addresses, type, size));
  if (protocol === undefined || data.getUint8(protocol.from) !== IPPROTO_UDP) return undefined;
  if (sport === undefined || dport === undefined || source === undefined || destination === undefined)
    return undefined;
  const id = inside(data, message, CTA_ID, 4);
  return {
    begins,
    id: id === undefined ? 0 : data.getUint32(id.from),
    family,
    bytes: new Uint8Array(data.buffer, data.byteOffset, data.byteLength),
    sourceOffset: source.from,
    destinationOffset: destination.from,
    sport: data.getUint16(sport.from),
    dport: data.getUint16(dport.from),
    counters: begins ? undefined : countersOf(data, message),
  };
}

/** The UDP flows in a datagram. */
export function conntrackFlows(datagram: Uint8Array): ConntrackFlow[] {
  const data = new DataView(datagram.buffer, datagram.byteOffset, datagram.byteLength);
  const flows: ConntrackFlow[] = [];
  for (let at = 0; at + NLMSG_HDRLEN <= data.byteLength; ) {
    const length = data.getUint32(at, true);
    const end = at + length;
    if (length < NLMSG_HDRLEN || end > data.byteLength) break;
    const type = data.getUint16(at + 4, true);
    const message = type & 0xff;
    const wanted = message === IPCTNL_MSG_CT_NEW || message === IPCTNL_MSG_CT_DELETE;
    if (type >>> 8 === CTNETLINK && wanted && length >= NLMSG_HDRLEN + NFGENMSG_SIZE) {
      const flow = flowOf(data, at + NLMSG_HDRLEN, end, message === IPCTNL_MSG_CT_NEW);
      if (flow !== undefined) flows.push(flow);
    }
    at += align4(length);
  }
  return flows;
}
