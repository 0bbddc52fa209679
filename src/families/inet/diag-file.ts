/** The file of TCP sockets that TCPDIAG_FILE names: netlink messages, as `-D` writes them. */

import type { Origin } from "../../diag/message.ts";
import { NLMSG_DONE, NLMSG_ERROR, NLMSG_HDRLEN } from "../../netlink/constants.ts";
import { align4 } from "../../netlink/message.ts";
import { INET_DIAG_MESSAGE_SIZE } from "./layouts/inet-diag.ts";
import { InetSocket } from "./socket.ts";

/** Why a file was not read to the end of a dump. */
export type DiagFileProblem =
  /** The file cannot be opened or read. */
  | {
      /** The operation that failed. */
      readonly what: "open" | "read";
      /** The error of the file system. */
      readonly cause: unknown;
    }
  /** The file ends before its dump does. */
  | { readonly what: "cut" }
  /** The file holds an error message of the kernel. */
  | {
      readonly what: "answer";
      /** Positive errno. */
      readonly errno: number;
    }
  /** The file holds an error message without an error number. */
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
 * Reads the sockets of a file up to the end of its first dump, as ss does.
 *
 * @returns the reason if that end was not reached
 */
export function* readDiagFile(
  bytes: Uint8Array,
  origin: Origin,
): Generator<InetSocket, DiagFileProblem | undefined> {
  const data = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 0; at + NLMSG_HDRLEN <= data.byteLength; ) {
    const length = data.getUint32(at, true);
    if (length < NLMSG_HDRLEN) return { what: "damaged", offset: at };
    // Rounding a length near 2^32 up to the alignment must not wrap around.
    if (at + length > data.byteLength || at + align4(length) > data.byteLength) return { what: "cut" };
    const type = data.getUint16(at + 4, true);
    const payload = at + NLMSG_HDRLEN;
    const size = length - NLMSG_HDRLEN;
    if (type === NLMSG_DONE) return undefined;
    if (type === NLMSG_ERROR) {
      return size < ERRNO_SIZE
        ? { what: "shortError" }
        : { what: "answer", errno: -data.getInt32(payload, true) };
    }
    if (size >= INET_DIAG_MESSAGE_SIZE) yield new InetSocket(data, payload, size, origin);
    at += align4(length);
  }
  return { what: "cut" };
}
