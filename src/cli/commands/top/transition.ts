/** How each event makes the next state of the one before. Nothing here touches the world. */
import type { GroupBy } from "../../../live/groups.ts";
import type { Page, Row, Sort } from "../../../live/page.ts";
import type { Sample } from "../../../live/table.ts";
import type { Key } from "./keys.ts";
import { columnsOf, layoutFor } from "./layout.ts";
import {
  type Action,
  chosenRow,
  type FactGroup,
  type FilterProblem,
  groupedBy,
  type Mode,
  noSeries,
  rowName,
  type ScreenState,
  type Series,
  type Size,
} from "./state.ts";

/** What happens. */
export type ScreenEvent =
  | { readonly kind: "key"; readonly key: Key }
  | { readonly kind: "resize"; readonly size: Size }
  | {
      readonly kind: "sample";
      readonly sample: Sample;
      readonly time: Date;
      readonly notes: readonly string[];
    }
  /** The rows that {@link requestOf} asks for. `sampled` says that they are of a new sample. */
  | { readonly kind: "page"; readonly page: Page; readonly sampled: boolean }
  | { readonly kind: "details"; readonly key: string; readonly groups: readonly FactGroup[] }
  | { readonly kind: "filtered"; readonly filter: string }
  | { readonly kind: "unfiltered"; readonly text: string; readonly problem: FilterProblem }
  | { readonly kind: "allowed"; readonly action: Action; readonly target: string }
  | { readonly kind: "message"; readonly text: string };

/** How many samples rates are kept of. */
export const SERIES_LENGTH = 300;
/** Of how many rows. */
const SERIES_ROWS = 256;
type Change = Partial<ScreenState>;

function appended(series: Series, received: number | undefined, acked: number | undefined): Series {
  return {
    received: [...series.received.slice(1 - SERIES_LENGTH), received],
    acked: [...series.acked.slice(1 - SERIES_LENGTH), acked],
  };
}

function rateOf({ values }: Row, column: string): number | undefined {
  const value = values[column];
  return typeof value === "number" ? value : undefined;
}

/** The rates of rows with those of a new sample. What has not been shown for longest goes when there are too many. */
function withSeries(series: ScreenState["series"], rows: readonly Row[]): ScreenState["series"] {
  const next = new Map(series);
  for (const row of rows) {
    const known = next.get(row.key) ?? noSeries;
    next.delete(row.key);
    next.set(row.key, appended(known, rateOf(row, "rx"), rateOf(row, "tx")));
  }
  for (const key of next.keys()) {
    if (next.size <= SERIES_ROWS) break;
    next.delete(key);
  }
  return next;
}

/** The columns that are on the screen, from left to right: those that one can sort by with the arrows. */
function shownColumns(state: ScreenState): readonly string[] {
  const columns = columnsOf(groupedBy(state), state.allNetns);
  return layoutFor(columns, state.size.columns).map(({ column }) => column.key);
}

/** Sorts by another column: text first by its beginning, numbers by the largest. */
function sortedBy(state: ScreenState, step: number): Change {
  const shown = shownColumns(state);
  const at = shown.indexOf(state.sort.column);
  const next = at < 0 ? 0 : Math.max(0, Math.min(shown.length - 1, at + step));
  const column = shown[next];
  if (column === undefined || column === state.sort.column) return {};
  const found = columnsOf(groupedBy(state), state.allNetns).find(({ key }) => key === column);
  return { sort: { column, descending: found?.kind !== "text" }, first: 0 };
}

/** The order of rows of another kind: that of before, where it has such a column. */
function sortFor(sort: Sort, by: GroupBy | undefined): Sort {
  const known = columnsOf(by, true).some(({ key }) => key === sort.column);
  return known ? sort : { column: "rate", descending: true };
}

function grouped(state: ScreenState, by: GroupBy): Change {
  const next = groupedBy(state) === by ? undefined : by;
  return {
    by: next,
    within: undefined,
    chosen: undefined,
    first: 0,
    details: undefined,
    sort: sortFor(state.sort, next),
  };
}

