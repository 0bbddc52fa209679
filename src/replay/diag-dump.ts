/** A file that `-D` wrote, as a recording: answers about TCP sockets, without their requests. */
import { inetRequest } from "../families/inet/request.ts";
import { AF_INET, AF_INET6, IPPROTO_TCP } from "../model/family.ts";
import { NETLINK_SOCK_DIAG, NLMSG_DONE, NLMSG_HDRLEN, SOCK_DIAG_BY_FAMILY } from "../netlink/constants.ts";
import { encodeDumpRequest } from "../netlink/dump.ts";
import { align4 } from "../netlink/message.ts";
import type { Bytes } from "./capture.ts";
import { RecordingError } from "./error.ts";
import { dataView } from "./header.ts";
import type { Packet } from "./pcap.ts";

/** Offsets in struct nlmsghdr. linux/netlink.h. */
const TYPE_OFFSET = 4;
const SEQUENCE_OFFSET = 8;

/** Whether a file begins like one that `-D` wrote: with a socket, or with the end of a dump. */
export function isDiagDump(bytes: Bytes): boolean {
  if (bytes.size < NLMSG_HDRLEN) return false;
  const data = dataView(bytes.read(0, NLMSG_HDRLEN));
  const type = data.getUint16(TYPE_OFFSET, true);
  const length = data.getUint32(0, true);
  return (
    length >= NLMSG_HDRLEN && length <= bytes.size && (type === SOCK_DIAG_BY_FAMILY || type === NLMSG_DONE)
  );
}

/** The messages of a file, copied. @throws RecordingError if it is cut */
function* messagesOf(bytes: Uint8Array, name: string): Generator<Uint8Array> {
  const data = dataView(bytes);
  for (let at = 0; at < bytes.length; ) {
    const length = at + NLMSG_HDRLEN > bytes.length ? 0 : data.getUint32(at, true);
    if (length < NLMSG_HDRLEN || at + length > bytes.length)
      throw new RecordingError("read", name, `truncated message at byte ${at}`);
    yield bytes.slice(at, at + length);
    at += align4(length);
  }
}

/**
 * Reads a file that `-D` wrote: all of its dumps, each socket as an answer about its own family.
 *
 * @param name the file's name for messages
 * @throws RecordingError if it is cut
 */
export function decodeDiagDump(bytes: Uint8Array, name: string): Packet[] {
  const answers = new Map<number, Uint8Array[]>([
    [AF_INET, []],
    [AF_INET6, []],
  ]);
  for (const message of messagesOf(bytes, name)) {
    const data = dataView(message);
    if (data.getUint16(TYPE_OFFSET, true) !== SOCK_DIAG_BY_FAMILY) continue;
    // A message without sequence number would pass for an event.
    data.setUint32(SEQUENCE_OFFSET, 1, true);
    answers.get(message[NLMSG_HDRLEN] ?? 0)?.push(message);
  }
  const done = new Uint8Array(NLMSG_HDRLEN + 4);
  const header = dataView(done);
  header.setUint32(0, done.length, true);
  header.setUint16(TYPE_OFFSET, NLMSG_DONE, true);
  header.setUint32(SEQUENCE_OFFSET, 1, true);
  const packet = (datagram: Uint8Array): Packet => ({ protocol: NETLINK_SOCK_DIAG, datagram });
  return Array.from(answers, ([family, messages]) => {
    const request = encodeDumpRequest(SOCK_DIAG_BY_FAMILY, inetRequest(family, IPPROTO_TCP, 0, 0), []);
    return [request, ...messages, done].map(packet);
  }).flat();
}
