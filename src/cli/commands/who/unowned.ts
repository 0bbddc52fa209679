/** Why a socket has no process: one sentence for each reason. */
import type { Socket } from "../../../families/socket.ts";
import { IPPROTO_TCP } from "../../../model/family.ts";
import {
  SS_CLOSING,
  SS_FIN_WAIT_1,
  SS_FIN_WAIT_2,
  SS_LAST_ACK,
  SS_LISTEN,
  SS_NEW_SYN_RECV,
  SS_SYN_RECV,
  SS_TIME_WAIT,
} from "../../../model/state.ts";

/** The reasons, in the order in which they are shown. */
export const reasons = {
  unreadable:
    "The descriptors of some processes cannot be read, and one of these may have it. Run this as root to see which.",
  elsewhere:
    "No process that can be seen has it open. The kernel itself may have it (NFS, a tunnel), or a process of another PID namespace, or one that ended just now.",
  kernel: "The kernel itself has it, for example for NFS or a tunnel such as WireGuard.",
  "not-accepted":
    "The connection is complete, but the process that listens has not accepted it yet. It waits in the accept queue.",
  handshake:
    "A client has begun to connect. A process gets the connection only when the handshake is complete.",
  closing:
    "Its process has closed it or has ended. The kernel still sends the rest of the data and waits for the other end to close.",
  "time-wait":
    "The connection is closed. The kernel keeps its addresses and ports for a minute, so that late packets do not reach a new connection. A listener with SO_REUSEADDR can use the port.",
} as const satisfies Readonly<Record<string, string>>;

/** One of {@link reasons}. */
export type Reason = keyof typeof reasons;

const ofStates: ReadonlyMap<number, Reason> = new Map<number, Reason>([
  [SS_TIME_WAIT, "time-wait"],
  [SS_SYN_RECV, "handshake"],
  [SS_NEW_SYN_RECV, "handshake"],
  [SS_FIN_WAIT_1, "closing"],
  [SS_FIN_WAIT_2, "closing"],
  [SS_CLOSING, "closing"],
  [SS_LAST_ACK, "closing"],
]);

/** Why nobody has a socket. @param unreadable whether there are processes whose descriptors cannot be read */
export function reasonOf(socket: Socket, unreadable: boolean): Reason {
  if (socket.inode) return unreadable ? "unreadable" : "elsewhere";
  if (socket.kind !== "inet") return "kernel";
  const { stateNumber, dport, origin } = socket;
  const byState = ofStates.get(stateNumber);
  if (byState !== undefined) return byState;
  const isConnection = origin.protocol === IPPROTO_TCP && dport !== 0 && stateNumber !== SS_LISTEN;
  return isConnection ? "not-accepted" : "kernel";
}