/** Goes into the chosen group, or shows the details of the chosen socket. */
function entered(state: ScreenState): Change {
  const row = chosenRow(state);
  if (row === undefined) return { message: "Choose a row with the arrow keys first" };
  const by = groupedBy(state);
  if (by === undefined) return state.details === undefined ? shownDetails(row.key) : { details: undefined };
  const within = { by, key: row.key, label: rowName(row) };
  return { within, chosen: undefined, first: 0, sort: sortFor(state.sort, undefined) };
}

function shownDetails(key: string): Change {
  return { details: { key, scroll: 0 }, wish: { kind: "details", key } };
}

/** One step back. */
function left(state: ScreenState): Change {
  if (state.details !== undefined) return { details: undefined };
  if (state.within !== undefined) return { within: undefined, chosen: state.within.key, first: 0 };
  return { chosen: undefined };
}

function scrolled({ details }: ScreenState, by: number): Change {
  if (details === undefined) return {};
  return { details: { ...details, scroll: Math.max(0, details.scroll + by) } };
}

/** Asks whether something may be done to the chosen socket. */
function asked(state: ScreenState, make: (row: Row) => Action): Change {
  const row = chosenRow(state);
  if (row === undefined || groupedBy(state) !== undefined) return { message: "Choose a socket first" };
  return { wish: { kind: "may", action: make(row) } };
}

const closing = (row: Row): Action => ({ kind: "close", key: row.key, what: rowName(row) });
const signalling =
  (signal: "SIGTERM" | "SIGKILL") =>
  (row: Row): Action => ({ kind: "signal", key: row.key, signal, what: rowName(row) });

type OnKey = (state: ScreenState) => Change;

/** What keys do to the table. */
const tableKeys: Readonly<Record<string, OnKey>> = {
  up: () => ({ step: -1 }),
  down: () => ({ step: 1 }),
  pageUp: ({ page }) => ({ step: -Math.max(1, page.rows.length) }),
  pageDown: ({ page }) => ({ step: Math.max(1, page.rows.length) }),
  home: ({ page }) => ({ step: -page.total, chosen: page.rows[0]?.key }),
  end: ({ page }) => ({ step: page.total, chosen: page.rows[0]?.key }),
  left: (state) => sortedBy(state, -1),
  right: (state) => sortedBy(state, 1),
  r: ({ sort }) => ({ sort: { ...sort, descending: !sort.descending }, first: 0 }),
  enter: entered,
  escape: left,
  backspace: left,
  p: (state) => grouped(state, "process"),
  a: (state) => grouped(state, "peer"),
  l: (state) => grouped(state, "port"),
  s: (state) => grouped(state, "state"),
  c: (state) => grouped(state, "container"),
  "/": ({ filter }) => ({ mode: { kind: "filter", text: filter, cursor: filter.length } }),
  " ": ({ paused }) => ({ paused: !paused }),
  "[": (state) => scrolled(state, -5),
  "]": (state) => scrolled(state, 5),
  "?": () => ({ mode: { kind: "help" } }),
  h: () => ({ mode: { kind: "help" } }),
  k: (state) => asked(state, closing),
  t: (state) => asked(state, signalling("SIGTERM")),
  K: (state) => asked(state, signalling("SIGKILL")),
  q: () => ({ wish: { kind: "quit", status: 0 } }),
};

const table: Mode = { kind: "table" };

/** Puts text in the place of what is between two points of the filter. */
function edited(text: string, from: number, to: number, insert: string): Change {
  const next = text.slice(0, from) + insert + text.slice(to);
  return { mode: { kind: "filter", text: next, cursor: from + insert.length } };
}

/** The place one character to the left: a character may take two units. */
function before(text: string, cursor: number): number {
  return cursor - ([...text.slice(0, cursor)].at(-1)?.length ?? 0);
}

function after(text: string, cursor: number): number {
  return cursor + ([...text.slice(cursor)][0]?.length ?? 0);
}

type FilterMode = Extract<Mode, { kind: "filter" }>;

