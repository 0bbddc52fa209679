/** A file of TCP sockets as netlink messages: what `-D` writes and TCPDIAG_FILE names. */

import type { Origin } from "../../diag/message.ts";
import { NLMSG_DONE, NLMSG_ERROR, NLMSG_HDRLEN } from "../../netlink/constants.ts";
import { align4 } from "../../netlink/message.ts";
import { INET_DIAG_MESSAGE_SIZE } from "./layouts/inet-diag.ts";
import { InetSocket } from "./socket.ts";

/** Why a file was not read to a proper end. */
export type DiagFileProblem =
  /** It cannot be opened, or read. */
  | {
      /** Which of the two. */
      readonly what: "open" | "read";
      /** The error of the file system. */
      readonly cause: unknown;
    }
  /** It ends in the middle of a dump. */
  | { readonly what: "cut" }
  /** It holds an error message of the kernel's. */
  | {
      readonly what: "answer";
      /** Positive errno. */
      readonly errno: number;
    }
  /** It holds an error message without an error. */
  | { readonly what: "shortError" }
  /** A message in it has an impossible length. */
  | {
      readonly what: "damaged";
      /** Bytes from the start of the file to the message. */
      readonly offset: number;
    };

/** Bytes of the error code in an error message. */
const ERRNO_SIZE = 4;

/**
 * The sockets of a file of messages, up to its end: one dump after another, where ss stops after the first.
 *
 * @returns what is wrong with the file, if something is
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
    // A length near 2^32 must not wrap around when it is aligned.
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
