/** The doctor's own options, and the result of one round. */
import type { Report } from "../../../doctor/examine.ts";
import { type Severity, severities } from "../../../doctor/rule.ts";
import type { DoctorStyle, ReportDetail } from "../../../output/doctor.ts";
import type { StreamSettings } from "../../fleet/stream-settings.ts";

/** The doctor's own options. */
export interface DoctorSettings {
  /** Milliseconds between the samples; 0 for one sample. */
  readonly apartMs: number;
  /** Findings of this severity, or a worse one, set the exit status. */
  readonly failOn?: Severity;
  /** Ids of the rules to check; none for all. */
  readonly rules: readonly string[];
  /** Thresholds, each as `RULE.NAME=VALUE`. */
  readonly thresholds: readonly string[];
  /** Whether to repeat until interrupted. */
  readonly watch: boolean;
  /** Whether host names on command lines are looked up in DNS. */
  readonly dns: boolean;
  readonly listRules: boolean;
  /** The rule to explain. */
  readonly explain?: string;
  /** With --watch and --fleet: where reading begins. */
  readonly stream: StreamSettings;
}

/** The exit status if `--fail-on` has found something. A run that fails exits with 1. */
export const EXIT_FOUND = 2;

/** One examination, and how to show it. */
export interface Examined {
  readonly report: Report;
  readonly how: DoctorStyle;
  readonly detail: ReportDetail;
}

/** Shows the result of an examination. @returns the exit status; undefined to go on */
export type Show = (examined: Examined) => number | undefined;

/** Whether a severity makes `--fail-on` fail. */
export function isFailure(failOn: Severity | undefined, severity: Severity | undefined): boolean {
  if (failOn === undefined || severity === undefined) return false;
  return severities.indexOf(severity) >= severities.indexOf(failOn);
}
