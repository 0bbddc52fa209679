/** What the options of `doctor` set. */
import type { Severity } from "../../../doctor/rule.ts";

/** What the options of the doctor have come to. */
export interface DoctorSettings {
  /** Milliseconds between the samples; 0 for one sample only. */
  readonly apartMs: number;
  /** Findings this bad, or worse, make the exit status tell. */
  readonly failOn?: Severity;
  /** Ids of the rules to check; none for all. */
  readonly rules: readonly string[];
  /** Thresholds, each as `RULE.NAME=VALUE`. */
  readonly thresholds: readonly string[];
  readonly listRules: boolean;
  /** The rule to explain. */
  readonly explain?: string;
}

/** The exit status where `--fail-on` has found something. That of a run that failed is 1. */
export const EXIT_FOUND = 2;
