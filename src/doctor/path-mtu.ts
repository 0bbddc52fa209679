/** Recognizes connections that a path MTU black hole may have stopped. */
import type { InetSocket } from "../families/inet/socket.ts";
import { infoOf, TIMER_RETRANSMIT } from "./connection.ts";

/**
 * Full segments of acknowledged data above which large packets must have passed: a few small messages add up to as
 * much, such as the key exchange of SSH.
 */
const PASSED_SEGMENTS = 3;
/** Bytes acknowledged before any data: the SYN counts as one. */
const SYN_BYTES = 1;

/**
 * Whether full-size segments are lost while small ones pass: the first segment that is not acknowledged is a full one,
 * the peer has exchanged data on this connection before, and hardly more than a full segment has ever got through.
 * RFC 2923 2.1.
 */
export function mayBePathMtu(socket: InetSocket, retransmits: number): boolean {
  if (socket.timerNumber !== TIMER_RETRANSMIT || socket.retransmits < retransmits) return false;
  const { sndMss = 0, bytesAcked, bytesReceived = 0, notsentBytes = 0 } = infoOf(socket) ?? {};
  if (bytesAcked === undefined || sndMss === 0 || socket.wqueue < sndMss) return false;
  const inFlight = socket.wqueue - notsentBytes;
  const hasExchanged = bytesAcked > SYN_BYTES || bytesReceived > 0;
  return inFlight >= sndMss && hasExchanged && bytesAcked < sndMss * PASSED_SEGMENTS;
}
