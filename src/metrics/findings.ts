/** The doctor's findings as gauges: how many there are of each rule and severity. */
import type { Report } from "../doctor/examine.ts";
import { type Severity, severities } from "../doctor/rule.ts";
import { rules } from "../doctor/rules/index.ts";

/** The number of findings of one rule with one severity. */
interface Count {
  readonly labels: readonly [rule: string, severity: Severity];
  findings: number;
}

/** Counts findings. Each rule has a series from the start, so that an alert sees it go from 0. */
export class FindingCounts {
  readonly #counts = new Map<string, Count>();
  /** When the last examination ended, in seconds since 1970; undefined before the first. */
  examinedSeconds: number | undefined;

  constructor() {
    for (const { id, severity } of rules) this.#count(id, severity);
  }

  /** All counts. */
  get counts(): Iterable<Count> {
    return this.#counts.values();
  }

  /** Takes a report. @param wallMs when it was made, in milliseconds since 1970 */
  take({ diagnoses, checked }: Report, wallMs: number): void {
    // With one sample, some rules are not checked: their last findings stay.
    const ids = new Set(checked.map(({ id }) => id));
    for (const count of this.#counts.values()) if (ids.has(count.labels[0])) count.findings = 0;
    for (const { rule, severity } of diagnoses) this.#count(rule.id, severity).findings++;
    this.examinedSeconds = wallMs / 1000;
  }

  #count(rule: string, severity: Severity): Count {
    const key = `${rule} ${severity}`;
    let count = this.#counts.get(key);
    if (count === undefined) {
      count = { labels: [rule, severity], findings: 0 };
      this.#counts.set(key, count);
    }
    return count;
  }
}

/** The most series that findings take. */
export const findingSeries = rules.length * severities.length;
