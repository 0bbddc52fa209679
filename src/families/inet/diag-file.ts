/** Reads a file of netlink messages about TCP sockets, as `-D` writes and TCPDIAG_FILE names. */

import type { Origin } from "../../diag/message.ts";
import { NLMSG_DONE, NLMSG_ERROR, NLMSG_HDRLEN } from "../../netlink/constants.ts";
import { align4 } from "../../netlink/message.ts";
import { INET_DIAG_MESSAGE_SIZE } from "./layouts/inet-diag.ts";
import { InetSocket } from "./socket.ts";

/** Why reading a file failed. */
export type DiagFileProblem =
  /** The file cannot be opened or read. */
  | {
      /** The call that failed. */
      readonly what: "open" | "read";
      /** The error of the file system. */
      readonly cause: unknown;
    }
  /** The file ends in the middle of a dump. */
  | { readonly what: "cut" }
  /** The file contains an error message of the kernel. */
  | {
      readonly what: "answer";
      /** Positive errno. */
      readonly errno: number;
    }
  /** The file contains an error message that is too short for an error code. */
  | { readonly what: "shortError" }
  /** A message has an impossible length. */
  | {
      readonly what: "damaged";
      /** Bytes from the start of the file to the message. */
      readonly offset: number;
    };

/** Bytes of the error code in an error message. */
const ERRNO_SIZE = 4;

/**
 * The sockets of all dumps in a file. ss stops after the first dump.
 *
 * @returns a problem with the file, if there is one
 */
export function* readDiagFile(
  bytes: Uint8Array,
  origin: Origin,
): Generator<InetSocket, DiagFileProblem | undefined> {
  const data = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = 0;
  let finished = false;
  while (at < data.byteLength) {
    if (at + NLMSG_HDRLEN > data.byteLength) return { what: "cut" };
    const length = data.getUint32(at, true);
    if (length < NLMSG_HDRLEN) return { what: "damaged", offset: at };
    // Rounding a length near 2^32 up to the alignment must not wrap around.
    if (at + length > data.byteLength || at + align4(length) > data.byteLength) return { what: "cut" };
    const type = data.getUint16(at + 4, true);
    const payload = at + NLMSG_HDRLEN;
    const size = length - NLMSG_HDRLEN;
    finished = type === NLMSG_DONE;
    if (type === NLMSG_ERROR) {
      return size < ERRNO_SIZE
        ? { what: "shortError" }
        : { what: "answer", errno: -data.getInt32(payload, true) };
    }
    if (!finished && size >= INET_DIAG_MESSAGE_SIZE) yield new InetSocket(data, payload, size, origin);
    at += align4(length);
  }
  return finished ? undefined : { what: "cut" };
}
