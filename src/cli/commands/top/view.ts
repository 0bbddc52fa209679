/** The lines of the screen: styled pieces of text, no wider than the terminal. */
import { short, UNKNOWN } from "./format.ts";
import { keyHelp } from "./keys.ts";
import { columnsOf, layoutFor } from "./layout.ts";
import { type Line, plainText, type Span, type Style, span } from "./line.ts";
import { isPlainText } from "./plain.ts";
import { peak, plot } from "./plot.ts";
import {
  chosenRow,
  type Details,
  type FactGroup,
  groupedBy,
  heights,
  type Mode,
  rowName,
  type ScreenState,
  type Series,
} from "./state.ts";
import { orderMark, rateText, stateCounts, tableLines, timeText } from "./summary.ts";
import { cut, fit, safe, widthOf, wrappedText } from "./text.ts";

/** The fillings of the bar, one per state, so that colour is not needed. */
const BAR_FILLINGS = ["█", "▓", "▒", "░", "▞", "▖"] as const;
/** Columns of the bar. */
const BAR = { least: 10, most: 60 } as const;

/** A line cut to a width. */
function fitted(line: Line, width: number): Line {
  const result: Span[] = [];
  let left = width;
  for (const { text, style } of line) {
    if (left <= 0) break;
    const shown = cut(text, left);
    left -= widthOf(shown);
    result.push({ text: shown, style });
  }
  return result;
}

/** Two pieces at the ends of a line; the second is left out if there is no room. */
function spread(left: Line, right: Line, width: number): Line {
  const gap = width - widthOf(plainText(left)) - widthOf(plainText(right));
  return gap < 1 ? left : [...left, span(" ".repeat(gap)), ...right];
}

/** What the first line says of time: nothing while the present goes on. */
function badge({ paused, past }: ScreenState): string | undefined {
  if (past === undefined) return paused ? " PAUSED " : undefined;
  return paused ? " PAST " : " PLAYING ";
}

function hostLine(state: ScreenState): Line {
  const { host, time, sample, size, filter, text, within } = state;
  const mark = badge(state);
  const what = [
    ...(within === undefined ? [] : [`${within.by} ${within.label}`]),
    ...(filter === "" ? [] : [filter]),
    ...(text === "" ? [] : [`/${text}`]),
  ];
  const left: Line = [
    span(`sockscope top`, "title"),
    span(` ${safe(host)}`),
    ...(mark === undefined ? [] : [span(" "), span(mark, "heading")]),
    ...(what.length === 0 ? [] : [span(` | ${safe(what.join(" | "))}`, "key")]),
  ];
  const interval = sample?.intervalMs === undefined ? "" : `${(sample.intervalMs / 1000).toFixed(1)} s  `;
  return spread(left, [span(`${interval}${time === undefined ? "" : timeText(time)}`)], size.columns);
}

/** How many cells of a bar each count takes: at least one, as long as there is room. */
function shares(counts: readonly number[], width: number): number[] {
  const all = counts.reduce((sum, count) => sum + count, 0);
  const cells = counts.map((count) => Math.max(1, Math.floor((count / all) * width)));
  // The largest count gives up the surplus of the small ones, or takes the rest.
  cells[0]! += width - cells.reduce((sum, cell) => sum + cell, 0);
  return cells;
}

function barLine({ sample, size, past }: ScreenState): Line {
  if (past?.isGap) return [span("No values: nothing was recorded at this time", "warning")];
  if (sample === undefined) return [span("Reading sockets…", "faint")];
  const counts = stateCounts(sample);
  // What changed is known from the second sample on.
  const changes = sample.intervalMs === undefined ? "" : `  +${sample.opened} -${sample.closed}`;
  const words = `${sample.sockets} ${sample.sockets === 1 ? "socket" : "sockets"}${changes}  `;
  const shown = counts.slice(0, BAR_FILLINGS.length);
  const legend = shown.map(({ name, count }, index) => `${BAR_FILLINGS[index]} ${name} ${count}`).join("  ");
  const room = size.columns - words.length - widthOf(legend) - 2;
  if (shown.length === 0 || room < BAR.least)
    return fitted([span(words, "title"), span(legend)], size.columns);
  const cells = shares(
    shown.map(({ count }) => count),
    Math.min(BAR.most, room),
  );
  const bar = cells.map((width, index) => BAR_FILLINGS[index]!.repeat(Math.max(0, width))).join("");
  return [span(words, "title"), span(bar), span("  "), span(legend)];
}

