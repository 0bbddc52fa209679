/**
 * Rewrites a recorded datagram into the one that the kernel would have sent for another request.
 *
 * Malformed parts are passed on unchanged: a message too short for its struct passes every mask and filter, attributes
 * are kept from the first malformed one on, and so is the rest of a datagram from the first malformed message on.
 */
import { writeField } from "../bytes/layout.ts";
import { NLA_HDRLEN, NLA_TYPE_MASK, NLMSG_HDRLEN } from "../netlink/constants.ts";
import { align4 } from "../netlink/message.ts";
import { runBytecode } from "./bytecode.ts";
import { dataView, headerField, messageEnd, nlmsghdr } from "./header.ts";
import type { Plan } from "./plan.ts";

/** NLMSG_MIN_TYPE: types below are netlink's own. linux/netlink.h. */
const NLMSG_MIN_TYPE = 16;

/** The requester that an answer is addressed to. */
export interface Requester {
  readonly sequence: number;
  readonly portId: number;
}

/** Where the messages of a rewritten datagram were: for each its new place, then its old one. */
export type Moves = number[];

/**
 * Rewrites a datagram: drops the sockets and attributes that the plan leaves out, and addresses the rest to the
 * requester.
 *
 * @param out at least as long as the datagram
 * @param moves is filled, if given
 * @returns bytes written; 0 if no message is left
 */
export function rewriteDatagram(
  datagram: Uint8Array,
  plan: Plan,
  requester: Requester,
  out: Uint8Array,
  moves?: Moves,
): number {
  const data = dataView(datagram);
  const outData = dataView(out);
  if (moves !== undefined) moves.length = 0;
  let to = 0;
  let previous = -1;
  for (let at = 0; at < datagram.length; ) {
    const end = messageEnd(data, at);
    if (end < 0) {
      out.set(datagram.subarray(at), to);
      return to + datagram.length - at;
    }
    const isSocket =
      headerField("type", data, at) >= NLMSG_MIN_TYPE && end >= at + NLMSG_HDRLEN + plan.messageSize;
    if (!isSocket || passes(plan, data, at, end, previous)) {
      moves?.push(to, at);
      const length = copyMessage(datagram, data, at, end, isSocket ? plan : undefined, out, to);
      writeField(nlmsghdr.length, outData, to, length);
      writeField(nlmsghdr.sequence, outData, to, requester.sequence);
      writeField(nlmsghdr.portId, outData, to, requester.portId);
      out.fill(0, to + length, align4(to + length));
      to += align4(length);
    }
    previous = isSocket ? at : -1;
    at = align4(end);
  }
  return Math.min(to, datagram.length);
}

/** Whether the socket of a message passes the plan's mask and filter. */
function passes(
  { states, program }: Plan,
  data: DataView,
  at: number,
  end: number,
  previous: number,
): boolean {
  if (states !== undefined && !states.test(states.mask, data, at, end, previous)) return false;
  return program === undefined || runBytecode(program, data, at + NLMSG_HDRLEN, end);
}

/** Copies a message without unwanted attributes; all of it if there is no plan. @returns its new length */
export function copyMessage(
  datagram: Uint8Array,
  data: DataView,
  at: number,
  end: number,
  plan: Plan | undefined,
  out: Uint8Array,
  to: number,
): number {
  if (plan === undefined || plan.unwanted.size === 0) {
    out.set(datagram.subarray(at, end), to);
    return end - at;
  }
  // What is kept in a row is copied together.
  let copied = at;
  let length = 0;
  const copyUpTo = (until: number) => {
    if (until > copied) out.set(datagram.subarray(copied, until), to + length);
    length += until - copied;
  };
  let from = at + NLMSG_HDRLEN + plan.messageSize;
  while (from < end) {
    const size = from + NLA_HDRLEN <= end ? data.getUint16(from, true) : 0;
    const whole = size >= NLA_HDRLEN && from + size <= end;
    const next = whole ? Math.min(from + align4(size), end) : end;
    if (whole && plan.unwanted.has(data.getUint16(from + 2, true) & NLA_TYPE_MASK)) {
      copyUpTo(from);
      copied = next;
    }
    from = next;
  }
  copyUpTo(end);
  return length;
}
