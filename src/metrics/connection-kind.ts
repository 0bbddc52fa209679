/** The kinds of TCP connections that metrics tell apart: who opened them, and whether they leave the host. */
import { isLoopback } from "../doctor/endpoint.ts";
import { AF_INET6 } from "../model/family.ts";

/** Who opened a connection, as far as its ports show it. */
export const directions = ["inbound", "outbound", "unknown"] as const;
/** One of {@link directions}. */
export type Direction = (typeof directions)[number];

/** Whether a connection stays on the host. */
export const scopes = ["network", "loopback"] as const;
/** One of {@link scopes}. */
export type Scope = (typeof scopes)[number];

/** What metrics know about the ports of the host. */
export interface Ports {
  /** The process that listens on each local TCP port, as a label value. */
  readonly listening: ReadonlyMap<number, string>;
  /** The first and the last port that the kernel gives to connect(2): net.ipv4.ip_local_port_range. */
  readonly low: number;
  readonly high: number;
}

/** The kernel's own range, where it cannot be read. */
export const defaultRange = [32_768, 60_999] as const;

/** The local port of a listener makes a connection inbound, a port of connect(2)'s range at one end decides otherwise. */
export function directionOf(localPort: number, peerPort: number, { listening, low, high }: Ports): Direction {
  if (listening.has(localPort)) return "inbound";
  if (localPort >= low && localPort <= high) return "outbound";
  return peerPort >= low && peerPort <= high ? "inbound" : "unknown";
}

/** The port of the service: the local one of an inbound connection, else the peer's. */
export function servicePort(direction: Direction, localPort: number, peerPort: number): number {
  return direction === "inbound" ? localPort : peerPort;
}

/** Whether both addresses are the host's own. */
export function scopeOf(data: DataView, source: number, destination: number, family: number): Scope {
  if (isLoopback(data, destination, family)) return "loopback";
  const length = family === AF_INET6 ? 16 : 4;
  for (let at = 0; at < length; at += 4)
    if (data.getUint32(source + at) !== data.getUint32(destination + at)) return "network";
  return "loopback";
}

/** The number of a kind: the place of its counters. */
export function kindNumber(direction: Direction, scope: Scope): number {
  return directions.indexOf(direction) * scopes.length + scopes.indexOf(scope);
}

/** How many kinds there are. */
export const kindCount = directions.length * scopes.length;
