/** The state of the screen, as a value. */
import type { GroupBy } from "../../../live/groups.ts";
import type { Page, PageRequest, Row, Sort } from "../../../live/page.ts";
import type { Sample } from "../../../live/table.ts";
import { isPlainText } from "./plain.ts";

/** Columns and rows of the terminal. */
export interface Size {
  readonly columns: number;
  readonly rows: number;
}

/** A mistake in a filter, and its position. */
export interface FilterProblem {
  readonly offset: number;
  readonly length: number;
  readonly message: string;
}

/** An action on a socket or its process that may do harm. */
export type Action =
  | { readonly kind: "close"; readonly key: string; readonly what: string }
  | {
      readonly kind: "signal";
      readonly key: string;
      readonly signal: "SIGTERM" | "SIGKILL";
      readonly what: string;
    };

/** The mode, which decides the meaning of keys. */
export type Mode =
  | { readonly kind: "table" }
  | {
      readonly kind: "help";
      /** Lines that are scrolled past. */
      readonly scroll: number;
    }
  | {
      readonly kind: "filter";
      readonly text: string;
      /** UTF-16 code units before the cursor. */
      readonly cursor: number;
      readonly problem?: FilterProblem;
    }
  | {
      readonly kind: "confirm";
      readonly action: Action;
      /** The target of the action, in words. */
      readonly target: string;
      /** How often the user has confirmed it. */
      readonly agreed: 0 | 1;
    };

/** One field of a socket: its value with the unit, and what it means. */
export interface Fact {
  readonly value: string;
  readonly meaning: string;
}

/** Facts of one kind. */
export interface FactGroup {
  readonly title: string;
  /** A sentence above the facts. */
  readonly text?: string;
  readonly facts: readonly Fact[];
}

/** The details of a socket. */
export interface Details {
  readonly key: string;
  /** Undefined until they have been looked up. */
  readonly groups?: readonly FactGroup[];
  /** Lines that are scrolled past. */
  readonly scroll: number;
}

/** Past rates, oldest first. */
export interface Series {
  readonly received: readonly (number | undefined)[];
  readonly acked: readonly (number | undefined)[];
}

/** An effect that the screen carries out for the state. */
export type Wish =
  | { readonly kind: "quit"; readonly status: number }
  | { readonly kind: "filter"; readonly text: string }
  /** Stop, and give the terminal to the shell meanwhile. */
  | { readonly kind: "suspend" }
  /** Move to another sample of the past: the next one, the one before, or some milliseconds away. */
  | { readonly kind: "move"; readonly by: 1 | -1; readonly ms?: number }
  /** Check whether the action is permitted. The answer is an event. */
  | { readonly kind: "may"; readonly action: Action }
  | { readonly kind: "act"; readonly action: Action }
  /** The details are not loaded yet. */
  | { readonly kind: "details"; readonly key: string };

/** How completely a moment of the past was recorded. */
export interface PastStatus {
  /** One line of plain words. */
  readonly coverage: string;
  /** Whether nothing was recorded at this moment. */
  readonly isGap: boolean;
  /** Whether the line reports a loss. */
  readonly isWarning: boolean;
}

/** The whole state. */
export interface ScreenState {
  readonly size: Size;
  readonly host: string;
  readonly allNetns: boolean;
  /** The filter in force: an expression of the filter language, which the samples are taken with. */
  readonly filter: string;
  /** A text that rows must have; empty for none. */
  readonly text: string;
  readonly sort: Sort;
  readonly by: GroupBy | undefined;
  /** The group whose sockets are shown. */
  readonly within: { readonly by: GroupBy; readonly key: string; readonly label: string } | undefined;
  readonly chosen: string | undefined;
  readonly first: number;
  /** How many rows to move the choice down, once the rows are known. */
  readonly step: number;
  /** Where on the page the chosen row stays. */
  readonly at: number | undefined;
  readonly page: Page;
  readonly sample: Sample | undefined;
  readonly time: Date | undefined;
  readonly notes: readonly string[];
  readonly totals: Series;
  /** The series of recently shown rows, by their keys. */
  readonly series: ReadonlyMap<string, Series>;
  readonly paused: boolean;
  /** The moment of the past that is shown; undefined for the present. */
  readonly past: PastStatus | undefined;
  /** Whether the mouse is read, so that the terminal does not select text with it. */
  readonly mouse: boolean;
  readonly mode: Mode;
  readonly details: Details | undefined;
  /** What happened last, in one line. */
  readonly message: string | undefined;
  /** The effect that the last event requests. */
  readonly wish: Wish | undefined;
}

