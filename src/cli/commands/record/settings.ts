/** The settings of `record`. */

import type { Hook } from "./hooks.ts";

/** The options of `record`. */
export interface RecordSettings {
  /** Milliseconds between two samples. */
  readonly delayMs: number;
  /** Whether to take one sample and end. */
  readonly once: boolean;
  /** Whether to keep the arguments of processes. */
  readonly arguments: boolean;
  readonly budgetBytes: number;
  readonly days: number;
  readonly keepFreeBytes: number;
  /** Ended connections a second that have a row each; more are counted together. */
  readonly rows: number;
  /** Commands that are run when findings appear. */
  readonly hooks: readonly Hook[];
  /** Thresholds of rules, each as `RULE.NAME=VALUE`. */
  readonly thresholds: readonly string[];
  /** The store's folder; undefined for the default. */
  readonly store: string | undefined;
}
