/** Series of numbers over time. A time without samples is a gap, not a line across it. */

/** Rows of a plot, column by column: times in seconds, and one list per number. */
export type PlotData = [times: number[], ...series: (number | null)[][]];

/** Rows with a time and numbers: milliseconds since 1970, then one number per series. */
export type TimedRow = readonly (number | null)[];

/**
 * The columns of rows in the order of time. Where two rows are further apart than two and a half intervals, a row of
 * nothing comes between them.
 */
export function plotData(rows: readonly TimedRow[], series: number, intervalMs: number): PlotData {
  const data: PlotData = [[], ...Array.from({ length: series }, () => [])];
  function put(time: number, values: TimedRow): void {
    data[0].push(time / 1000);
    for (let index = 0; index < series; index++)
      (data[index + 1] as (number | null)[]).push(values[index + 1] ?? null);
  }
  let before: number | undefined;
  for (const row of rows) {
    const time = row[0] ?? 0;
    if (before !== undefined && time - before > intervalMs * 2.5) put(before + intervalMs, []);
    put(time, row);
    before = time;
  }
  return data;
}
