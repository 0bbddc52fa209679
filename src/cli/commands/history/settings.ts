/** The settings of `history`. */

/** The options of `history`. */
export interface HistorySettings {
  /** The beginning of the span, as typed. */
  readonly since: string;
  /** Its end, as typed. */
  readonly until: string;
  /** The moment to export, as typed. */
  readonly at: string | undefined;
  /** The store's folder; undefined for the default. */
  readonly store: string | undefined;
}
