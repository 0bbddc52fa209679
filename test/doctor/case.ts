/** What a test of one rule consists of. */
import type { Finding, Severity } from "../../src/doctor/rule.ts";
import type { Scene } from "./samples.ts";

/** Samples that are ill, samples that are healthy, and both sides of each threshold. */
export interface RuleCase {
  readonly ill: Scene;
  /** The one finding in `ill`. */
  readonly finds: Partial<Omit<Finding, "title" | "evidence">> & {
    readonly severity: Severity;
    readonly title: string | RegExp;
    readonly evidence?: readonly (string | RegExp)[];
  };
  /** Samples without a finding, by what is special about them. */
  readonly healthy: Readonly<Record<string, Scene>>;
  /**
   * By threshold, samples just short of it and samples that reach it. Reaching it makes a finding, or changes the
   * severity of the finding that is there anyway.
   */
  readonly edges: Readonly<Record<string, readonly [short: Scene, reached: Scene]>>;
  /** Further samples with the findings that they give, by severity and subject. */
  readonly more?: Readonly<Record<string, readonly [scene: Scene, findings: readonly string[]]>>;
}

/** As many items as asked for. */
export function times<T>(count: number, make: (index: number) => T): T[] {
  return Array.from({ length: count }, (_, index) => make(index));
}
