/** The settings that the options of `serve` change. */
import type { PeerLabel } from "../../../metrics/limits.ts";
import type { Address } from "../../../serve/server.ts";

/** The settings of a run of `serve`. */
export interface ServeSettings {
  readonly address: Address;
  /** Further names that requests may use for the server. */
  readonly hosts: readonly string[];
  /** The file that keeps the token; undefined for a new token. */
  readonly tokenFile: string | undefined;
  readonly tlsCert: string | undefined;
  readonly tlsKey: string | undefined;
  /** Whether a listener beyond the loopback may do without TLS. */
  readonly insecure: boolean;
  /** Whether arguments of processes are shown. */
  readonly showArguments: boolean;
  /** Whether sockets can be closed. */
  readonly allowKill: boolean;
  /** Whether /metrics exists. */
  readonly metrics: boolean;
  /** What the label `peer` of metrics has. */
  readonly metricsPeers: PeerLabel;
  /** The most series of metrics. */
  readonly metricsSeries: number;
  /** Lists of the hosts whose connections the map draws, too. */
  readonly mapHosts: readonly string[];
  /** Milliseconds between two samples. */
  readonly delayMs: number;
}
