/** The clocks of the recorder, and what their readings say of the time between. clock_gettime(2). */
import { libc } from "#libc";

/** Times of the host. */
export interface RecorderClock {
  /** Milliseconds since 1970 by the wall clock. */
  wallMs(): number;
  /** Milliseconds since boot, time of suspension included: CLOCK_BOOTTIME. */
  bootMs(): number;
  /** Milliseconds since boot, time of suspension left out: CLOCK_MONOTONIC. */
  awakeMs(): number;
}

const CLOCK_REALTIME = 0;
const CLOCK_MONOTONIC = 1;
const CLOCK_BOOTTIME = 7;
const MS_PER_SECOND = 1e3;
const NS_PER_MS = 1e6;

const timespec = new Uint8Array(16);
const data = new DataView(timespec.buffer);

function word(at: number): number {
  return data.getUint32(at + 4, true) * 2 ** 32 + data.getUint32(at, true);
}

function read(clock: number): number {
  libc.clockGettime(clock, timespec);
  return word(0) * MS_PER_SECOND + word(8) / NS_PER_MS;
}

/** The clocks of this machine. */
export const systemClock: RecorderClock = {
  wallMs: () => read(CLOCK_REALTIME),
  bootMs: () => read(CLOCK_BOOTTIME),
  awakeMs: () => read(CLOCK_MONOTONIC),
};

/** Readings of all clocks at one moment. */
export interface ClockReading {
  readonly wallMs: number;
  readonly bootMs: number;
  readonly awakeMs: number;
}

/** Reads all clocks. */
export function readClocks(clock: RecorderClock): ClockReading {
  return { wallMs: clock.wallMs(), bootMs: clock.bootMs(), awakeMs: clock.awakeMs() };
}

/** The wall clock was set if it differs by more than this from what the time since boot says. */
const STEP_MS = 500;
/** The host was suspended if the clocks since boot differ by more than this. */
const SUSPENDED_MS = 500;

/** What happened to the clocks between two readings. */
export interface ClockChange {
  /** How far the wall clock was set forward; negative for back; 0 if it was not. */
  readonly stepMs: number;
  /** How long the host was suspended. */
  readonly suspendedMs: number;
}

/** Compares two readings of the same boot. */
export function clockChange(earlier: ClockReading, later: ClockReading): ClockChange {
  const passedMs = later.bootMs - earlier.bootMs;
  const stepMs = later.wallMs - earlier.wallMs - passedMs;
  const suspendedMs = passedMs - (later.awakeMs - earlier.awakeMs);
  return {
    stepMs: Math.abs(stepMs) > STEP_MS ? stepMs : 0,
    suspendedMs: suspendedMs > SUSPENDED_MS ? suspendedMs : 0,
  };
}
