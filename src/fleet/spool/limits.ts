/** The size of spools. */

/** The least size of a spool in bytes: the log of SQLite takes the half of it. */
export const LEAST_SPOOL_BYTES = 4 << 20;
