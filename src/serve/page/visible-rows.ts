/**
 * Which rows of a long list are on the screen.
 *
 * All rows have the same height. The list is as high as all of them together, so that the scrollbar is right. Browsers
 * limit the height of an element to about 17 million pixels; a longer list is scaled: its scrollbar still covers
 * all rows, and one pixel of it is more than one pixel of rows.
 */

/** Safe in all browsers. */
const HIGHEST = 15_000_000;

/** Rows above and below the visible ones, so that scrolling by a little shows no gap. */
const SPARE = 8;

/** A list that scrolls. */
export interface Scrolled {
  /** How many rows it has. */
  readonly count: number;
  /** Pixels of one row. */
  readonly rowHeight: number;
  /** Pixels of the visible part. */
  readonly height: number;
  /** Pixels that are scrolled away above. */
  readonly top: number;
}

/** The rows to draw. */
export interface VisibleRows {
  /** Index of the first one. */
  readonly first: number;
  readonly count: number;
  /** Pixels from the top of the list to the first row. */
  readonly offset: number;
  /** Pixels of the whole list. */
  readonly total: number;
}

/** Pixels of rows by pixels of the list: 1 unless the list is too long. */
function scaleOf({ count, rowHeight, height }: Scrolled): number {
  const full = count * rowHeight;
  return full <= HIGHEST ? 1 : (full - height) / (HIGHEST - height);
}

/** The rows to draw for a position of the scrollbar. */
export function visibleRows(list: Scrolled): VisibleRows {
  const { count, rowHeight, height, top } = list;
  const scale = scaleOf(list);
  const total = Math.min(count * rowHeight, HIGHEST);
  const above = Math.max(0, Math.min(top * scale, count * rowHeight - height));
  const start = Math.floor(above / rowHeight);
  const first = Math.max(0, start - SPARE);
  const end = Math.min(count, start + Math.ceil(height / rowHeight) + 1 + SPARE);
  // Where the rows begin, seen from the visible part, is what the eye sees; the list only adds what is scrolled away.
  const offset = Math.max(0, Math.min(top, total - height)) - (above - first * rowHeight);
  return { first, count: Math.max(0, end - first), offset: Math.max(0, offset), total };
}

/** The position of the scrollbar at which a row is visible: unchanged if it is visible already. */
export function scrollTo(list: Scrolled, row: number): number {
  const { rowHeight, height, top } = list;
  const scale = scaleOf(list);
  const above = top * scale;
  const start = row * rowHeight;
  if (start < above) return start / scale;
  if (start + rowHeight > above + height) return (start + rowHeight - height) / scale;
  return top;
}
