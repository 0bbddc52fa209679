/** The limits of a TCP connection that `--explain` and the doctor report: what it is limited by or waits for. */

/** Each limit by its word in JSON, with a one-line meaning. */
export const limits = {
  "not-connected": "the socket is neither connected nor listening",
  listening: "the socket listens, and no connection waits to be accepted",
  "accept-queue": "connections wait for the local program to accept them",
  handshake: "the handshake is under way",
  "no-answer": "the peer does not answer retransmissions or probes",
  "peer-not-reading": "the peer's window is closed: its program does not read",
  "loss-recovery": "lost segments are being retransmitted",
  "receiver-not-reading": "the local program has not read what has arrived",
  "peer-window": "the peer's window is full of data that it has not acknowledged",
  path: "the path is at its capacity: more data only queues on the way",
  "congestion-window": "the congestion window is full of unacknowledged segments",
  pacing: "segments leave no faster than the pacing rate",
  nagle: "less than a segment waits for an acknowledgement or for more data",
  "local-queue": "data waits on this host although both windows have room",
  "send-buffer": "the send buffer is full, and all data in it is in flight",
  application: "the local program has written no more data",
  idle: "neither end has sent data for longer than a retransmission timeout",
  "local-close": "the peer has closed, the local program has not",
  "peer-close": "the local program has closed, the peer has not",
  closing: "the FIN is not acknowledged yet",
  "time-wait": "the connection is over, and its ports are kept until late segments are gone",
} as const;

/** The word for a limit. */
export type Limit = keyof typeof limits;

/** The limit of a TCP connection, with a sentence. */
export interface Explanation {
  readonly limit: Limit;
  /** One sentence with its evidence. */
  readonly sentence: string;
}
