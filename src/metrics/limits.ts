/** What users choose of metrics; small, as the table of options needs it. */

/** What the label `peer` has: the peer's address, its network (/24 or /64), or nothing, for all peers in one. */
export const peerLabels = ["address", "network", "none"] as const;
/** One of {@link peerLabels}. */
export type PeerLabel = (typeof peerLabels)[number];

/** The most series of an exposition, unless the user says otherwise. */
export const SERIES_LIMIT = 2000;
/** The lowest limit: the families without process, peer and listener, and one series of `other` for all else, fit. */
export const FEWEST_SERIES = 1000;
