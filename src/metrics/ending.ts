/** How TCP connections end, from the events of a connection and its last tcp_info. */
import type { SocketEvent } from "../events/event.ts";
import { tupleKey } from "../events/socket-message.ts";
import type { InetSocket } from "../families/inet/socket.ts";
import {
  SS_CLOSE,
  SS_CLOSE_WAIT,
  SS_CLOSING,
  SS_ESTABLISHED,
  SS_FIN_WAIT_1,
  SS_FIN_WAIT_2,
  SS_LAST_ACK,
  SS_SYN_RECV,
  SS_TIME_WAIT,
} from "../model/state.ts";

/** How a connection ended. */
export const endings = ["fin", "reset", "timeout", "unknown"] as const;
/** One of {@link endings}. */
export type Ending = (typeof endings)[number];

const bit = (...states: readonly number[]) => states.reduce((mask, state) => mask | (1 << state), 0);

/** States that are left only after both ends have sent a FIN, or one has sent it and waits no longer for the other. */
const FINISHED = bit(SS_FIN_WAIT_2, SS_CLOSING, SS_LAST_ACK, SS_TIME_WAIT);
/** States from which only a reset or a timeout leads to CLOSE. */
const OPEN = bit(SS_SYN_RECV, SS_ESTABLISHED, SS_FIN_WAIT_1, SS_CLOSE_WAIT);

/** The ending that a change to CLOSE shows; undefined if it shows none. */
function endingOf(oldState: number | undefined, newState: number | undefined, socket: InetSocket) {
  if (newState === SS_TIME_WAIT) return "fin";
  if (oldState === undefined) return undefined;
  if ((FINISHED & (1 << oldState)) !== 0) return "fin";
  if ((OPEN & (1 << oldState)) === 0) return undefined;
  const { retransmits = 0, probes = 0 } = socket.tcpInfo ?? {};
  // The kernel keeps these when it gives a connection up.
  return retransmits > 0 || probes > 0 ? "timeout" : "reset";
}

/** Connections whose ending is remembered until they are destroyed: a process may keep a closed socket open. */
const REMEMBERED = 10_000;

/** Remembers how connections ended, until they are destroyed. */
export class EndingMemory {
  readonly #known = new Map<string, Ending | "failed">();

  /** Takes an event before the end: `reset`, `state` or `failed`. */
  note({ kind, oldState, newState }: SocketEvent, socket: InetSocket): void {
    if (kind === "reset") this.#remember(socket, "reset");
    else if (kind === "failed") this.#remember(socket, "failed");
    else if (kind === "state" && newState === SS_CLOSE) {
      const ending = endingOf(oldState, newState, socket);
      if (ending !== undefined && !this.#known.has(tupleKey(socket))) this.#remember(socket, ending);
    }
  }

  /** How a connection ended, which is forgotten; undefined if it never was one, as its connect failed. */
  take({ oldState, newState }: SocketEvent, socket: InetSocket): Ending | undefined {
    const known = this.#forget(socket);
    if (known === "failed") return undefined;
    return known ?? endingOf(oldState, newState, socket) ?? "unknown";
  }

  #forget(socket: InetSocket): Ending | "failed" | undefined {
    if (this.#known.size === 0) return undefined;
    const key = tupleKey(socket);
    const known = this.#known.get(key);
    this.#known.delete(key);
    return known;
  }

  #remember(socket: InetSocket, ending: Ending | "failed"): void {
    const known = this.#known;
    const oldest = known.size < REMEMBERED ? undefined : known.keys().next().value;
    if (oldest !== undefined) known.delete(oldest);
    known.set(tupleKey(socket), ending);
  }
}
