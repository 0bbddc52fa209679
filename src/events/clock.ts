/** The trace's clock, CLOCK_MONOTONIC, and its offset to the time of day. clock_gettime(2). */
import { libc } from "#libc";

const CLOCK_REALTIME = 0;
const CLOCK_MONOTONIC = 1;
const CLOCK_BOOTTIME = 7;
const NS_PER_SECOND = 1e9;
const NS_PER_MS = 1e6;
const MS_PER_SECOND = 1e3;
/** The time of day was set if the offset of the two clocks has changed by more than this. */
const STEP_MS = 1;

const timespec = new Uint8Array(16);
const fields = new DataView(timespec.buffer);

/** Reads seconds and nanoseconds of a clock into `fields`. */
function read(clock: number): void {
  libc.clockGettime(clock, timespec);
}

function word(at: number): number {
  return fields.getUint32(at + 4, true) * 2 ** 32 + fields.getUint32(at, true);
}

/** Now, in nanoseconds of CLOCK_MONOTONIC. */
export function monotonicNs(): number {
  read(CLOCK_MONOTONIC);
  return word(0) * NS_PER_SECOND + word(8);
}

/** Now, in milliseconds since 1970, to the microsecond. */
function realMs(): number {
  read(CLOCK_REALTIME);
  return word(0) * MS_PER_SECOND + word(8) / NS_PER_MS;
}

/** The clocks at one moment, in milliseconds. */
export interface ClockTimes {
  /** CLOCK_REALTIME: since 1970. */
  readonly realMs: number;
  /** CLOCK_MONOTONIC: since boot, without the time of suspension. */
  readonly monotonicMs: number;
  /** CLOCK_BOOTTIME: since boot, with the time of suspension. */
  readonly bootMs: number;
}

/** Reads the clocks of this host. */
function systemTimes(): ClockTimes {
  read(CLOCK_BOOTTIME);
  const bootMs = word(0) * MS_PER_SECOND + word(8) / NS_PER_MS;
  return { realMs: realMs(), monotonicMs: monotonicNs() / NS_PER_MS, bootMs };
}

/** Converts CLOCK_MONOTONIC to the time of day. */
export class TraceClock {
  readonly #times: () => ClockTimes;
  /** The time of day minus CLOCK_MONOTONIC; a suspend changes it, too. */
  #offsetMs: number;
  /** The time of day minus CLOCK_BOOTTIME. */
  #bootedMs: number;

  /** @param times reads the clocks; default: those of this host */
  constructor(times: () => ClockTimes = systemTimes) {
    this.#times = times;
    const { realMs, monotonicMs, bootMs } = times();
    this.#offsetMs = realMs - monotonicMs;
    this.#bootedMs = realMs - bootMs;
  }

  /**
   * Adjusts the conversion if the time of day was set, or the host was suspended.
   *
   * @returns by how many milliseconds the time of day was set forward, negative for back; 0 if it was not
   */
  check(): number {
    const { realMs, monotonicMs, bootMs } = this.#times();
    const offsetMs = realMs - monotonicMs;
    if (Math.abs(offsetMs - this.#offsetMs) > STEP_MS) this.#offsetMs = offsetMs;
    const stepMs = realMs - bootMs - this.#bootedMs;
    if (Math.abs(stepMs) <= STEP_MS) return 0;
    this.#bootedMs += stepMs;
    return stepMs;
  }

  /** Milliseconds since 1970. @param ns of CLOCK_MONOTONIC */
  wallMs(ns: number): number {
    return ns / NS_PER_MS + this.#offsetMs;
  }
}
