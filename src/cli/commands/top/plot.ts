/** Rates as plots of block characters. */

/** Eighths of a cell from below. Unicode, Block Elements. */
const EIGHTHS = [" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"] as const;

/** The largest known number; 0 if none is known. */
export function peak(values: readonly (number | undefined)[]): number {
  return values.reduce<number>((most, value) => Math.max(most, value ?? 0), 0);
}

/**
 * A plot of the last values, newest at the right; the largest of them fills its column. Any value above zero is
 * visible; unknown values are blank.
 *
 * @param height lines
 * @returns the lines from top to bottom, each `width` columns
 */
export function plot(values: readonly (number | undefined)[], width: number, height = 1): string[] {
  const shown = values.slice(-Math.max(1, width));
  const most = peak(shown);
  const eighths = shown.map((value) => {
    if (value === undefined || value <= 0 || most === 0) return 0;
    return Math.max(1, Math.round((value / most) * height * 8));
  });
  const blank = " ".repeat(Math.max(0, width - shown.length));
  return Array.from({ length: height }, (_, line) => {
    const below = (height - 1 - line) * 8;
    const cells = eighths.map((filled) => EIGHTHS[Math.max(0, Math.min(8, filled - below))]!);
    return blank + (width <= 0 ? "" : cells.join(""));
  });
}
