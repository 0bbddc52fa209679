/** Conntrack's messages: tuples, and the request for translated connections. linux/netfilter/nfnetlink_conntrack.h. */
import { AF_INET, AF_INET6 } from "../model/family.ts";
import { NLA_HDRLEN } from "./constants.ts";
import { encodeDumpRequest } from "./dump.ts";
import { findAttribute } from "./message.ts";

/** NFNL_SUBSYS_CTNETLINK, in the high byte of the type of a message. */
export const CTNETLINK = 1;
/** The low byte of the type: a new or listed connection. enum cntl_msg_types. */
export const IPCTNL_MSG_CT_NEW = 0;
const IPCTNL_MSG_CT_GET = 1;
/** The low byte of the type: a connection that has ended. */
export const IPCTNL_MSG_CT_DELETE = 2;
/** Bytes of struct nfgenmsg, which begins with the family. */
export const NFGENMSG_SIZE = 4;

/** The addresses of packets from the client. enum ctattr_type. */
export const CTA_TUPLE_ORIG = 1;
/** The addresses of packets to the client, as the server sends them. enum ctattr_type. */
export const CTA_TUPLE_REPLY = 2;
const CTA_STATUS = 3;
const CTA_STATUS_MASK = 26;
/** enum ctattr_tuple. */
const CTA_TUPLE_IP = 1;
const CTA_TUPLE_PROTO = 2;
/** enum ctattr_ip: source and destination, of each family. */
const CTA_IP = { [AF_INET]: [1, 2], [AF_INET6]: [3, 4] } as const;
/** enum ctattr_l4proto. */
const CTA_PROTO_NUM = 1;
const CTA_PROTO_SRC_PORT = 2;
const CTA_PROTO_DST_PORT = 3;

/** The client's address is translated. enum ip_conntrack_status. */
export const IPS_SRC_NAT = 1 << 4;
/** The server's address is translated. enum ip_conntrack_status. */
export const IPS_DST_NAT = 1 << 5;

/** The payload of an attribute: where it begins and ends. */
export interface Span {
  readonly from: number;
  readonly end: number;
}

/** The payload of the first attribute of a type in another one; undefined if it is missing or shorter than `size`. */
export function inside(data: DataView, span: Span | undefined, type: number, size = 0): Span | undefined {
  if (span === undefined) return undefined;
  const at = findAttribute(data, span.from, span.end, type);
  if (at < 0) return undefined;
  const found = { from: at + NLA_HDRLEN, end: at + data.getUint16(at, true) };
  return found.end - found.from < size ? undefined : found;
}

/** One direction of a connection. */
export interface Tuple {
  /** IPPROTO_*. */
  readonly protocol: number;
  /** Where the addresses stand, 4 or 16 bytes each. */
  readonly sourceOffset: number;
  readonly destinationOffset: number;
  readonly sport: number;
  readonly dport: number;
}

/** Whether conntrack's messages have tuples of a family: IPv4 and IPv6. */
export function isTracked(family: number): family is typeof AF_INET | typeof AF_INET6 {
  return family === AF_INET || family === AF_INET6;
}

/**
 * A tuple of a message.
 *
 * @param message the attributes of the message
 * @param type CTA_TUPLE_ORIG or CTA_TUPLE_REPLY
 * @returns undefined if it is missing, or not of a protocol with ports
 */
export function tupleOf(
  data: DataView,
  message: Span,
  type: number,
  family: typeof AF_INET | typeof AF_INET6,
): Tuple | undefined {
  const tuple = inside(data, message, type);
  const addresses = inside(data, tuple, CTA_TUPLE_IP);
  const transport = inside(data, tuple, CTA_TUPLE_PROTO);
  const protocol = inside(data, transport, CTA_PROTO_NUM, 1);
  const sport = inside(data, transport, CTA_PROTO_SRC_PORT, 2);
  const dport = inside(data, transport, CTA_PROTO_DST_PORT, 2);
  const size = family === AF_INET6 ? 16 : 4;
  const [source, destination] = CTA_IP[family].map((address) => inside(data, addresses, address, size));
  if (protocol === undefined || sport === undefined || dport === undefined) return undefined;
  if (source === undefined || destination === undefined) return undefined;
  return {
    protocol: data.getUint8(protocol.from),
    sourceOffset: source.from,
    destinationOffset: destination.from,
    sport: data.getUint16(sport.from),
    dport: data.getUint16(dport.from),
  };
}

function be32(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value);
  return bytes;
}

/**
 * The request for the connections whose status has the bits `value` among those of `mask`. Kernels before 6.0 ignore the
 * status and send all connections.
 */
export function conntrackRequest(value: number, mask: number): Uint8Array {
  const type = (CTNETLINK << 8) | IPCTNL_MSG_CT_GET;
  return encodeDumpRequest(type, new Uint8Array(NFGENMSG_SIZE), [
    { type: CTA_STATUS, payload: be32(value) },
    { type: CTA_STATUS_MASK, payload: be32(mask) },
  ]);
}
