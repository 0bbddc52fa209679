/** The trace's clock, CLOCK_MONOTONIC, and its offset to the time of day. clock_gettime(2). */
import { libc } from "#libc";

const CLOCK_REALTIME = 0;
const CLOCK_MONOTONIC = 1;
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

/** Converts CLOCK_MONOTONIC to the time of day. */
export class TraceClock {
  #offsetMs = realMs() - monotonicNs() / NS_PER_MS;

  /** Adjusts the offset if the time of day was set. */
  check(): void {
    const offsetMs = realMs() - monotonicNs() / NS_PER_MS;
    if (Math.abs(offsetMs - this.#offsetMs) > STEP_MS) this.#offsetMs = offsetMs;
  }

  /** Milliseconds since 1970. @param ns of CLOCK_MONOTONIC */
  wallMs(ns: number): number {
    return ns / NS_PER_MS + this.#offsetMs;
  }
}
