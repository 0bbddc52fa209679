/** The states of TCP as lsof and netstat spell them, by the kernel's number. net/tcp_states.h. */

/** Index is the number; CLOSED is a number that the kernel gives no socket. */
export const stateNames = [
  "CLOSED",
  "ESTABLISHED",
  "SYN_SENT",
  "SYN_RECV",
  "FIN_WAIT1",
  "FIN_WAIT2",
  "TIME_WAIT",
  "CLOSE",
  "CLOSE_WAIT",
  "LAST_ACK",
  "LISTEN",
  "CLOSING",
] as const;

/** The number of each state. */
export const stateNumbers: ReadonlyMap<string, number> = new Map(
  stateNames.map((name, number) => [name, number]),
);
