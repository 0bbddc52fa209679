/** Lists network interfaces with an RTM_GETLINK dump. linux/rtnetlink.h, linux/if_link.h. */
import { NETLINK_ROUTE, NLA_HDRLEN, NLA_TYPE_MASK, RTM_GETLINK, RTM_NEWLINK } from "./constants.ts";
import { dump, encodeDumpRequest } from "./dump.ts";
import { align4 } from "./message.ts";
import type { Transport } from "./transport.ts";

/** A network interface. */
export interface Link {
  readonly index: number;
  /** Its name as raw bytes, which may be any. */
  readonly name: Uint8Array;
  /** Its alternative names. */
  readonly alternativeNames: readonly Uint8Array[];
}

/** Bytes of struct ifinfomsg. */
export const IFINFOMSG_SIZE = 16;
/** Offset of ifi_index. */
const IFI_INDEX = 4;
const IFLA_IFNAME = 3;
const IFLA_PROP_LIST = 52;
const IFLA_ALT_IFNAME = 53;

/**
 * Lists the interfaces of the network namespace.
 *
 * @throws NetlinkError if the kernel refuses, DecodeError if its answer is malformed
 */
export function listLinks(transport: Transport): Link[] {
  const socket = transport.open(NETLINK_ROUTE);
  try {
    const links: Link[] = [];
    const request = encodeDumpRequest(RTM_GETLINK, new Uint8Array(IFINFOMSG_SIZE));
    for (const batch of dump(socket, request, (size) => new Uint8Array(size))) {
      for (let index = 0; index < batch.count; index++) {
        const length = batch.lengths[index]!;
        if (batch.types[index] === RTM_NEWLINK && length >= IFINFOMSG_SIZE)
          links.push(decodeLink(batch.data, batch.offsets[index]!, length));
      }
    }
    return links;
  } finally {
    socket.close();
  }
}

/**
 * Decodes an RTM_NEWLINK message.
 *
 * @param at offset of its payload, a struct ifinfomsg followed by attributes
 * @param length bytes of the payload, at least {@link IFINFOMSG_SIZE}
 */
export function decodeLink(data: DataView, at: number, length: number): Link {
  let name = new Uint8Array(0);
  const alternativeNames: Uint8Array[] = [];
  const visit = (from: number, end: number, inList: boolean): void => {
    for (const [type, payload, payloadEnd] of attributes(data, from, end)) {
      if (type === IFLA_IFNAME) name = cString(data, payload, payloadEnd);
      else if (type === IFLA_ALT_IFNAME) alternativeNames.push(cString(data, payload, payloadEnd));
      else if (type === IFLA_PROP_LIST && !inList) visit(payload, payloadEnd, true);
    }
  };
  visit(at + IFINFOMSG_SIZE, at + length, false);
  return { index: data.getUint32(at + IFI_INDEX, true), name, alternativeNames };
}

function* attributes(data: DataView, at: number, end: number): Generator<[number, number, number]> {
  while (at + NLA_HDRLEN <= end) {
    const length = data.getUint16(at, true);
    if (length < NLA_HDRLEN || at + length > end) return;
    yield [data.getUint16(at + 2, true) & NLA_TYPE_MASK, at + NLA_HDRLEN, at + length];
    at += align4(length);
  }
}

/** A copy of the bytes up to the first NUL. */
function cString(data: DataView, at: number, end: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(data.buffer as ArrayBuffer, data.byteOffset + at, end - at);
  const nul = bytes.indexOf(0);
  return bytes.slice(0, nul < 0 ? bytes.length : nul);
}
