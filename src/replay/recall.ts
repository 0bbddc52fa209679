/** Reads the messages of a big recording again where they are in its file, so that nobody must keep them. */
import { NLMSG_HDRLEN } from "../netlink/constants.ts";
import type { Recall } from "../netlink/transport.ts";
import type { Bytes } from "./capture.ts";
import { RecordingError } from "./error.ts";
import { dataView, headerField, messageEnd } from "./header.ts";
import type { Plan } from "./plan.ts";
import type { AnswerFile } from "./recording.ts";
import { copyMessage, type Moves } from "./rewrite.ts";

/**
 * Reads messages of an answer again.
 *
 * @param plan the plan by which the answer is rewritten
 * @param moves those of the datagram that was rewritten last
 */
export function recallFrom(file: AnswerFile, plan: Plan, moves: Moves): Recall {
  /** Open from the first message on that is read again. */
  let bytes: Bytes | undefined;
  let out = new Uint8Array(0);
  let next = 0;
  return {
    placeOf(offset) {
      const at = offset - NLMSG_HDRLEN;
      // Messages come in order.
      for (let tried = 0; tried < moves.length; tried += 2) {
        if (next >= moves.length) next = 0;
        const found = moves[next] === at;
        next += 2;
        if (found) return file.at + moves[next - 1]!;
      }
      return -1;
    },
    read(place) {
      bytes ??= file.open();
      const header = bytes.read(place, NLMSG_HDRLEN);
      const length = header.length < NLMSG_HDRLEN ? 0 : headerField("length", dataView(header), 0);
      const message = bytes.read(place, Math.min(length, bytes.size));
      const data = dataView(message);
      const end = messageEnd(data, 0);
      if (end < 0) throw new RecordingError("read", file.name, "it changed while it was read");
      if (out.length < end) out = new Uint8Array(end);
      const isSocket = end >= NLMSG_HDRLEN + plan.messageSize;
      return out.subarray(
        NLMSG_HDRLEN,
        copyMessage(message, data, 0, end, isSocket ? plan : undefined, out, 0),
      );
    },
  };
}
