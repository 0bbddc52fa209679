/** Computes the next state from an event. Pure functions only. */
import type { GroupBy } from "../../../live/groups.ts";
import type { Page, Row, Sort } from "../../../live/page.ts";
import type { Sample } from "../../../live/table.ts";
import type { Key, MouseInput } from "./keys.ts";
import { columnsOf, layoutFor } from "./layout.ts";
import { isPlainText } from "./plain.ts";
import {
  type Action,
  chosenRow,
  type FactGroup,
  type FilterProblem,
  groupedBy,
  headerLines,
  heights,
  type Mode,
  noSeries,
  type PastStatus,
  rowName,
  type ScreenState,
  type Series,
  type Size,
} from "./state.ts";

/** An event. */
export type ScreenEvent =
  | { readonly kind: "key"; readonly key: Key }
  | { readonly kind: "mouse"; readonly input: MouseInput }
  | { readonly kind: "resize"; readonly size: Size }
  | {
      readonly kind: "sample";
      /** Undefined in a gap of the past. */
      readonly sample: Sample | undefined;
      readonly time: Date;
      readonly notes: readonly string[];
      /** The moment of the past; undefined for the present. */
      readonly past?: PastStatus;
      /** How many samples it is after the one before; 0 if it is somewhere else. Default 1. */
      readonly moved?: 1 | -1 | 0;
    }
  /** The rows for {@link requestOf}. `moved`: they are from a new sample, as in the event `sample`. */
  | { readonly kind: "page"; readonly page: Page; readonly moved: 1 | -1 | 0 | undefined }
  | { readonly kind: "details"; readonly key: string; readonly groups: readonly FactGroup[] }
  | { readonly kind: "filtered"; readonly filter: string }
  | { readonly kind: "unfiltered"; readonly text: string; readonly problem: FilterProblem }
  | { readonly kind: "allowed"; readonly action: Action; readonly target: string }
  /** `stops`: the past does not go on by itself any more. */
  | { readonly kind: "message"; readonly text: string; readonly stops?: true };

/** How many samples a series of rates holds. */
export const SERIES_LENGTH = 300;
/** How many rows have a series. */
const SERIES_ROWS = 256;
type Change = Partial<ScreenState>;

function appended(series: Series, received: number | undefined, acked: number | undefined): Series {
  return {
    received: [...series.received.slice(1 - SERIES_LENGTH), received],
    acked: [...series.acked.slice(1 - SERIES_LENGTH), acked],
  };
}

/** The series before a sample that is added next: a step back takes away that sample and the one after it. */
function moved({ received, acked }: Series, by: 1 | -1 | 0): Series {
  if (by === 0) return noSeries;
  return by > 0 ? { received, acked } : { received: received.slice(0, -2), acked: acked.slice(0, -2) };
}

function rateOf({ values }: Row, column: string): number | undefined {
  const value = values[column];
  return typeof value === "number" ? value : undefined;
}

/** The series of rows with the rates of a new sample. If there are too many, those unshown for longest go. */
function withSeries(
  series: ScreenState["series"],
  rows: readonly Row[],
  by: 1 | -1 | 0,
): ScreenState["series"] {
  const next = new Map(by === 0 ? [] : series);
  for (const row of rows) {
    const known = next.get(row.key) ?? noSeries;
    next.delete(row.key);
    next.set(row.key, appended(moved(known, by), rateOf(row, "rx"), rateOf(row, "tx")));
  }
  for (const key of next.keys()) {
    if (next.size <= SERIES_ROWS) break;
    next.delete(key);
  }
  return next;
}

/** The order by a column: text by its beginning, numbers by the largest. */
function orderBy(state: ScreenState, column: string): Sort {
  const found = columnsOf(groupedBy(state), state.allNetns).find(({ key }) => key === column);
  return { column, descending: found?.kind !== "text" };
}

/** Sorts by the next column to the left or right, even if it is hidden. */
function sortedBy(state: ScreenState, step: number): Change {
  const keys = columnsOf(groupedBy(state), state.allNetns).map(({ key }) => key);
  const at = keys.indexOf(state.sort.column);
  const column = keys[Math.max(0, Math.min(keys.length - 1, at + step))];
  if (column === undefined || column === state.sort.column) return {};
  return { sort: orderBy(state, column), first: 0 };
}

/** The order of rows of another kind: the same as before, if they have such a column. */
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

/** Opens the chosen group, or shows the details of the chosen socket. */
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
  return state.chosen === undefined ? { text: "" } : { chosen: undefined };
}

function scrolled({ details }: ScreenState, by: number): Change {
  if (details === undefined) return {};
  return { details: { ...details, scroll: Math.max(0, details.scroll + by) } };
}

