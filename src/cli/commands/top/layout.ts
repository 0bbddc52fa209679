/** The columns that a width has room for. The width and the sorted column alone decide, so that nothing jumps. */
import { groupColumns, type LiveColumn, socketColumns } from "../../../live/columns.ts";
import type { GroupBy } from "../../../live/groups.ts";
import type { Row } from "../../../live/page.ts";
import { valueText } from "./format.ts";
import { safe, widthOf } from "./text.ts";

/** A column with its width. */
export interface PlacedColumn {
  readonly column: LiveColumn;
  readonly width: number;
}

/** Columns from left to right, with one blank between each two. */
export type Layout = readonly PlacedColumn[];

/** How much room a column takes: at least, and at most if there is more. */
interface Room {
  readonly least: number;
  readonly most: number;
}

/** A heading with its mark gets no more room than this if there is little. */
const LONGEST_HEADING = 10;
/** Room for a number of any size. */
const NUMBER: Room = { least: 7, most: 7 };

/** The room of columns of text; numbers take that of a number. */
const rooms: Readonly<Record<string, Room>> = {
  netid: { least: 5, most: 5 },
  state: { least: 10, most: 10 },
  local: { least: 19, most: 47 },
  peer: { least: 21, most: 47 },
  process: { least: 14, most: 24 },
  container: { least: 12, most: 24 },
  netns: { least: 8, most: 16 },
  group: { least: 20, most: 60 },
};

/** Columns of sockets, the most important first. */
const importance: readonly string[] = [
  "peer",
  "rx",
  "tx",
  "netid",
  "state",
  "rtt",
  "process",
  "local",
  "retrans",
  "rate",
  "sendq",
  "recvq",
  "netns",
  "drops",
  "delivery",
  "container",
];

function roomOf({ key }: LiveColumn): Room {
  return rooms[key] ?? NUMBER;
}

/** Columns that show the parts of another one: with both of them shown, that one can go even if rows are sorted by it. */
const parts: Readonly<Record<string, readonly string[]>> = { rate: ["rx", "tx"] };

/** The columns of sockets or of groups. */
export function columnsOf(by: GroupBy | undefined, allNetns: boolean): readonly LiveColumn[] {
  if (by !== undefined) return groupColumns;
  return socketColumns.filter(({ key }) => key !== "netns" || allNetns);
}

/** The room of a column; a sorted one has room for the mark of the order behind its heading. */
function roomFor(column: LiveColumn, sorted: string | undefined): Room {
  const { least, most } = roomOf(column);
  if (column.key !== sorted) return { least, most };
  const needed = widthOf(column.heading) + 1;
  return { least: Math.max(least, Math.min(needed, LONGEST_HEADING)), most: Math.max(most, needed) };
}

/**
 * The columns that fit a width, the most important ones, in their usual order. The room that is left goes to columns
 * of text.
 *
 * @param width columns of the terminal, of which the first is for the mark of the chosen row
 * @param sorted the column that rows are sorted by, which is shown if its parts are not
 */
export function layoutFor(columns: readonly LiveColumn[], width: number, sorted?: string): Layout {
  const wanted = sorted !== undefined && !(sorted in parts) ? sorted : undefined;
  const rank = ({ key }: LiveColumn) => (key === wanted ? -1 : importance.indexOf(key));
  const kept = new Set<LiveColumn>();
  let left = width;
  for (const column of [...columns].sort((a, b) => rank(a) - rank(b))) {
    const { least } = roomFor(column, sorted);
    if (kept.size > 0 && left < least + 1) continue;
    kept.add(column);
    left -= least + 1;
  }
  const widths = new Map([...kept].map((column) => [column, roomFor(column, sorted).least]));
  // One column at a time, in turn, so that no column gets more than the others.
  for (let growing = true; growing && left > 0; ) {
    growing = false;
    for (const column of kept) {
      const now = widths.get(column)!;
      if (left === 0 || now >= roomFor(column, sorted).most) continue;
      widths.set(column, now + 1);
      left--;
      growing = true;
    }
  }
  return columns
    .filter((column) => kept.has(column))
    .map((column) => ({ column, width: widths.get(column)! }));
}

/** A layout widened to hold the values of a row. */
export function widened(layout: Layout, { values }: Row): Layout {
  let changed = false;
  const next = layout.map((placed) => {
    const { column, width } = placed;
    const needed = widthOf(safe(valueText(column.kind, values[column.key])));
    if (needed <= width) return placed;
    changed = true;
    return { column, width: needed };
  });
  return changed ? next : layout;
}

/** All columns, as wide as their headings and the mark of the one that is sorted by. */
export function headingLayout(columns: readonly LiveColumn[]): Layout {
  return columns.map((column) => ({ column, width: widthOf(column.heading) + 1 }));
}
