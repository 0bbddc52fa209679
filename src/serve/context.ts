/** What the routes work with: the machine, and what the user allows. */
import type { Host } from "../host/host.ts";
import type { MetricsOptions } from "../metrics/metrics.ts";
import type { Sources } from "../procfs/source.ts";
import type { OtherHosts } from "./hosts-map.ts";
import type { PastWorker } from "./past-thread.ts";

/** What the routes work with. */
export interface ServeContext {
  /** The machine whose sockets are served. */
  readonly host: Host;
  /** Paths of /proc, and of the files that replace netlink. */
  readonly sources: Sources;
  readonly version: string;
  readonly allNetns: boolean;
  /** Milliseconds between two samples. */
  readonly intervalMs: number;
  /** Whether arguments of processes are shown. */
  readonly showArguments: boolean;
  readonly allowKill: boolean;
  /** The folder that `record` writes; undefined if nothing says where it is. */
  readonly store: string | undefined;
  /** The choices for /metrics; undefined for none. */
  readonly metrics: Pick<MetricsOptions, "peerLabel" | "seriesLimit"> | undefined;
  /** Whether the machine is this one, now: neither a recording nor the past. */
  readonly live: boolean;
  /** Other hosts for the map; undefined for none. */
  readonly otherHosts?: OtherHosts | undefined;
  /** Starts the thread that reads the store; without it, requests about the past are answered on this one. */
  readonly startPast?: (() => PastWorker) | undefined;
}
