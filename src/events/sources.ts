/** Which sources of events can be had here, and why others cannot. */

import { libc } from "#libc";
import { destroyGroups } from "../families/inet/destroyed.ts";
import type { Host } from "../host/host.ts";
import type { Selection } from "../model/selection.ts";
import { NETLINK_NETFILTER, NETLINK_SOCK_DIAG } from "../netlink/constants.ts";
import { NetlinkError } from "../netlink/errors.ts";
import { CONNTRACK_GROUPS } from "./conntrack.ts";
import type { EventSource } from "./event.ts";
import type { TraceEventName } from "./trace-record.ts";
import { planTrace, type TracePlan } from "./trace-source.ts";

const EPERM = 1;
const ENOENT = 2;
const EPROTONOSUPPORT = 93;
const decoder = new TextDecoder();

/** Whether a source can be had. */
export interface Availability {
  /** Why it cannot be had; undefined if it can. */
  readonly obstacle?: string;
  /** What should be known of it nevertheless. */
  readonly note?: string;
}

/** The trace events of each source that is one. */
export const tracedBy = {
  tracefs: ["state", "destroy", "retransmit", "reset"],
  fib: ["route", "route6"],
} as const satisfies Partial<Record<EventSource, readonly TraceEventName[]>>;

/** Why a netlink socket cannot be had. */
function netlinkObstacle({ transport }: Host, protocol: number, groups: number): string | undefined {
  try {
    transport.open(protocol, groups).close();
    return undefined;
  } catch (error) {
    if (!(error instanceof NetlinkError)) throw error;
    if (error.errno === EPERM) return "needs root (CAP_NET_ADMIN)";
    if (error.errno === ENOENT || error.errno === EPROTONOSUPPORT) return "the kernel does not have it";
    return libc.strerror(error.errno);
  }
}

function traceObstacle(events: readonly TraceEventName[]): Availability {
  const plan: TracePlan = planTrace(events);
  return "obstacle" in plan ? plan : {};
}

/** How many flows conntrack knows in a network namespace; undefined if there is no conntrack. */
function trackedFlows({ files }: Host): number | undefined {
  try {
    return Number(decoder.decode(files.read("/proc/sys/net/netfilter/nf_conntrack_count")));
  } catch {
    return undefined;
  }
}

function conntrack(host: Host): Availability {
  const flows = trackedFlows(host);
  if (flows === undefined) return { obstacle: "the kernel has no conntrack here" };
  const obstacle = netlinkObstacle(host, NETLINK_NETFILTER, CONNTRACK_GROUPS);
  if (obstacle !== undefined) return { obstacle };
  return flows > 0 ? {} : { note: "no flow is tracked now: it may be that no firewall rule asks for it" };
}

/**
 * Finds out which sources can be had.
 *
 * @param host the host in the first place that is looked at
 */
export function findSources(host: Host, { tables, families }: Selection): Record<EventSource, Availability> {
  const selection = { tables, families } as Selection;
  const groups = destroyGroups(selection);
  const noTcp = tables.has("tcp") ? undefined : { obstacle: "tells of TCP, which is not chosen" };
  const noUdp = tables.has("udp") ? undefined : { obstacle: "tells of UDP, which is not chosen" };
  const table = (protocol: number, mask: number): Availability => {
    const obstacle = netlinkObstacle(host, protocol, mask);
    return obstacle === undefined ? {} : { obstacle };
  };
  return {
    sock_diag: table(NETLINK_SOCK_DIAG, 0),
    destroy: table(NETLINK_SOCK_DIAG, groups),
    tracefs: noTcp ?? traceObstacle(tracedBy.tracefs),
    conntrack: noUdp ?? conntrack(host),
    fib: noUdp ?? traceObstacle(tracedBy.fib),
  };
}