/** A rate with its sparkline. */
function sparkline(
  name: string,
  value: string,
  values: Series["received"],
  width: number,
  style: Style,
): Line {
  return [
    span(`${name} `),
    span(fit(value, 9, "right"), style),
    span(" "),
    span(plot(values, width)[0]!, style),
  ];
}

function ratesLine({ sample, totals, size }: ScreenState): Line {
  if (sample === undefined) return [];
  const { receivedRate, ackedRate, retransmittedRate, droppedRate } = sample.totals;
  const narrow = size.columns < 80;
  const names = narrow ? ["Recv", "Ack"] : ["Received", "Acknowledged"];
  const rest: Line = narrow
    ? []
    : [
        span("  retransmitted "),
        span(rateText(retransmittedRate, ""), retransmittedRate ? "warning" : "plain"),
        span("  dropped "),
        span(rateText(droppedRate, ""), droppedRate ? "warning" : "plain"),
      ];
  const fixed = names.join("").length + 2 * 11 + 2 + widthOf(plainText(rest));
  const width = Math.max(0, Math.min(60, Math.floor((size.columns - fixed) / 2)));
  return [
    ...sparkline(names[0]!, rateText(receivedRate, "B"), totals.received, width, "received"),
    span("  "),
    ...sparkline(names[1]!, rateText(ackedRate, "B"), totals.acked, width, "sent"),
    ...rest,
  ];
}

/** How completely the moment was recorded; only the past has this line. */
function coverageLines({ past, size }: ScreenState): Line[] {
  if (past === undefined) return [];
  const text = `${past.coverage.slice(0, 1).toUpperCase()}${past.coverage.slice(1)}`;
  return [[span(cut(safe(text), size.columns), past.isWarning ? "warning" : "faint")]];
}

function rows(state: ScreenState): Line[] {
  const { allNetns, size, page, sort } = state;
  const height = heights(state).rows;
  if (height === 0) return [];
  const layout = layoutFor(columnsOf(groupedBy(state), allNetns), size.columns, sort.column);
  const lines = tableLines(layout, page, sort).slice(0, height + 1);
  if (page.rows.length > 0 || state.sample === undefined) return lines;
  return [...lines, [span(" No socket matches: -a shows all states, / changes the filter", "faint")]];
}

/** The largest known rate; undefined if all are unknown. */
function peakText(values: Series["received"]): string {
  return values.every((value) => value === undefined) ? UNKNOWN : `${short(Math.round(peak(values)))}B/s`;
}

/** The rates of the chosen socket as plots, as high as there is room for. */
function plots(series: Series | undefined, width: number, height: number): Line[] {
  const { received = [], acked = [] } = series ?? {};
  const half = Math.max(10, Math.floor((width - 3) / 2));
  const heading = (name: string, values: Series["received"]) =>
    fit(`${name}, at most ${peakText(values)}`, half);
  const left = plot(received, half, height);
  const right = plot(acked, half, height);
  return [
    [span(heading("Received", received), "key"), span(" │ "), span(heading("Acknowledged", acked), "key")],
    ...left.map((cells, index): Line => [span(cells, "received"), span(" │ "), span(right[index]!, "sent")]),
  ];
}

/** Columns for the values of facts. */
const VALUE = 24;

