/** Limits the processor time for answers, whoever sends the questions. */

/** Processor time that answers may still use. */
export interface Allowance {
  /** Charges what this process does until the returned function is called. */
  begin(): () => void;
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
  let active = 0;
  let used = 0;
  const charge = () => {
    const before = used;
    used = usedMs();
    left -= used - before;
  };
  return {
    begin() {
      if (active++ === 0) used = usedMs();
      return () => {
        if (--active === 0) charge();
      };
    },
    leftMs() {
      const then = now;
      now = nowMs();
      left = Math.min(most, left + (now - then) * share);
      if (active > 0) charge();
      return left;
    },
  };
}

/** No limit. */
export const unlimited: Allowance = { begin: () => () => undefined, leftMs: () => Number.POSITIVE_INFINITY };

/** Processor time of this process in milliseconds, in user and kernel mode. getrusage(2) */
export function processorMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}
