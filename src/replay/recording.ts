/** A recording: requests with their answers, and multicasts. The answers of a big one stay in its file. */
import { readField } from "../bytes/layout.ts";
import {
  INET_DIAG_REQ_PROTOCOL,
  INET_DIAG_REQUEST_SIZE,
  inetDiagLegacyRequest,
  inetDiagMessage,
  inetDiagRequest,
} from "../families/inet/layouts/inet-diag.ts";
import { AF_INET, AF_INET6, IPPROTO_DCCP, IPPROTO_TCP } from "../model/family.ts";
import {
  DCCPDIAG_GETSOCK,
  NETLINK_SOCK_DIAG,
  NLA_HDRLEN,
  NLM_F_REQUEST,
  NLMSG_HDRLEN,
  SOCK_DESTROY,
  TCPDIAG_GETSOCK,
} from "../netlink/constants.ts";
import { findAttribute } from "../netlink/message.ts";
import type { Bytes, Capture } from "./capture.ts";
import { dataView, headerField, messageEnd } from "./header.ts";
import { type Packet, type PacketPlace, pcapPackets } from "./pcap.ts";

/** A request, and the datagrams that answered it. */
export interface Conversation {
  readonly request: Uint8Array;
  readonly answer: Answer;
}

/** The datagrams of an answer, each valid until the next one. */
export interface Answer extends Iterable<Uint8Array> {
  /** The file that they are in, if they stay there. */
  readonly file?: AnswerFile | undefined;
}

/** The file that an answer is in. */
export interface AnswerFile {
  /** Its name in messages. */
  readonly name: string;
  /** Where the last datagram begins. */
  readonly at: number;
  /** Opens it to read single messages. @throws RecordingError */
  open(): Bytes;
}

/** The part of a capture that belongs to one netlink protocol. */
export interface ProtocolRecording {
  /** In the order of their requests. */
  readonly conversations: readonly Conversation[];
  /** Datagrams that the kernel sent to a multicast group, in order. */
  readonly multicasts: readonly Uint8Array[];
}

/** A capture by netlink protocol. */
export type Recording = ReadonlyMap<number, ProtocolRecording>;

/** The subject of a sock_diag request. */
export interface DiagRequest {
  /** Message type: SOCK_DIAG_BY_FAMILY, SOCK_DESTROY or one of the legacy ones. */
  readonly type: number;
  /** AF_* */
  readonly family: number;
  /** IP protocol of an inet request, else `sdiag_protocol`. */
  readonly protocol: number;
}

/** Bytes of struct inet_diag_sockid, which ends where `idiag_expires` begins in an answer. */
const SOCKET_ID_SIZE = inetDiagMessage.expires.offset - inetDiagMessage.sport.offset;

const legacyProtocols: Readonly<Record<number, number>> = {
  [TCPDIAG_GETSOCK]: IPPROTO_TCP,
  [DCCPDIAG_GETSOCK]: IPPROTO_DCCP,
};

/** Whether requests of a family are struct inet_diag_req_v2. */
export function isInet(family: number): boolean {
  return family === AF_INET || family === AF_INET6;
}

/** The subject of a sock_diag request, or undefined if the request is too short. */
export function diagRequest(data: DataView): DiagRequest | undefined {
  const end = messageEnd(data, 0);
  if (end < NLMSG_HDRLEN + inetDiagRequest.protocol.offset + 1) return undefined;
  const type = headerField("type", data, 0);
  const legacy = legacyProtocols[type];
  if (legacy !== undefined)
    return {
      type,
      family: Number(readField(inetDiagLegacyRequest.family, data, NLMSG_HDRLEN)),
      protocol: legacy,
    };
  const family = Number(readField(inetDiagRequest.family, data, NLMSG_HDRLEN));
  const protocol = Number(readField(inetDiagRequest.protocol, data, NLMSG_HDRLEN));
  const attribute = isInet(family)
    ? findAttribute(data, NLMSG_HDRLEN + INET_DIAG_REQUEST_SIZE, end, INET_DIAG_REQ_PROTOCOL)
    : -1;
  return attribute < 0 || data.getUint16(attribute, true) < NLA_HDRLEN + 4
    ? { type, family, protocol }
    : { type, family, protocol: data.getUint32(attribute + NLA_HDRLEN, true) };
}

/** Requests with the same key have the same answer. undefined for bytes that are not a sock_diag request. */
export function requestKey(datagram: Uint8Array): string | undefined {
  const request = diagRequest(dataView(datagram));
  if (request === undefined) return undefined;
  const { type, family, protocol } = request;
  if (type !== SOCK_DESTROY) return `${type}/${family}/${protocol}`;
  const id = NLMSG_HDRLEN + inetDiagRequest.id.offset;
  return `${type}/${datagram.subarray(id, id + SOCKET_ID_SIZE).join(" ")}`;
}

