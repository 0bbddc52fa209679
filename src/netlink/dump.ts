/** Dumps: one request, answered by messages in any number of datagrams up to NLMSG_DONE. */
import { expectLongRun, keepOutOfLastTier } from "#libc";
import {
  NLA_HDRLEN,
  NLM_F_ACK_TLVS,
  NLM_F_CAPPED,
  NLM_F_DUMP_INTR,
  NLM_F_MATCH,
  NLM_F_REQUEST,
  NLM_F_ROOT,
  NLMSG_DONE,
  NLMSG_ERROR,
  NLMSG_HDRLEN,
  NLMSGERR_ATTR_MSG,
  NLMSGERR_ATTR_OFFS,
} from "./constants.ts";
import { DecodeError, NetlinkError } from "./errors.ts";
import { type AttributeToWrite, align4, encodeMessage, findAttribute } from "./message.ts";
import { type NetlinkSocket, pending } from "./transport.ts";

/** The sequence number of every dump; a socket has one dump under way at most. */
export const DUMP_SEQUENCE = 123456;

/**
 * Takes one message of a dump. All messages of a datagram come with the same `data`, those of the next one with
 * another.
 *
 * @param type `nlmsg_type`
 * @param offset where its payload begins in `data`
 * @param length bytes of the payload
 */
export type TakeMessage = (data: DataView, type: number, offset: number, length: number) => void;

/** The messages of one datagram; the same object comes again with the next one. */
export interface Batch {
  /** The datagram. */
  data: DataView;
  /** How many messages of the dump it holds; 0 if nothing has come yet, on a socket that does not wait. */
  count: number;
  /** `nlmsg_type` of each. */
  readonly types: number[];
  /** Where the payload of each begins. */
  readonly offsets: number[];
  /** Bytes of each payload. */
  readonly lengths: number[];
}

/** How a dump ended. */
export interface DumpEnd {
  /** The kernel says that a change under way may have left sockets out or shown them twice. */
  readonly interrupted: boolean;
}

/** Makes the request of a dump. */
export function encodeDumpRequest(
  type: number,
  payload: Uint8Array,
  attributes: readonly AttributeToWrite[] = [],
): Uint8Array {
  const flags = NLM_F_REQUEST | NLM_F_ROOT | NLM_F_MATCH;
  return encodeMessage({ type, flags, sequence: DUMP_SEQUENCE, portId: 0 }, payload, attributes);
}

const decoder = new TextDecoder();

/** The extended acknowledgement that follows an error code, where there is one. */
function extendedAck(data: DataView, at: number, end: number): { detail?: string; offset?: number } {
  const message = findAttribute(data, at, end, NLMSGERR_ATTR_MSG);
  const position = findAttribute(data, at, end, NLMSGERR_ATTR_OFFS);
  const ack: { detail?: string; offset?: number } = {};
  if (message >= 0) {
    const start = data.byteOffset + message + NLA_HDRLEN;
    const bytes = new Uint8Array(data.buffer, start, data.getUint16(message, true) - NLA_HDRLEN);
    const nul = bytes.indexOf(0);
    ack.detail = decoder.decode(nul < 0 ? bytes : bytes.subarray(0, nul));
  }
  if (position >= 0 && data.getUint16(position, true) >= NLA_HDRLEN + 4)
    ack.offset = data.getUint32(position + NLA_HDRLEN, true);
  return ack;
}

/**
 * The error that an NLMSG_ERROR message carries, or undefined for an acknowledgement.
 *
 * @param at where its payload (struct nlmsgerr) begins
 * @param end where the message ends
 */
export function errorOf(data: DataView, at: number, end: number, flags: number): NetlinkError | undefined {
  if (at + 4 > end) throw new DecodeError("nlmsgerr", at, "it is cut short");
  const errno = -data.getInt32(at, true);
  if (errno === 0) return undefined;
  if ((flags & NLM_F_ACK_TLVS) === 0) return new NetlinkError("answer", errno);
  // Behind the code stands the header of the request, and unless capped the rest of it.
  const requestLength =
    (flags & NLM_F_CAPPED) !== 0 || at + 8 > end ? NLMSG_HDRLEN : data.getUint32(at + 4, true);
  if (requestLength > end - at) return new NetlinkError("answer", errno);
  const ack = extendedAck(data, at + 4 + align4(requestLength), end);
  return new NetlinkError("answer", errno, ack.detail, ack.offset);
}

