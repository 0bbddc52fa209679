/**
 * Makes of a recorded datagram the one that the kernel would have sent for another request.
 *
 * What cannot be understood goes through as it was recorded: a message too short for its struct passes every mask
 * and filter, attributes are kept from a malformed one on, and from a malformed message on the rest of the
 * datagram is handed over byte for byte.
 */
import { writeField } from "../bytes/layout.ts";
import { NLA_HDRLEN, NLA_TYPE_MASK, NLMSG_HDRLEN } from "../netlink/constants.ts";
import { align4 } from "../netlink/message.ts";
import { runBytecode } from "./bytecode.ts";
import { dataView, headerField, messageEnd, nlmsghdr } from "./header.ts";
import type { Plan } from "./plan.ts";

/** NLMSG_MIN_TYPE: types below are netlink's own. linux/netlink.h. */
const NLMSG_MIN_TYPE = 16;

/** Whom an answer is for. */
export interface Asker {
  readonly sequence: number;
  readonly portId: number;
}

/**
 * Rewrites a datagram: sockets and attributes that the plan leaves out are gone, the rest is addressed to the
 * asker.
 *
 * @param out at least as long as the datagram
 * @returns bytes written; 0 if no message is left
 */
export function rewriteDatagram(datagram: Uint8Array, plan: Plan, asker: Asker, out: Uint8Array): number {
  const data = dataView(datagram);
  const outData = dataView(out);
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
      const length = copyMessage(datagram, data, at, end, isSocket ? plan : undefined, out, to);
      writeField(nlmsghdr.length, outData, to, length);
      writeField(nlmsghdr.sequence, outData, to, asker.sequence);
      writeField(nlmsghdr.portId, outData, to, asker.portId);
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

/** Copies a message without the attributes that were not asked for. @returns its new length */
function copyMessage(
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
  let from = at + NLMSG_HDRLEN + plan.messageSize;
  out.set(datagram.subarray(at, from), to);
  let length = from - at;
  while (from < end) {
    const size = from + NLA_HDRLEN <= end ? data.getUint16(from, true) : 0;
    const whole = size >= NLA_HDRLEN && from + size <= end;
    const next = whole ? Math.min(from + align4(size), end) : end;
    if (!whole || !plan.unwanted.has(data.getUint16(from + 2, true) & NLA_TYPE_MASK)) {
      out.set(datagram.subarray(from, next), to + length);
      length += next - from;
    }
    from = next;
  }
  return length;
}
