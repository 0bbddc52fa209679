/** Encodes lines of /proc as netlink answers, so that the same views decode both. */
import { type Layout, writeField } from "../bytes/layout.ts";
import { NLMSG_HDRLEN, SOCK_DIAG_BY_FAMILY } from "../netlink/constants.ts";
import { type AttributeToWrite, encodeMessage } from "../netlink/message.ts";

/** The place of a message in a buffer: what a view is constructed over. */
export interface MessagePlace {
  readonly data: DataView;
  readonly offset: number;
  readonly length: number;
}

/** The bytes of a kernel struct. Fields without a value are zero. */
export function encodeStruct<L extends Layout>(
  layout: L,
  size: number,
  values: { readonly [K in keyof L]?: number | bigint },
): Uint8Array {
  const bytes = new Uint8Array(size);
  const data = new DataView(bytes.buffer);
  for (const [name, value] of Object.entries(values)) writeField(layout[name]!, data, 0, value as number);
  return bytes;
}

/** The payload of a sock_diag answer: a struct and attributes. */
export function encodeAnswer(struct: Uint8Array, attributes: readonly AttributeToWrite[]): MessagePlace {
  const header = { type: SOCK_DIAG_BY_FAMILY, flags: 0, sequence: 0, portId: 0 };
  const bytes = encodeMessage(header, struct, attributes);
  return { data: new DataView(bytes.buffer), offset: NLMSG_HDRLEN, length: bytes.length - NLMSG_HDRLEN };
}

/** Number of messages per buffer. */
const MESSAGES_PER_BUFFER = 512;

/** Returns an allocator of zeroed messages of `size` bytes. Messages share buffers, to save allocations. */
export function messageRoom(size: number): () => MessagePlace {
  let data = new DataView(new ArrayBuffer(0));
  let offset = 0;
  return () => {
    if (offset === data.byteLength) {
      data = new DataView(new ArrayBuffer(size * MESSAGES_PER_BUFFER));
      offset = 0;
    }
    const place = { data, offset, length: size };
    offset += size;
    return place;
  };
}
