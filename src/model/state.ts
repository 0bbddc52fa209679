/** Socket states: the kernel's numbers, ss's spelling, the words of the filter language, and named groups. */

/** One state; the bit of a mask is `1 << number`. include/net/tcp_states.h. */
export interface State {
  /** The kernel's number. */
  readonly number: number;
  /** Its text in the State column. */
  readonly label: string;
  /** Its name, if the label does not give one. */
  readonly name?: string;
  /** Words for it after `state` and `exclude`, the preferred one first. */
  readonly words: readonly string[];
}

/** All states by number. */
export const states = [
  { number: 0, label: "UNKNOWN", words: ["unknown"] },
  { number: 1, label: "ESTAB", words: ["established"] },
  { number: 2, label: "SYN-SENT", words: ["syn-sent"] },
  { number: 3, label: "SYN-RECV", words: ["syn-recv", "syn-rcv"] },
  { number: 4, label: "FIN-WAIT-1", words: ["fin-wait-1"] },
  { number: 5, label: "FIN-WAIT-2", words: ["fin-wait-2"] },
  { number: 6, label: "TIME-WAIT", words: ["time-wait"] },
  { number: 7, label: "UNCONN", words: ["unconnected", "close", "closed"] },
  { number: 8, label: "CLOSE-WAIT", words: ["close-wait"] },
  { number: 9, label: "LAST-ACK", words: ["last-ack"] },
  { number: 10, label: "LISTEN", words: ["listening"] },
  { number: 11, label: "CLOSING", words: ["closing"] },
  { number: 12, label: "UNDEF", name: "NEW-SYN-RECV", words: [] },
  { number: 13, label: "UNDEF", name: "BOUND-INACTIVE", words: ["bound-inactive"] },
] as const satisfies readonly State[];

type Row = (typeof states)[number];

/** The name of a state: ss's label, except for the two that ss calls `UNDEF`. Unknown numbers are `unknown(N)`. */
export type StateName =
  | Exclude<Row["label"], "UNDEF">
  | Extract<Row, { name: string }>["name"]
  | `unknown(${number})`;

/** The name of a state by the kernel's number. */
export function stateName(number: number): StateName {
  const state: State | undefined = states[number];
  return state === undefined ? `unknown(${number})` : ((state.name ?? state.label) as StateName);
}

/** Numbers of individual states. */
export const SS_ESTABLISHED = 1;
export const SS_SYN_SENT = 2;
export const SS_SYN_RECV = 3;
export const SS_FIN_WAIT_1 = 4;
export const SS_FIN_WAIT_2 = 5;
export const SS_TIME_WAIT = 6;
export const SS_CLOSE = 7;
export const SS_CLOSE_WAIT = 8;
export const SS_LAST_ACK = 9;
export const SS_LISTEN = 10;
export const SS_CLOSING = 11;
export const SS_NEW_SYN_RECV = 12;
export const SS_BOUND_INACTIVE = 13;

const ALL = 0x3fff;
const BUCKET = (1 << SS_SYN_RECV) | (1 << SS_TIME_WAIT);
const CONNECTED = ALL & ~((1 << SS_CLOSE) | (1 << SS_LISTEN));

/** Masks of the named groups in the filter language. */
export const stateGroups = {
  all: ALL,
  connected: CONNECTED,
  synchronized: CONNECTED & ~(1 << SS_SYN_SENT),
  bucket: BUCKET,
  big: ALL & ~BUCKET,
} as const;

/** The states that ss shows by default. */
export const DEFAULT_STATES = CONNECTED & ~BUCKET;

/**
 * The mask for a word after `state` or `exclude`, ignoring case.
 *
 * @returns undefined if no state or group has that name
 */
export function stateMask(word: string): number | undefined {
  const name = word.toLowerCase();
  if (Object.hasOwn(stateGroups, name)) return stateGroups[name as keyof typeof stateGroups];
  const state = states.find(({ words }) => (words as readonly string[]).includes(name));
  return state && 1 << state.number;
}
