/** Which TCP sockets a network namespace can have, from the counters of /proc/net/sockstat. */
import type { Files } from "../host/host.ts";
import { SS_BOUND_INACTIVE, SS_LISTEN } from "../model/state.ts";

/** The files are a few hundred bytes. */
const LIMIT = 4096;
const ALL = -1;
/** The states of sockets that are in no table of connections. */
const UNCONNECTED = (1 << SS_LISTEN) | (1 << SS_BOUND_INACTIVE);

const decoder = new TextDecoder();

/** Whether a mask has states of connections. */
export function hasConnections(states: number): boolean {
  return (states & ~UNCONNECTED) !== 0;
}

/**
 * The states that TCP sockets of the reader's network namespace can have, as a mask. The kernel's table of connections
 * has those of all namespaces, so a namespace without any costs as long a walk as any other.
 *
 * Connections that are half open are not counted. Their listener is, but a closed one leaves them behind for a second or
 * two, in which they are missed.
 */
export function possibleTcpStates(files: Files): number {
  let text: string;
  let text6: string;
  try {
    text = decoder.decode(files.read("/proc/net/sockstat", { limit: LIMIT }));
    text6 = decoder.decode(files.read("/proc/net/sockstat6", { limit: LIMIT }));
  } catch {
    return ALL;
  }
  const [, used] = /^sockets: used (\d+)$/m.exec(text) ?? [];
  const [, open, timeWait] = /^TCP: inuse (\d+) .*\btw (\d+)\b/m.exec(text) ?? [];
  const [, open6] = /^TCP6: inuse (\d+)$/m.exec(text6) ?? [];
  if (open !== "0" || open6 !== "0" || timeWait !== "0") return ALL;
  return used === "0" ? 0 : UNCONNECTED;
}
