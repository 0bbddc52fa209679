/** Decodes conntrack's messages about UDP flows. linux/netfilter/nfnetlink_conntrack.h, linux/netfilter/nfnetlink.h. */

import type { InetEndpoints } from "../families/inet/made-socket.ts";
import { IPPROTO_UDP } from "../model/family.ts";
import {
  CTA_TUPLE_ORIG,
  CTNETLINK,
  IPCTNL_MSG_CT_DELETE,
  IPCTNL_MSG_CT_NEW,
  inside,
  isTracked,
  NFGENMSG_SIZE,
  type Span,
  tupleOf,
} from "../netlink/conntrack.ts";
import { NLMSG_HDRLEN } from "../netlink/constants.ts";
import { align4 } from "../netlink/message.ts";
import type { FlowCounters } from "./event.ts";

/** NFNLGRP_CONNTRACK_NEW and NFNLGRP_CONNTRACK_DESTROY, as a mask. */
export const CONNTRACK_GROUPS = (1 << (1 - 1)) | (1 << (3 - 1));

/** enum ctattr_type. */
const CTA_COUNTERS_ORIG = 9;
const CTA_COUNTERS_REPLY = 10;
const CTA_ID = 12;
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
  if (!isTracked(family)) return undefined;
  const message = { from: at + NFGENMSG_SIZE, end };
  const tuple = tupleOf(data, message, CTA_TUPLE_ORIG, family);
  if (tuple?.protocol !== IPPROTO_UDP) return undefined;
  const id = inside(data, message, CTA_ID, 4);
  return {
    begins,
    id: id === undefined ? 0 : data.getUint32(id.from),
    family,
    bytes: new Uint8Array(data.buffer, data.byteOffset, data.byteLength),
    sourceOffset: tuple.sourceOffset,
    destinationOffset: tuple.destinationOffset,
    sport: tuple.sport,
    dport: tuple.dport,
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