/** What keys do to the filter that is being typed; all others are typed. */
const filterKeys: Readonly<Record<string, (mode: FilterMode) => Change>> = {
  enter: ({ text }) => ({ wish: { kind: "filter", text: text.trim().replace(/\s+/g, " ") } }),
  escape: () => ({ mode: table }),
  backspace: ({ text, cursor }) => edited(text, before(text, cursor), cursor, ""),
  left: (mode) => ({ mode: { ...mode, cursor: before(mode.text, mode.cursor) } }),
  right: (mode) => ({ mode: { ...mode, cursor: after(mode.text, mode.cursor) } }),
  home: (mode) => ({ mode: { ...mode, cursor: 0 } }),
  end: (mode) => ({ mode: { ...mode, cursor: mode.text.length } }),
  up: () => ({}),
  down: () => ({}),
  pageUp: () => ({}),
  pageDown: () => ({}),
};

function confirmed({ action, agreed, target }: Extract<Mode, { kind: "confirm" }>, key: Key): Change {
  // Not the same key twice: one that is held down must not do it.
  const yes = agreed === 0 ? "y" : "Y";
  if (key !== yes) return { mode: table, message: "Nothing was done" };
  if (agreed === 0) return { mode: { kind: "confirm", action, target, agreed: 1 } };
  return { mode: table, wish: { kind: "act", action } };
}

function pressed(state: ScreenState, key: Key): Change {
  const { mode } = state;
  if (key === "interrupt") return { wish: { kind: "quit", status: 130 } };
  switch (mode.kind) {
    case "help":
      return { mode: table };
    case "confirm":
      return confirmed(mode, key);
    case "filter": {
      const known = Object.hasOwn(filterKeys, key) ? filterKeys[key] : undefined;
      return known?.(mode) ?? edited(mode.text, mode.cursor, mode.cursor, key);
    }
    case "table":
      return Object.hasOwn(tableKeys, key) ? tableKeys[key]!(state) : {};
  }
}

/** Takes the rows that were asked for; who is chosen, and their rates. */
function paged(state: ScreenState, page: Page, sampled: boolean): Change {
  const row = page.chosen === undefined ? undefined : page.rows[page.chosen];
  const change: Change = {
    page,
    first: page.first,
    step: 0,
    chosen: row?.key,
    series: sampled ? withSeries(state.series, page.rows) : state.series,
  };
  const { details } = state;
  if (details === undefined) return change;
  if (row === undefined) return { ...change, details: undefined, message: "The chosen socket is gone" };
  if (row.key !== details.key) return { ...change, ...shownDetails(row.key) };
  return sampled ? { ...change, wish: { kind: "details", key: row.key } } : change;
}

type Handlers = {
  readonly [K in ScreenEvent["kind"]]: (
    state: ScreenState,
    event: Extract<ScreenEvent, { readonly kind: K }>,
  ) => Change;
};

const handlers: Handlers = {
  key: (state, { key }) => ({ message: undefined, ...pressed(state, key) }),
  resize: (_, { size }) => ({ size }),
  sample: ({ totals }, { sample, time, notes }) => ({
    sample,
    time,
    notes,
    totals: appended(totals, sample.totals.receivedRate, sample.totals.ackedRate),
  }),
  page: (state, { page, sampled }) => paged(state, page, sampled),
  details: ({ details }, { key, groups }) =>
    details?.key === key ? { details: { ...details, groups } } : {},
  filtered: (_, { filter }) => ({
    filter,
    mode: table,
    first: 0,
    chosen: undefined,
    within: undefined,
    details: undefined,
    sample: undefined,
    totals: noSeries,
    series: new Map(),
  }),
  unfiltered: (_, { text, problem }) => ({
    mode: { kind: "filter", text, cursor: Math.min(text.length, problem.offset + problem.length), problem },
  }),
  allowed: (_, { action, target }) => ({ mode: { kind: "confirm", action, target, agreed: 0 } }),
  message: (_, { text }) => ({ message: text }),
};

/** The state after an event. */
export function next(state: ScreenState, event: ScreenEvent): ScreenState {
  const handle = handlers[event.kind] as (state: ScreenState, event: ScreenEvent) => Change;
  return { ...state, wish: undefined, ...handle(state, event) };
}