/** Lines above the rows: host, bar, rates, and the heading. */
const HEADER_LINES = 4;
/** The line of messages and keys below. */
export const FOOTER_LINES = 1;
/** Terminals of fewer rows show either the rows or the details. */
const SPLIT_ROWS = 24;

const emptyPage: Page = { total: 0, first: 0, rows: [], chosen: undefined };
/** No rates yet. */
export const noSeries: Series = { received: [], acked: [] };

/** The state before anything has happened. The past stands still at first. */
export function firstState({
  isPast,
  ...options
}: Pick<ScreenState, "size" | "host" | "allNetns" | "filter" | "sort" | "by"> & {
  readonly isPast?: boolean;
}): ScreenState {
  return {
    ...options,
    past: isPast ? { coverage: "", isGap: false, isWarning: false } : undefined,
    within: undefined,
    chosen: undefined,
    first: 0,
    step: 0,
    at: undefined,
    text: "",
    page: emptyPage,
    sample: undefined,
    time: undefined,
    notes: [],
    totals: noSeries,
    series: new Map(),
    paused: isPast ?? false,
    mouse: true,
    mode: { kind: "table" },
    details: undefined,
    message: undefined,
    wish: undefined,
  };
}

/** Lines above the rows. The past has one more, for its coverage. */
export function headerLines({ past }: Pick<ScreenState, "past">): number {
  return past === undefined ? HEADER_LINES : HEADER_LINES + 1;
}

/** How many lines of the screen are for rows, and how many for details. */
export function heights({
  size,
  details,
  mode,
  page,
  past,
}: Pick<ScreenState, "size" | "details" | "mode" | "page" | "past">): {
  readonly rows: number;
  readonly details: number;
} {
  const prompt = mode.kind === "filter" ? 2 : 0;
  const room = Math.max(0, size.rows - headerLines({ past }) - FOOTER_LINES - prompt);
  if (details === undefined) return { rows: room, details: 0 };
  // Without rows there is no heading of rows.
  if (size.rows < SPLIT_ROWS) return { rows: 0, details: room + 1 };
  // Few rows need no room for more.
  const rows = Math.max(3, Math.min(Math.floor(room / 3), page.total));
  return { rows, details: room - rows };
}

/** The text that rows must contain: the plain text that is being typed, else the one in force. */
function shownText({ mode, text }: ScreenState): string {
  return mode.kind === "filter" && isPlainText(mode.text) ? mode.text.trim() : text;
}

/** The rows that a state shows. */
export function requestOf(state: ScreenState): PageRequest {
  const { sort, by, within, chosen, first, step, at } = state;
  const { rows } = heights(state);
  return {
    sort,
    by: within === undefined ? by : undefined,
    within: within && { by: within.by, key: within.key },
    chosen,
    first,
    step,
    at,
    text: shownText(state),
    count: Math.max(1, rows),
  };
}

/** The grouping of the rows; undefined if they are sockets, as within one group. */
export function groupedBy({ by, within }: ScreenState): GroupBy | undefined {
  return within === undefined ? by : undefined;
}

/** The chosen row, if it is shown. */
export function chosenRow({ page }: ScreenState): Row | undefined {
  return page.chosen === undefined ? undefined : page.rows[page.chosen];
}

/** A row in a few words. */
export function rowName({ values }: Row): string {
  const { group, netid, local, peer } = values;
  return group === undefined ? `${netid} ${local} → ${peer}` : `${group}`;
}
