/** The shapes of a plot: paths in a picture of fixed size, which the browser stretches to its place. */
import type { PlotData } from "./gaps.ts";

/** Size of the picture. */
export const WIDTH = 1000;
export const HEIGHT = 100;

/** Seconds that a plot shows at least, so that the first samples are not stretched over all of it. */
const LEAST_SPAN = 60;

/** A smallest scale: a plot of nothing has one, too. */
const LEAST = 1e-9;

/** The next number of 1, 2, 2.5, 5 or 10 times a power of ten: where the scale of a plot ends. */
export function scaleEnd(most: number): number {
  const value = Math.max(most, LEAST);
  const power = 10 ** Math.floor(Math.log10(value));
  const step = [1, 2, 2.5, 5, 10].find((each) => value <= each * power * (1 + 1e-9)) ?? 10;
  return step * power;
}

/** The largest number of all series. */
export function largest([, ...series]: PlotData): number {
  return series.reduce(
    (most, values) => values.reduce<number>((each, value) => Math.max(each, value ?? 0), most),
    0,
  );
}

/** The first and the last time of a plot, in seconds. */
export function timeRange([times]: PlotData): readonly [from: number, until: number] {
  const until = times.at(-1) ?? 0;
  return [Math.min(times[0] ?? 0, until - LEAST_SPAN), until];
}

/** The place of a time, from 0 to 1. */
export function placeOf(data: PlotData, time: number): number {
  const [from, until] = timeRange(data);
  return until === from ? 1 : (time - from) / (until - from);
}

/** The index of the sample that is nearest to a place from 0 to 1. */
export function nearest(data: PlotData, place: number): number {
  const [from, until] = timeRange(data);
  const time = from + place * (until - from);
  return data[0].reduce(
    (best, each, index) => (Math.abs(each - time) < Math.abs(data[0][best]! - time) ? index : best),
    0,
  );
}

/** A line, and the area below it. */
export interface Shape {
  readonly line: string;
  readonly area: string;
}

/** The shape of a series. Where a value is missing, the line has a gap. @param end where the scale ends */
export function shapeOf(data: PlotData, series: number, end: number): Shape {
  const times = data[0];
  const values = data[series + 1] as readonly (number | null)[];
  const runs: (readonly [x: string, y: string])[][] = [];
  let isOpen = false;
  values.forEach((value, index) => {
    if (value === null) isOpen = false;
    else {
      if (!isOpen) runs.push([]);
      isOpen = true;
      const x = (placeOf(data, times[index]!) * WIDTH).toFixed(1);
      runs.at(-1)!.push([x, (HEIGHT * (1 - value / end)).toFixed(1)]);
    }
  });
  const through = (run: readonly (readonly [string, string])[]) =>
    run.map((point) => point.join(" ")).join("L");
  return {
    // A run of one point is drawn as a dot: a line of no length, with round ends.
    line: runs.map((run) => `M${through(run)}${run.length === 1 ? "h0" : ""}`).join(""),
    area: runs.map((run) => `M${run[0]![0]} ${HEIGHT}L${through(run)}V${HEIGHT}Z`).join(""),
  };
}
