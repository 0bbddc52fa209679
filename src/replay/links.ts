/** Network interfaces of a recording, from answers to RTM_GETLINK. linux/rtnetlink.h, linux/if_link.h. */
import { NETLINK_ROUTE, NLM_F_ROOT, NLMSG_HDRLEN, RTM_GETLINK, RTM_NEWLINK } from "../netlink/constants.ts";
import { decodeLink, IFINFOMSG_SIZE } from "../netlink/links.ts";
import { align4 } from "../netlink/message.ts";
import { dataView, headerField, messageEnd } from "./header.ts";
import type { Recording } from "./recording.ts";

/** The interfaces of a recording. */
export interface Links {
  /** The answer to a dump; undefined if the recording has neither a dump nor any interface. */
  readonly dump: readonly Uint8Array[] | undefined;
  /** The message of one interface, by index or any of its names; undefined if it was not recorded. */
  find(index: number, name: string | undefined): Uint8Array | undefined;
}

const decoder = new TextDecoder();

/** The index of a message's interface, and its names as text: its own first. */
function indexAndNames(data: DataView, end: number): { index: number; names: string[] } {
  const { index, name, alternativeNames } = decodeLink(data, NLMSG_HDRLEN, end - NLMSG_HDRLEN);
  const named = [name, ...alternativeNames].filter(({ length }) => length > 0);
  return { index, names: named.map((bytes) => decoder.decode(bytes)) };
}

/** The index and name in a request for one interface; 0 and undefined if absent. */
export function wantedLink(request: Uint8Array): { index: number; name: string | undefined } {
  const data = dataView(request);
  const end = messageEnd(data, 0);
  if (end < NLMSG_HDRLEN + IFINFOMSG_SIZE) return { index: 0, name: undefined };
  const { index, names } = indexAndNames(data, end);
  return { index, name: names[0] };
}

/** Collects the interfaces of a recording, from dumps and from answers about one interface. */
export function readLinks(recording: Recording): Links {
  const messages = new Map<number, Uint8Array>();
  const byName = new Map<string, Uint8Array>();
  let dump: readonly Uint8Array[] | undefined;
  for (const { request, answer } of recording.get(NETLINK_ROUTE)?.conversations ?? []) {
    const header = dataView(request);
    if (headerField("type", header, 0) !== RTM_GETLINK) continue;
    // The messages are kept.
    const datagrams = Array.from(answer, (datagram) => datagram.slice());
    if (headerField("flags", header, 0) & NLM_F_ROOT) dump ??= datagrams;
    for (const datagram of datagrams) collect(datagram, messages, byName);
  }
  if (dump === undefined && messages.size > 0) dump = [...messages.values()];
  return {
    dump,
    find: (index, name) => (index > 0 ? messages.get(index) : byName.get(name ?? "")),
  };
}

/** Adds the interfaces of one datagram. The first message about an interface wins. */
function collect(datagram: Uint8Array, messages: Map<number, Uint8Array>, byName: Map<string, Uint8Array>) {
  const whole = dataView(datagram);
  for (let at = 0, end = messageEnd(whole, 0); end >= 0; at = align4(end), end = messageEnd(whole, at)) {
    if (headerField("type", whole, at) !== RTM_NEWLINK) continue;
    if (end < at + NLMSG_HDRLEN + IFINFOMSG_SIZE) continue;
    const message = datagram.subarray(at, end);
    const data = dataView(message);
    const { index, names } = indexAndNames(data, message.length);
    if (messages.has(index)) continue;
    messages.set(index, message);
    for (const name of names) if (!byName.has(name)) byName.set(name, message);
  }
}
