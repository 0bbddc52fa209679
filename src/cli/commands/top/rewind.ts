/** `top --at`: moves from sample to sample of the past. A gap between two samples is a stop of its own. */
import type { PastCoverage, PastGap, PastTime } from "../../../host/host.ts";
import type { Sample } from "../../../live/table.ts";
import { durationText, timeText } from "../../../store/time.ts";
import { noteText } from "../../past-notes.ts";
import type { Sampler } from "./sampler.ts";

/** The wall clock was set if it went on by so much more or less than the time since boot. */
const CLOCK_MS = 1000;
const SECOND_MS = 1000;

/** One stop in the past: a sample, or a gap. */
export interface PastFrame {
  /** When the sample was taken; where the gap was entered. */
  readonly time: Date;
  /** Undefined in a gap, when nothing was recorded. */
  readonly sample: Sample | undefined;
  /** Milliseconds between two samples. */
  readonly everyMs: number;
  readonly coverage: PastCoverage;
  readonly gap: PastGap | undefined;
}

/** The coverage of a stop in one line of plain words. */
export function coverageText({ everyMs, coverage: { limits, notes }, gap }: PastFrame): string {
  if (gap !== undefined) return gapText(gap);
  const parts = [
    `recorded every ${everyMs < SECOND_MS ? `${everyMs} ms` : durationText(everyMs)}`,
    ...(limits === "" ? [] : [`only ${limits}`]),
    ...notes.map(noteText),
  ];
  return parts.join("; ");
}

function gapText({ fromMs, untilMs, notes }: PastGap): string {
  const causes = notes.map((note) => `; ${noteText(note)}`).join("");
  if (fromMs === undefined) return `nothing was recorded before ${timeText(untilMs!)}${causes}`;
  if (untilMs === undefined) return `nothing was recorded after ${timeText(fromMs)}${causes}`;
  // The end of the line is cut on a narrow screen, whose first line has the time, too.
  const span = `from ${timeText(fromMs)} to ${timeText(untilMs)}`;
  return `nothing was recorded for ${durationText(untilMs - fromMs)}${causes}; ${span}`;
}

/** The way of a run through the past. */
export class Rewind {
  readonly #past: PastTime;
  #gap: PastGap | undefined;
  /** When the last sample in the table of the sampler was taken. */
  #taken: Pick<PastTime, "bootId" | "bootMs" | "wallMs"> | undefined;

  constructor(past: PastTime) {
    this.#past = past;
  }

  /** Notes that the next frame is of another sampler, whose table is empty. */
  reopened(): void {
    this.#taken = undefined;
  }

  /**
   * Moves to the next stop, or to the one before.
   *
   * @returns undefined if it moved; otherwise why not, in words
   */
  move(by: 1 | -1): string | undefined {
    const past = this.#past;
    const gap = this.#gap ?? (past.step(by) ? undefined : past.gap(by));
    if (gap === undefined) return undefined;
    const end = by > 0 ? gap.untilMs : gap.fromMs;
    if (end === undefined) return gapText(gap);
    if (this.#gap === undefined) this.#gap = gap;
    else {
      this.#gap = undefined;
      past.seek(end);
    }
    return undefined;
  }

  /** Moves to the last sample that is not later than a time from now. @returns why not, in words */
  jump(ms: number): string | undefined {
    const { wallMs } = this.#past;
    const atMs = wallMs + ms;
    const gap = this.#past.gap(ms > 0 ? 1 : -1);
    // At least one sample further, also where samples are further apart.
    if (ms > 0 && gap.untilMs !== undefined && gap.untilMs > atMs) return this.move(1);
    if (!this.#past.seek(atMs)) return gapText({ ...gap, fromMs: undefined, notes: [] });
    if (this.#past.wallMs === wallMs) return this.move(ms > 0 ? 1 : -1);
    this.#gap = undefined;
    this.#taken = undefined;
    return undefined;
  }

  /** Takes the sample of the present stop, with the one before it if that is needed for rates. */
  async frame(sampler: Sampler, signal: AbortSignal): Promise<PastFrame> {
    const past = this.#past;
    const { wallMs } = past;
    const stop = { time: new Date(wallMs), everyMs: past.intervalMs, coverage: past.coverage };
    if (this.#gap !== undefined) {
      this.#restart(sampler);
      return { ...stop, sample: undefined, gap: this.#gap };
    }
    if (!this.#follows()) {
      this.#restart(sampler);
      if (past.step(-1)) {
        await this.#take(sampler, signal);
        past.seek(wallMs);
        if (!this.#follows()) this.#restart(sampler);
      }
    }
    return { ...stop, sample: await this.#take(sampler, signal), gap: undefined };
  }

  #restart(sampler: Sampler): void {
    sampler.restart();
    this.#taken = undefined;
  }

  async #take(sampler: Sampler, signal: AbortSignal): Promise<Sample> {
    const { bootId, bootMs, wallMs } = this.#past;
    const sample = await sampler.take(signal);
    this.#taken = { bootId, bootMs, wallMs };
    return sample;
  }

  /** Whether the table has a sample from shortly before the present one, so that there are rates. */
  #follows(): boolean {
    const { bootId, bootMs, wallMs } = this.#past;
    const taken = this.#taken;
    if (taken === undefined || taken.bootId !== bootId) return false;
    const passedMs = bootMs - taken.bootMs;
    // Where the wall clock was set back, samples of other times lie between.
    return passedMs > 0 && Math.abs(wallMs - taken.wallMs - passedMs) < CLOCK_MS;
  }
}