/** The recording of one protocol, as it grows. */
interface Growing<Its extends Answer> extends ProtocolRecording {
  readonly conversations: { readonly request: Uint8Array; readonly answer: Its }[];
  readonly multicasts: Uint8Array[];
}

/**
 * Sorts packets into conversations. A datagram that begins with a request starts one. What follows on the same netlink
 * protocol is its answer, even if malformed. Answers without a request are left out.
 *
 * @param startOf gives the first bytes of a packet, those of its first message's header
 * @param whole gives the datagram of a packet, to be kept
 * @param makeAnswer makes the answer of a request
 * @param extend adds a packet to an answer
 */
function sortPackets<Packet extends { readonly protocol: number }, Its extends Answer>(
  packets: Iterable<Packet>,
  startOf: (packet: Packet) => Uint8Array,
  whole: (packet: Packet) => Uint8Array,
  makeAnswer: (protocol: number) => Its,
  extend: (answer: Its, packet: Packet) => void,
): Recording {
  const protocols = new Map<number, Growing<Its>>();
  for (const packet of packets) {
    const { protocol } = packet;
    let recording = protocols.get(protocol);
    if (recording === undefined) {
      recording = { conversations: [], multicasts: [] };
      protocols.set(protocol, recording);
    }
    const kind = kindOf(startOf(packet));
    if (kind === "request")
      recording.conversations.push({ request: whole(packet), answer: makeAnswer(protocol) });
    else if (kind === "multicast") recording.multicasts.push(whole(packet));
    else {
      const last = recording.conversations.at(-1);
      if (last !== undefined) extend(last.answer, packet);
    }
  }
  return protocols;
}

/** Sorts the packets of a capture in memory into conversations. */
export function readRecording(packets: readonly Packet[]): Recording {
  return sortPackets(
    packets,
    ({ datagram }) => datagram,
    ({ datagram }) => datagram,
    (): Uint8Array[] => [],
    (answer, { datagram }) => answer.push(datagram),
  );
}

/** The datagrams of an answer, by where they are in a capture. */
class CapturedAnswer implements Answer {
  readonly file: (AnswerFile & { at: number }) | undefined;
  readonly #capture: Capture;
  readonly #places: number[] = [];

  constructor(capture: Capture, name: string) {
    this.#capture = capture;
    if (capture.isBig) this.file = { name, at: 0, open: () => capture.open("messages") };
  }

  add({ at, length }: PacketPlace): void {
    this.#places.push(at, length);
  }

  *[Symbol.iterator](): Generator<Uint8Array> {
    const places = this.#places;
    if (places.length === 0) return;
    using bytes = this.#capture.open("packets");
    for (let index = 0; index < places.length; index += 2) {
      const at = places[index]!;
      if (this.file !== undefined) this.file.at = at;
      yield bytes.read(at, places[index + 1]!);
    }
  }
}

/**
 * Sorts the packets of a capture into conversations, and leaves their answers in it.
 *
 * @param name the file's name in messages
 * @throws RecordingError if the capture is malformed
 */
export function readCapture(capture: Capture, name: string): Recording {
  using bytes = capture.open("headers");
  return sortPackets(
    pcapPackets(bytes, name),
    ({ at, length }) => bytes.read(at, Math.min(length, NLMSG_HDRLEN)),
    ({ at, length }) => bytes.read(at, length).slice(),
    () => new CapturedAnswer(capture, name),
    (answer, place) => answer.add(place),
  );
}

/** The kind of a recorded datagram, from the header of its first message, which may be all of it that is given. */
function kindOf(datagram: Uint8Array): "request" | "multicast" | "answer" {
  if (datagram.length < NLMSG_HDRLEN) return "answer";
  const data = dataView(datagram);
  if (headerField("flags", data, 0) & NLM_F_REQUEST) return "request";
  const unsolicited = headerField("sequence", data, 0) === 0 && headerField("portId", data, 0) === 0;
  return unsolicited ? "multicast" : "answer";
}

/** The sock_diag conversations by the key of their request. */
export function diagConversations(recording: Recording): Map<string, Conversation[]> {
  const byKey = new Map<string, Conversation[]>();
  for (const conversation of recording.get(NETLINK_SOCK_DIAG)?.conversations ?? []) {
    const key = requestKey(conversation.request);
    if (key === undefined) continue;
    const same = byKey.get(key);
    if (same === undefined) byKey.set(key, [conversation]);
    else same.push(conversation);
  }
  return byKey;
}