/** Requests permission for an action on the chosen socket. */
function confirmation(state: ScreenState, make: (row: Row) => Action): Change {
  if (state.past !== undefined)
    return { message: "These sockets are of the past: nothing can be done to them" };
  const row = chosenRow(state);
  if (row === undefined || groupedBy(state) !== undefined) return { message: "Choose a socket first" };
  return { wish: { kind: "may", action: make(row) } };
}

const closing = (row: Row): Action => ({ kind: "close", key: row.key, what: rowName(row) });
const signalling =
  (signal: "SIGTERM" | "SIGKILL") =>
  (row: Row): Action => ({ kind: "signal", key: row.key, signal, what: rowName(row) });

/** Moves through the past; playing stops. @param ms how far; undefined for one sample */
function stepped({ past }: ScreenState, by: 1 | -1, ms?: number): Change {
  if (past === undefined) return {};
  return { paused: true, wish: ms === undefined ? { kind: "move", by } : { kind: "move", by, ms: by * ms } };
}

const MINUTE_MS = 60_000;

type OnKey = (state: ScreenState) => Change;

/** Handles keys in the table. */
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
  o: (state) => grouped(state, "program"),
  u: (state) => grouped(state, "user"),
  U: (state) => grouped(state, "unit"),
  c: (state) => grouped(state, "container"),
  a: (state) => grouped(state, "peer"),
  l: (state) => grouped(state, "port"),
  d: (state) => grouped(state, "dport"),
  s: (state) => grouped(state, "state"),
  n: (state) => grouped(state, "netns"),
  "/": ({ filter, text }) => ({
    mode: { kind: "filter", text: text || filter, cursor: (text || filter).length },
  }),
  " ": ({ paused }) => ({ paused: !paused }),
  "[": (state) => (state.past === undefined ? scrolled(state, -5) : stepped(state, -1)),
  "]": (state) => (state.past === undefined ? scrolled(state, 5) : stepped(state, 1)),
  "<": (state) => stepped(state, -1, MINUTE_MS),
  ">": (state) => stepped(state, 1, MINUTE_MS),
  "{": (state) => scrolled(state, -5),
  "}": (state) => scrolled(state, 5),
  "?": () => ({ mode: { kind: "help", scroll: 0 } }),
  h: () => ({ mode: { kind: "help", scroll: 0 } }),
  m: ({ mouse }) => ({ mouse: !mouse, message: mouse ? "Mouse off" : "Mouse on" }),
  k: (state) => confirmation(state, closing),
  t: (state) => confirmation(state, signalling("SIGTERM")),
  K: (state) => confirmation(state, signalling("SIGKILL")),
  q: () => ({ wish: { kind: "quit", status: 0 } }),
};

const table: Mode = { kind: "table" };

/** Replaces the part of the filter between two positions. */
function edited(text: string, from: number, to: number, insert: string): Change {
  const next = text.slice(0, from) + insert + text.slice(to);
  return { mode: { kind: "filter", text: next, cursor: from + insert.length } };
}

/** The position one character to the left: a character may take two UTF-16 code units. */
function before(text: string, cursor: number): number {
  return cursor - ([...text.slice(0, cursor)].at(-1)?.length ?? 0);
}

function after(text: string, cursor: number): number {
  return cursor + ([...text.slice(cursor)][0]?.length ?? 0);
}

type FilterMode = Extract<Mode, { kind: "filter" }>;

/** Applies the typed filter: a plain text to the rows at hand, an expression to the samples. */
function applied({ filter }: ScreenState, typed: string): Change {
  const words = typed.trim().replace(/\s+/g, " ");
  if (!isPlainText(words)) return { text: "", wish: { kind: "filter", text: words } };
  const change: Change = { mode: table, text: words, first: 0 };
  return filter === "" ? change : { ...change, wish: { kind: "filter", text: "" } };
}

/** The beginning of the word before the cursor. */
function wordStart(text: string, cursor: number): number {
  return text.slice(0, cursor).replace(/\S*\s*$/, "").length;
}

/** Handles keys in the filter prompt. Keys without a function are inserted. */
const filterKeys: Readonly<Record<string, (mode: FilterMode, state: ScreenState) => Change>> = {
  enter: ({ text }, state) => applied(state, text),
  killLine: ({ text, cursor }) => edited(text, 0, cursor, ""),
  killWord: ({ text, cursor }) => edited(text, wordStart(text, cursor), cursor, ""),
  killRest: ({ text, cursor }) => edited(text, cursor, text.length, ""),
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
  // Not the same key twice, so that a key that is held down does not confirm.
  const yes = agreed === 0 ? "y" : "Y";
  if (key !== yes) return { mode: table, message: "Nothing was done" };
  if (agreed === 0) return { mode: { kind: "confirm", action, target, agreed: 1 } };
  return { mode: table, wish: { kind: "act", action } };
}

/** How far keys scroll the help; any other key closes it. */
const helpKeys: Readonly<Record<string, number>> = {
  up: -1,
  down: 1,
  pageUp: -10,
  pageDown: 10,
  " ": 10,
  "[": -5,
  "]": 5,
};