/** The error that an NLMSG_DONE message carries when a dump failed under way, or undefined. */
function doneErrorOf(data: DataView, at: number, end: number): NetlinkError | undefined {
  if (at + 4 > end) return undefined;
  const errno = -data.getInt32(at, true);
  if (errno <= 0) return undefined;
  const ack = extendedAck(data, at + 4, end);
  return new NetlinkError("dump", errno, ack.detail, ack.offset);
}

/**
 * Sends the request of a dump.
 *
 * @param room gives the buffer of each datagram, see {@link NetlinkSocket.receive}; or it is that of all of them, see
 *   {@link NetlinkSocket.receiveInto}
 * @param take is called with each message
 * @returns the function that reads the next datagram. It gives how the dump ended, `pending` if nothing has come yet,
 *   and undefined if there may be more. It throws what {@link dump} throws, after the messages that came before that.
 */
export function startDump(
  socket: NetlinkSocket,
  request: Uint8Array,
  room: Uint8Array | ((size: number) => Uint8Array),
  take: TakeMessage,
): () => DumpEnd | "pending" | undefined {
  socket.send(request);
  const { portId, receiveInto } = socket;
  let interrupted = false;
  let finished = false;
  let failure: NetlinkError | DecodeError | undefined;
  const allocate =
    typeof room === "function" ? room : (size: number) => (size > room.length ? new Uint8Array(size) : room);
  let isFirst = true;
  const receive =
    typeof room === "function" || receiveInto === undefined
      ? () => socket.receive(allocate)
      : () => receiveInto(room);

  /** Reads the messages of a datagram, up to the end of the dump. */
  function readMessages(data: DataView, size: number): void {
    let at = 0;
    while (at + NLMSG_HDRLEN <= size && !finished) {
      const length = data.getUint32(at, true);
      const end = at + length;
      if (length < NLMSG_HDRLEN || end > size) {
        failure = new DecodeError("nlmsghdr", at, `a message of ${length} bytes does not fit`);
        return;
      }
      const type = data.getUint16(at + 4, true);
      const flags = data.getUint16(at + 6, true);
      const payload = at + NLMSG_HDRLEN;
      if (data.getUint32(at + 8, true) === DUMP_SEQUENCE && data.getUint32(at + 12, true) === portId) {
        if ((flags & NLM_F_DUMP_INTR) !== 0) interrupted = true;
        if (type > NLMSG_DONE) take(data, type, payload, length - NLMSG_HDRLEN);
        else if (type === NLMSG_DONE || type === NLMSG_ERROR) {
          failure =
            type === NLMSG_DONE ? doneErrorOf(data, payload, end) : errorOf(data, payload, end, flags);
          finished = true;
        }
      }
      at += align4(length);
    }
    if (!finished && at < size) failure = new DecodeError("nlmsghdr", at, `${size - at} bytes are left over`);
  }
  keepOutOfLastTier(readMessages);

  return () => {
    if (failure !== undefined) throw failure;
    if (finished) return { interrupted };
    if (isFirst) isFirst = false;
    else expectLongRun();
    const datagram = receive();
    if (datagram === pending) return "pending";
    if (datagram.length === 0) throw new DecodeError("dump", 0, "the conversation ends without NLMSG_DONE");
    readMessages(new DataView(datagram.buffer, datagram.byteOffset, datagram.length), datagram.length);
    return undefined;
  };
}

/**
 * Runs a dump: sends the request and gives the messages of the answer, a datagram at a time.
 *
 * @param allocate gives the buffer of each datagram, see {@link NetlinkSocket.receive}
 * @returns how it ended
 * @throws NetlinkError if the kernel refuses it (operation `answer`) or it fails under way (operation `dump`)
 * @throws DecodeError if the answer is not netlink
 */
export function* dump(
  socket: NetlinkSocket,
  request: Uint8Array,
  allocate: (size: number) => Uint8Array,
): Generator<Batch, DumpEnd> {
  const batch: Batch = { data: new DataView(request.buffer), count: 0, types: [], offsets: [], lengths: [] };
  const next = startDump(socket, request, allocate, (data, type, offset, length) => {
    const { count } = batch;
    batch.data = data;
    batch.types[count] = type;
    batch.offsets[count] = offset;
    batch.lengths[count] = length;
    batch.count = count + 1;
  });
  for (;;) {
    batch.count = 0;
    const end = next();
    if (end !== undefined && end !== "pending") return end;
    if (end === "pending" || batch.count > 0) yield batch;
  }
}
