/** Parses the lines of /proc/net/netlink. proc(5). */

import type { Origin } from "../../diag/message.ts";
import { AF_NETLINK } from "../../model/family.ts";
import { u32Payload } from "../../netlink/message.ts";
import { encodeAnswer, encodeStruct } from "../../procfs/messages.ts";
import { ProcText } from "../../procfs/text.ts";
import { NETLINK_DIAG_MESSAGE_SIZE, netlinkAttributes, netlinkDiagMessage } from "./layout.ts";
import type { ProcNetlinkDetails } from "./socket.ts";
import { NetlinkDiagSocket } from "./socket.ts";

/** A socket from /proc/net/netlink. */
class ProcNetlinkSocket extends NetlinkDiagSocket {
  override readonly procfs: ProcNetlinkDetails;
  readonly #rqueue: number;
  readonly #wqueue: number;

  constructor(
    place: ReturnType<typeof encodeAnswer>,
    origin: Origin,
    procfs: ProcNetlinkDetails,
    rqueue: number,
    wqueue: number,
  ) {
    super(place.data, place.offset, place.length, origin);
    this.procfs = procfs;
    this.#rqueue = rqueue;
    this.#wqueue = wqueue;
  }

  override get rqueue(): number {
    return this.#rqueue;
  }

  override get wqueue(): number {
    return this.#wqueue;
  }
}

/** The sockets of a file. Malformed lines are skipped. */
export function* readNetlink(bytes: Uint8Array, origin: Origin): Generator<NetlinkDiagSocket> {
  const text = new ProcText(bytes);
  if (!text.nextLine()) return;
  while (text.nextLine()) {
    const pointer = text.hex64();
    const protocol = text.decimal();
    const portId = text.decimal();
    const groups = text.hex();
    const rqueue = text.decimal();
    const wqueue = text.decimal();
    const callback = text.hex64();
    if (text.missing) continue;
    // Locks and Drops.
    text.skipWord();
    text.skipWord();
    const inode = text.decimal();
    const values = { familyNumber: AF_NETLINK, protocol, portId, inode };
    const struct = encodeStruct(netlinkDiagMessage, NETLINK_DIAG_MESSAGE_SIZE, values);
    const place = encodeAnswer(struct, [{ type: netlinkAttributes.groups.id, payload: u32Payload(groups) }]);
    yield new ProcNetlinkSocket(place, origin, { pointer, callback }, rqueue, wqueue);
  }
}
