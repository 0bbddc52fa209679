/** The settings of `map`. */

/** How the map is drawn. */
export const mapForms = ["table", "json", "mermaid", "dot"] as const;

/** The options of `map`. */
export interface MapSettings {
  readonly as: (typeof mapForms)[number];
}
