/** What goes wrong with a store of the past. */

/** A store that cannot be written or read, or a sample in it that is damaged. The message is one line. */
export class StoreError extends Error {
  readonly code = "store";
}