function factLines(groups: readonly FactGroup[], width: number): Line[] {
  const columns = width >= 150 ? 2 : 1;
  const each = Math.floor((width - (columns - 1) * 3) / columns);
  return groups.flatMap(({ title, text, facts }): Line[] => {
    const perColumn = Math.ceil(facts.length / columns);
    const lines = Array.from({ length: perColumn }, (_, line) =>
      Array.from({ length: columns }, (_, column): Line => {
        const fact = facts[column * perColumn + line];
        if (fact === undefined) return [];
        const value = safe(fact.value);
        // A value that is longer than its column takes room from the words.
        const shown = widthOf(value) > VALUE ? `${value}  ` : `${fit(value, VALUE, "right")}  `;
        const left = each - widthOf(shown);
        return [span(cut(shown, each)), span(fit(safe(fact.meaning), Math.max(0, left)), "faint")];
      }).flatMap((cells, index) => (index === 0 ? cells : [span("   "), ...cells])),
    );
    const words = text === undefined ? [] : wrappedText(safe(text), width - 1);
    return [[span(title, "title")], ...words.map((line): Line => [span(` ${line}`)]), ...lines];
  });
}

function detailLines(state: ScreenState, details: Details): Line[] {
  const { size, series } = state;
  const { details: height } = heights(state);
  const row = chosenRow(state);
  const name = row === undefined ? "" : safe(rowName(row));
  const title: Line = [span(fit(` ${name}`, size.columns), "heading")];
  const plotHeight = height >= 24 ? 4 : height >= 14 ? 2 : 1;
  const plotted = plots(series.get(details.key), size.columns, plotHeight);
  const facts =
    details.groups === undefined
      ? [[span("Looking it up…", "faint")]]
      : factLines(details.groups, size.columns);
  const room = Math.max(0, height - 1 - plotted.length);
  const from = Math.min(details.scroll, Math.max(0, facts.length - room));
  const more = facts.length - from - room;
  const shown = facts.slice(from, from + room);
  if (more > 0 && shown.length > 0)
    shown[shown.length - 1] = [
      span(`… ${more + 1} more lines: ${state.past === undefined ? "]" : "}"}`, "faint"),
    ];
  return [title, ...plotted, ...shown];
}

/** Columns for the keys in the help. */
const KEYS = 15;

/** The meaning of rates and other numbers. */
const helpNotes = [
  "Rates are differences of the kernel's counters between two samples; - is not known, never 0.",
  "The kernel does not count bytes per UDP socket, so UDP shows queues and drops.",
  "With CAP_NET_ADMIN, connections that begin and end between two samples count in the rates, in + and in -; sockscope events shows each.",
];

/** All lines of the help, wrapped to a width. */
function helpText(width: number): Line[] {
  return [
    ...keyHelp.flatMap(([keys, what]): Line[] =>
      wrappedText(what, width - KEYS - 2).map((line, index) => [
        span(` ${fit(index === 0 ? keys : "", KEYS)}`, "key"),
        span(line),
      ]),
    ),
    [],
    ...helpNotes.flatMap((note): Line[] => wrappedText(note, width - 2).map((line) => [span(` ${line}`)])),
  ];
}

function helpLines({ size }: ScreenState, scroll: number): Line[] {
  const lines = helpText(size.columns);
  const room = Math.max(1, size.rows - 2);
  const from = Math.min(scroll, Math.max(0, lines.length - room));
  const more = lines.length - from - room;
  const title = more > 0 || from > 0 ? " Keys (↑ ↓: scroll, any other key: back)" : " Keys (any key: back)";
  return [[span(fit(title, size.columns), "heading")], ...lines.slice(from, from + room)];
}

/** The filter prompt, and below it the mistake. */
function promptLines(mode: Extract<Mode, { kind: "filter" }>, width: number): Line[] {
  const { text, cursor, problem } = mode;
  const room = width - 3;
  // Of a long filter, the part around the cursor is shown.
  const start = Math.max(0, Math.min(cursor - Math.floor(room / 2), text.length - room));
  const shown = text.slice(start, start + room);
  const at = cursor - start;
  const prompt: Line = [
    span("/", "key"),
    span(safe(shown.slice(0, at))),
    span(safe(shown.slice(at, at + 1) || " "), "heading"),
    span(safe(shown.slice(at + 1))),
  ];
  if (problem === undefined) {
    const what = isPlainText(text) ? "rows with this text" : "an expression, as in --help filter";
    return [prompt, [span(fit(` Enter: ${what}  Esc: back  Ctrl-U: clear`, width), "faint")]];
  }
  const before = widthOf(safe(text.slice(start, Math.max(start, problem.offset))));
  const carets = "^".repeat(Math.max(1, Math.min(problem.length, room - before)));
  const message = ` ${safe(problem.message)}`;
  const line = `${" ".repeat(before + 1)}${carets}${message}`;
  // Without room behind the carets, the words stand before them.
  if (widthOf(line) <= width) return [prompt, [span(line, "warning")]];
  const left = fit(`${message} `, before + 1, "right");
  return [prompt, [span(left, "warning"), span(carets, "warning")]];
}