function pressed(state: ScreenState, key: Key): Change {
  const { mode } = state;
  if (key === "interrupt") return { wish: { kind: "quit", status: 130 } };
  if (key === "suspend") return { wish: { kind: "suspend" } };
  switch (mode.kind) {
    case "help": {
      const by = Object.hasOwn(helpKeys, key) ? helpKeys[key]! : undefined;
      return { mode: by === undefined ? table : { kind: "help", scroll: Math.max(0, mode.scroll + by) } };
    }
    case "confirm":
      return confirmed(mode, key);
    case "filter": {
      const known = Object.hasOwn(filterKeys, key) ? filterKeys[key] : undefined;
      return known?.(mode, state) ?? edited(mode.text, mode.cursor, mode.cursor, key);
    }
    case "table":
      return Object.hasOwn(tableKeys, key) ? tableKeys[key]!(state) : {};
  }
}

/** Lines that the wheel scrolls. */
const WHEEL_LINES = 3;

/** The column whose heading is at a place of the screen. */
function columnAt(state: ScreenState, place: number): string | undefined {
  const columns = columnsOf(groupedBy(state), state.allNetns);
  let end = 1;
  for (const { column, width } of layoutFor(columns, state.size.columns, state.sort.column)) {
    end += width + 1;
    if (place < end) return column.key;
  }
  return undefined;
}

/** Handles a press of the mouse: on a heading it sorts, on a row it chooses. */
function clicked(state: ScreenState, line: number, place: number): Change {
  const { page, sort } = state;
  const { rows } = heights(state);
  if (rows === 0) return {};
  if (line === headerLines(state) - 1) {
    const column = columnAt(state, place);
    if (column === undefined) return {};
    if (column === sort.column) return { sort: { ...sort, descending: !sort.descending }, first: 0 };
    return { sort: orderBy(state, column), first: 0 };
  }
  const at = line - headerLines(state);
  const row = at < rows ? page.rows[at] : undefined;
  if (row === undefined) return {};
  return at === page.chosen ? entered(state) : { chosen: row.key, at };
}

function moused(state: ScreenState, { what, line, column }: MouseInput): Change {
  const { mode, details } = state;
  const by = what === "wheelUp" ? -WHEEL_LINES : WHEEL_LINES;
  if (mode.kind === "help")
    return { mode: what === "press" ? table : { kind: "help", scroll: Math.max(0, mode.scroll + by) } };
  if (mode.kind !== "table") return {};
  if (what === "press") return clicked(state, line, column);
  const overDetails = details !== undefined && line >= headerLines(state) + heights(state).rows;
  return overDetails ? scrolled(state, by) : { step: by };
}

/** Stores the requested rows and the chosen one. A new sample adds to the series. */
function paged(state: ScreenState, page: Page, by: 1 | -1 | 0 | undefined): Change {
  const row = page.chosen === undefined ? undefined : page.rows[page.chosen];
  const change: Change = {
    page,
    first: page.first,
    step: 0,
    at: page.chosen,
    chosen: row?.key,
    series: by === undefined ? state.series : withSeries(state.series, page.rows, by),
  };
  const { details } = state;
  if (details === undefined) return change;
  if (row === undefined) return { ...change, details: undefined, message: "The chosen socket is gone" };
  if (row.key !== details.key) return { ...change, ...shownDetails(row.key) };
  return by === undefined ? change : { ...change, wish: { kind: "details", key: row.key } };
}

type Handlers = {
  readonly [K in ScreenEvent["kind"]]: (
    state: ScreenState,
    event: Extract<ScreenEvent, { readonly kind: K }>,
  ) => Change;
};

const handlers: Handlers = {
  key: (state, { key }) => ({ message: undefined, ...pressed(state, key) }),
  mouse: (state, { input }) => ({ message: undefined, ...moused(state, input) }),
  resize: (_, { size }) => ({ size }),
  sample: ({ totals }, { sample, time, notes, past, moved: by = 1 }) => ({
    sample,
    time,
    notes,
    past,
    totals: appended(moved(totals, by), sample?.totals.receivedRate, sample?.totals.ackedRate),
  }),
  page: (state, { page, moved: by }) => paged(state, page, by),
  details: ({ details }, { key, groups }) =>
    details?.key === key ? { details: { ...details, groups } } : {},
  filtered: (_, { filter }) => ({
    filter,
    mode: table,
    at: undefined,
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
  message: (_, { text, stops }) => ({ message: text, ...(stops && { paused: true }) }),
};

/** The state after an event. */
export function next(state: ScreenState, event: ScreenEvent): ScreenState {
  const handle = handlers[event.kind] as (state: ScreenState, event: ScreenEvent) => Change;
  return { ...state, wish: undefined, ...handle(state, event) };
}
