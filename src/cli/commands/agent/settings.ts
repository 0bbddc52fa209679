/** The settings of `agent`. */

import type { FeedOptions } from "./feed-options.ts";

/** The options of `agent`. */
export interface AgentSettings {
  /** Whether one question comes from standard input. */
  readonly stdio: boolean;
  /** The NATS servers whose questions are answered, as typed. */
  readonly nats?: string;
  /** The name of this host in the fleet; undefined for its host name. */
  readonly name?: string;
  /** The path of the file with the keys that may sign questions. */
  readonly trust?: string;
  /** Rows of one answer, whatever the question says. */
  readonly maxRows: number;
  /** Processor time for answers, as a share of one core; undefined for the default. */
  readonly maxCpuShare?: number;
  /** The path of a key that is to be made. */
  readonly makeKey?: string;
  /** What is put into the stream of the fleet. */
  readonly feeds: FeedOptions;
}