function confirmLine({ action, target, agreed }: Extract<Mode, { kind: "confirm" }>): Line {
  const deed = action.kind === "close" ? `Close ${target} by force` : `Send ${action.signal} to ${target}`;
  // The question comes first, because the end of a long line is cut.
  const question = agreed === 0 ? "y/n?" : "Sure? Y (capital) does it:";
  return [span(safe(`${question} ${deed}`), "warning")];
}

/** The place among the rows, and the sorted column if it is not shown. */
function position(state: ScreenState): string {
  const { page, sort, allNetns, size } = state;
  if (page.total === 0) return "";
  const columns = columnsOf(groupedBy(state), allNetns);
  const isShown = layoutFor(columns, size.columns, sort.column).some(
    ({ column }) => column.key === sort.column,
  );
  const heading = columns.find(({ key }) => key === sort.column)?.heading;
  const order = isShown || heading === undefined ? "" : ` by ${heading}${orderMark(sort)}`;
  return `${page.first + 1}-${page.first + page.rows.length} of ${page.total}${order}`;
}

/** The most important keys of the past, in as many words as fit. */
const PAST_HINTS = [
  "[ ]: back, forth  < >: a minute  Space: play  /: filter  ←→: sort  Enter: details  ?: help  q: quit",
  "[ ]: back, forth  < >: a minute  Space: play  ?: help  q: quit",
  "[ ]: back, forth  Space: play  q: quit",
] as const;

/** The most important keys, in as many words as fit. */
const HINTS = [
  "?: help  /: filter  ←→: sort  p o u a l d s c: group  Enter: details  q: quit",
  "?: help  /: filter  ←→: sort  p a s: group  q: quit",
  "?: help  /: filter  q: quit",
] as const;

function footerLine(state: ScreenState): Line {
  const { mode, message, notes, size, past } = state;
  const place = position(state);
  const last: Line = [span(place, "faint")];
  if (mode.kind === "confirm") return confirmLine(mode);
  const text = message ?? notes[0];
  if (text !== undefined) return spread([span(cut(safe(text), size.columns), "warning")], last, size.columns);
  const room = size.columns - widthOf(place) - 1;
  const hints = past === undefined ? HINTS : PAST_HINTS;
  const hint = hints.find((each) => widthOf(each) <= room) ?? hints[hints.length - 1]!;
  return spread([span(hint, "faint")], last, size.columns);
}

/** Lines, cut or filled up with empty ones to a height. */
function tall(lines: readonly Line[], height: number): Line[] {
  return Array.from({ length: Math.max(0, height) }, (_, index) => lines[index] ?? []);
}

/** The lines of the screen: as many as the terminal has rows. */
export function viewOf(state: ScreenState): Line[] {
  const { size, mode, details } = state;
  const prompt = mode.kind === "filter" ? promptLines(mode, size.columns) : [];
  const footer = [...prompt, footerLine(state)];
  const body =
    mode.kind === "help"
      ? helpLines(state, mode.scroll)
      : [
          hostLine(state),
          barLine(state),
          ratesLine(state),
          ...coverageLines(state),
          ...rows(state),
          ...(details === undefined ? [] : detailLines(state, details)),
        ];
  const lines = [...tall(body, size.rows - footer.length), ...footer];
  return tall(lines, size.rows).map((line) => fitted(line, size.columns));
}
