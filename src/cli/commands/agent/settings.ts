/** The settings of `agent`. */

/** The options of `agent`. */
export interface AgentSettings {
  /** Whether one question comes from standard input. */
  readonly stdio: boolean;
  /** Rows of one answer, whatever the question says. */
  readonly maxRows: number;
}
