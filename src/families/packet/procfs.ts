/** Parses the lines of /proc/net/packet. */

import type { Origin } from "../../diag/message.ts";
import { AF_PACKET } from "../../model/family.ts";
import { u32Payload } from "../../netlink/message.ts";
import { encodeAnswer, encodeStruct } from "../../procfs/messages.ts";
import { nextWholeLine, ProcText } from "../../procfs/text.ts";
import { PACKET_DIAG_MESSAGE_SIZE, packetAttributes, packetDiagMessage } from "./layout.ts";
import { PacketSocket } from "./socket.ts";

/** A socket from /proc/net/packet, which has less about memory and interface than netlink. */
class ProcPacketSocket extends PacketSocket {
  /** Set, as in other views from /proc: a copy of the message alone would not be the same socket. */
  readonly procfs = {};
  readonly #interfaceIndex: number;
  readonly #rqueue: number;

  constructor(
    place: ReturnType<typeof encodeAnswer>,
    origin: Origin,
    interfaceIndex: number,
    rqueue: number,
  ) {
    super(place.data, place.offset, place.length, origin);
    this.#interfaceIndex = interfaceIndex;
    this.#rqueue = rqueue;
  }

  override get interfaceIndex(): number {
    return this.#interfaceIndex;
  }

  override get rqueue(): number {
    return this.#rqueue;
  }
}

/** The sockets of a file, up to a line that is too long or has no newline. Malformed lines are skipped. */
export function* readPacket(bytes: Uint8Array, origin: Origin): Generator<PacketSocket> {
  const text = new ProcText(bytes);
  if (nextWholeLine(text) !== "line") return;
  while (nextWholeLine(text) === "line") {
    text.skipWord();
    text.skipWord();
    const type = text.decimal();
    const protocol = text.hex();
    const interfaceIndex = text.decimal();
    text.skipWord();
    const rqueue = text.decimal();
    const uid = text.decimal();
    const inode = text.decimal();
    if (text.missing) continue;
    const values = { familyNumber: AF_PACKET, type, protocol, inode };
    const struct = encodeStruct(packetDiagMessage, PACKET_DIAG_MESSAGE_SIZE, values);
    const place = encodeAnswer(struct, [{ type: packetAttributes.uid.id, payload: u32Payload(uid) }]);
    yield new ProcPacketSocket(place, origin, interfaceIndex, rqueue);
  }
}
