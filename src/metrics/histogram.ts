/** Histograms with fixed buckets, as Prometheus reads them. */

/** Bounds of the buckets, ascending; the bucket above the last one is implied. */
export type Bounds = readonly number[];

/** Time that a connection lived, or that work took, in seconds: 1 ms to a day. */
export const durationBounds: Bounds = [0.001, 0.01, 0.1, 0.5, 1, 5, 10, 60, 300, 1800, 3600, 86_400];
/** Round trip times in seconds: loopback to satellite. */
export const rttBounds: Bounds = [
  0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1,
];
/** Bytes of a connection: 64 B to 4 GiB, in steps of 16 and, where most connections are, of 4. */
export const byteBounds: Bounds = [
  0, 64, 256, 1024, 4096, 16_384, 65_536, 262_144, 1_048_576, 16_777_216, 268_435_456, 4_294_967_296,
];
/** Share of the bytes that were sent more than once. */
export const ratioBounds: Bounds = [0, 0.001, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5];
/** Time that a sample took, in seconds. */
export const sampleBounds: Bounds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5];

/** Counts observations by bucket. */
export class Histogram {
  readonly bounds: Bounds;
  /** Observations of each bucket alone; the last one is above all bounds. */
  readonly counts: Float64Array;
  /** How many observations there were. */
  count = 0;
  /** Their sum. */
  sum = 0;

  constructor(bounds: Bounds) {
    this.bounds = bounds;
    this.counts = new Float64Array(bounds.length + 1);
  }

  /** Counts a value; nothing that is not a number. A value on a bound belongs to the bucket below it. */
  observe(value: number): void {
    if (Number.isNaN(value)) return;
    let bucket = 0;
    while (bucket < this.bounds.length && value > this.bounds[bucket]!) bucket++;
    this.counts[bucket]!++;
    this.count++;
    this.sum += value;
  }
}

/** Series that a histogram takes: its buckets, `_sum` and `_count`. */
export function seriesOf(bounds: Bounds): number {
  return bounds.length + 3;
}
