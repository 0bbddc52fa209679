/** Limits the processor time of a process, whatever it is asked to do. */

/** Processor time that a process may still use. */
export interface Allowance {
  /** Milliseconds of processor time that are left now; negative if more has been used. */
  leftMs(): number;
}

/** How long unused time is kept for later. */
const KEPT_MS = 60_000;

/**
 * Allows a share of one core. Time that is not used is kept for a minute, so a short answer may use the whole core.
 *
 * @param share of one core: 0.1 allows six seconds at once, and then 0.1 s in each second
 * @param nowMs a clock that does not jump
 * @param usedMs processor time that the process has used so far
 */
export function cpuAllowance(share: number, nowMs: () => number, usedMs: () => number): Allowance {
  const most = share * KEPT_MS;
  let left = most;
  let now = nowMs();
  let used = usedMs();
  return {
    leftMs() {
      const [then, before] = [now, used];
      now = nowMs();
      used = usedMs();
      left = Math.min(most, left + (now - then) * share) - (used - before);
      return left;
    },
  };
}

/** No limit. */
export const unlimited: Allowance = { leftMs: () => Number.POSITIVE_INFINITY };

/** Processor time of this process in milliseconds, in user and kernel mode. getrusage(2) */
export function processorMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}
