/** What a TCP connection can be limited by, or wait for, and what each word means. */

/** The limits by the words that machines are told, each with its meaning in one line. */
export const limits = {
  "not-connected": "it is neither connected nor listening",
  listening: "it listens, and no connection waits to be accepted",
  "accept-queue": "connections wait until the local program accepts them",
  handshake: "the handshake is under way",
  "no-answer": "the peer does not answer, however often it is sent the same",
  "peer-not-reading": "the peer's window is closed: its program does not read",
  "loss-recovery": "segments were lost and are sent again",
  "receiver-not-reading": "the local program has not read what has arrived",
  "peer-window": "the peer's window is full of data that it has not acknowledged",
  path: "the path carries no more: what is sent beyond that waits in queues on the way",
  "congestion-window": "the congestion window is full of segments that are not acknowledged",
  pacing: "segments leave no faster than the pacing rate",
  nagle: "less than a segment waits for the acknowledgement of what was sent before, or for more",
  "local-queue": "data waits in this host though both windows have room",
  "send-buffer": "the send buffer is full, and all that is in it is under way",
  application: "the local program has written no more",
  idle: "neither end has sent data for longer than a retransmission timeout",
  "local-close": "the peer has closed, the local program has not",
  "peer-close": "the local program has closed, the peer has not",
  closing: "the acknowledgement of the end is under way",
  "time-wait": "it is over, and its ports are kept until late segments are gone",
} as const;

/** A word for what a TCP connection is limited by. */
export type Limit = keyof typeof limits;

/** What a TCP connection is limited by, in words. */
export interface Explanation {
  readonly limit: Limit;
  /** One sentence with its evidence. */
  readonly sentence: string;
}
