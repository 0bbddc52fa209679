/** What a recorder leaves out, step by step, while its samples cost too much: it must not become the load. */

/** What each step leaves out, in addition to those before it. */
export const degradedSteps = ["owners", "tcp_info", "every second sample"] as const;

/** The part of the interval that a sample may take of a processor's time. */
const SHARE = 0.1;
/** A sample that would take less than this part of what it may is quick. */
const QUICK = 0.4;
/** Slow samples in a row before the next step, and quick ones before the step back. */
const SLOW_SAMPLES = 3;
const QUICK_SAMPLES = 24;
/** Each step back that was too early makes the next one wait so many times as long, up to a limit. */
const PATIENCE = 2;
const MOST_SAMPLES = 720;

/** Decides how much is left out. */
export class Degradation {
  /** How many of {@link degradedSteps} are taken. */
  level = 0;
  #slow = 0;
  #quick = 0;
  #patience = QUICK_SAMPLES;
  #sinceBack = Number.POSITIVE_INFINITY;
  /** What the last two samples took; the first of all is no measure. */
  #lastMs = 0;
  #beforeMs = 0;

  /** Takes the processor time of a sample. @returns whether the level has changed */
  note(tookMs: number, intervalMs: number): boolean {
    this.#beforeMs = this.#lastMs;
    this.#lastMs = tookMs;
    const share = tookMs / intervalMs;
    this.#slow = share > SHARE ? this.#slow + 1 : 0;
    this.#quick = share < SHARE * QUICK ? this.#quick + 1 : 0;
    this.#sinceBack++;
    if (this.#slow >= SLOW_SAMPLES && this.level < degradedSteps.length) {
      if (this.#sinceBack <= this.#patience)
        this.#patience = Math.min(MOST_SAMPLES, this.#patience * PATIENCE);
      return this.#go(this.level + 1);
    }
    if (this.#quick >= this.#patience && this.level > 0) {
      this.#sinceBack = 0;
      return this.#go(this.level - 1);
    }
    return false;
  }

  /** Whether a step is taken. */
  leavesOut(step: (typeof degradedSteps)[number]): boolean {
    return degradedSteps.indexOf(step) < this.level;
  }

  /** Milliseconds from the last sample to the next: longer if two in a row took more than their share. */
  pauseMs(intervalMs: number): number {
    const wanted = this.leavesOut("every second sample") ? intervalMs * 2 : intervalMs;
    return Math.max(wanted, Math.min(this.#lastMs, this.#beforeMs) / SHARE);
  }

  #go(level: number): true {
    this.level = level;
    this.#slow = 0;
    this.#quick = 0;
    return true;
  }
}
