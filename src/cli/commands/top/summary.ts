/** The summary above the rows, and the rows themselves: the same on the screen and in frames. */
import type { Page, Row, Sort } from "../../../live/page.ts";
import type { Sample } from "../../../live/table.ts";
import { stateName } from "../../../model/state.ts";
import { short, UNKNOWN, valueText } from "./format.ts";
import type { Layout, PlacedColumn } from "./layout.ts";
import { type Line, type Span, type Style, span } from "./line.ts";
import { cutEnd, fit, safe } from "./text.ts";

/** The facts that the summary shows. */
export interface Summary {
  readonly host: string;
  readonly time: Date;
  readonly sample: Sample;
  readonly notes: readonly string[];
}

/** Date and time as the host has them, `2026-11-21 08:40:00`. */
export function timeText(time: Date): string {
  const two = (number: number) => `${number}`.padStart(2, "0");
  const date = [time.getFullYear(), two(time.getMonth() + 1), two(time.getDate())].join("-");
  return `${date} ${[time.getHours(), time.getMinutes(), time.getSeconds()].map(two).join(":")}`;
}

/** A change per second in words. */
export function rateText(value: number | undefined, unit: string): string {
  if (value === undefined) return UNKNOWN;
  return unit === "B" ? `${short(Math.round(value))}B/s` : `${short(value)}/s`;
}

/** The states that sockets are in with their counts, the most frequent first. */
export function stateCounts({
  states,
}: Sample): readonly { readonly name: string; readonly count: number }[] {
  return states
    .map((count, number) => ({ name: stateName(number), count }))
    .filter(({ count }) => count > 0)
    .sort((a, b) => b.count - a.count);
}

/** The lines above the rows of a frame. */
export function summaryLines({ host, time, sample, notes }: Summary): Line[] {
  const { intervalMs, sockets, opened, closed, totals } = sample;
  const interval = intervalMs === undefined ? "" : `, after ${(intervalMs / 1000).toFixed(2)} s`;
  // What changed is known from the second sample on.
  const changes = intervalMs === undefined ? "" : `, ${opened} new, ${closed} closed`;
  const counts = stateCounts(sample).map(({ name, count }) => `, ${count} ${name}`);
  const rates = [
    `received ${rateText(totals.receivedRate, "B")}`,
    `acknowledged ${rateText(totals.ackedRate, "B")}`,
    `retransmitted ${rateText(totals.retransmittedRate, "")}`,
    `dropped ${rateText(totals.droppedRate, "")}`,
  ];
  return [
    [span(`${safe(host)}, ${timeText(time)}${interval}`, "title")],
    [span(`${sockets} sockets${changes}${counts.join("")}`)],
    [span(rates.join(", "))],
    ...notes.map((note): Line => [span(safe(note), "warning")]),
  ];
}

/** Whether this value of a column is a sign of a problem. */
function isWarning(key: string, value: string | number | undefined): boolean {
  return (key === "retrans" || key === "drops") && typeof value === "number" && value > 0;
}

function styleOf(key: string, value: string | number | undefined): Style {
  if (value === undefined) return "faint";
  if (isWarning(key, value)) return "warning";
  if (key === "rx") return "received";
  return key === "tx" ? "sent" : "plain";
}

/** The mark of an order: ascending or descending. */
export function orderMark({ descending }: Sort): string {
  return descending ? "▼" : "▲";
}

function isNumber({ column }: PlacedColumn): boolean {
  return column.kind !== "text";
}

function headingSpan(placed: PlacedColumn, sort: Sort): Span {
  const { column, width } = placed;
  const sorted = column.key === sort.column;
  const text = sorted ? `${column.heading}${orderMark(sort)}` : column.heading;
  return span(fit(text, width, isNumber(placed) ? "right" : "left"), sorted ? "sorted" : "heading");
}

function isEnd(key: string): boolean {
  return key === "local" || key === "peer";
}

/** A row. */
export function rowLine(layout: Layout, row: Row, chosen: boolean): Line {
  return layout.flatMap((placed, index): Line => {
    const { column, width } = placed;
    const value = row.values[column.key];
    const text = safe(valueText(column.kind, value));
    const warned = isWarning(column.key, value) && text.length < width ? `!${text}` : text;
    const whole = isEnd(column.key) ? cutEnd(warned, width) : warned;
    const cell = span(
      fit(whole, width, isNumber(placed) ? "right" : "left"),
      chosen ? "chosen" : styleOf(column.key, value),
    );
    return index === 0 ? [cell] : [span(" ", chosen ? "chosen" : "plain"), cell];
  });
}

/** The heading of rows. */
export function headingLine(layout: Layout, sort: Sort): Line {
  return layout.flatMap((placed, index): Line => {
    const cell = headingSpan(placed, sort);
    return index === 0 ? [cell] : [span(" ", "heading"), cell];
  });
}

/** The heading and the rows of a page, each with room for the mark of the chosen row. */
export function tableLines(layout: Layout, page: Page, sort: Sort): Line[] {
  return [
    [span(" ", "heading"), ...headingLine(layout, sort)],
    ...page.rows.map((row, index): Line => {
      const chosen = index === page.chosen;
      const gutter = chosen ? span(">", "chosen") : span(" ");
      return [gutter, ...rowLine(layout, row, chosen)];
    }),
  ];
}
