/** The names of the timers of connections. */

/** The names of `idiag_timer`. */
const kernelTimerNames = ["off", "on", "keepalive", "timewait", "persist", "delack"] as const;

/** The SCTP timer that the kernel reports, RFC 9260 6.3. It shares no number with TCP's timers. */
export const SCTP_TIMER_NAME = "t3-rtx";

/** The names of all timers. */
export const timerNames = [...kernelTimerNames, SCTP_TIMER_NAME] as const;

/** The name of a connection's timer; `unknown(N)` for a number that no known kernel sends. */
export type TimerName = (typeof timerNames)[number] | `unknown(${number})`;

/** The name of the timer with a number of `idiag_timer`, of a connection that is not one of SCTP. */
export function timerName(number: number): TimerName {
  return kernelTimerNames[number] ?? `unknown(${number})`;
}
