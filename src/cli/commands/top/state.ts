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

/** What is wrong with a filter, and where. */
export interface FilterProblem {
  readonly offset: number;
  readonly length: number;
  readonly message: string;
}

/** Something that is done to a socket or its process, which may do harm. */
export type Action =
  | { readonly kind: "close"; readonly key: string; readonly what: string }
  | {
      readonly kind: "signal";
      readonly key: string;
      readonly signal: "SIGTERM" | "SIGKILL";
      readonly what: string;
    };

/** What keys act on. */
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
      /** What it is done to, in words. */
      readonly target: string;
      /** How often it has been agreed to. */
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

/** What rates were, oldest first. */
export interface Series {
  readonly received: readonly (number | undefined)[];
  readonly acked: readonly (number | undefined)[];
}

/** What a state wants the outside to do. */
export type Wish =
  | { readonly kind: "quit"; readonly status: number }
  | { readonly kind: "filter"; readonly text: string }
  /** Stop, and give the terminal to the shell meanwhile. */
  | { readonly kind: "suspend" }
  /** Is it allowed? The answer is an event. */
  | { readonly kind: "may"; readonly action: Action }
  | { readonly kind: "act"; readonly action: Action }
  /** The details are not there yet. */
  | { readonly kind: "details"; readonly key: string };

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
  /** How many rows further down another one is to be chosen, once the rows are there. */
  readonly step: number;
  /** Where on the page the chosen row stays. */
  readonly at: number | undefined;
  readonly page: Page;
  readonly sample: Sample | undefined;
  readonly time: Date | undefined;
  readonly notes: readonly string[];
  readonly totals: Series;
  /** Of rows that have been shown lately, by their keys. */
  readonly series: ReadonlyMap<string, Series>;
  readonly paused: boolean;
  /** Whether the mouse is read, so that the terminal does not select text with it. */
  readonly mouse: boolean;
  readonly mode: Mode;
  readonly details: Details | undefined;
  /** What happened last, in one line. */
  readonly message: string | undefined;
  /** Asked of the outside by the last event. */
  readonly wish: Wish | undefined;
}

/** Lines above the rows: host, bar, rates, and the heading. */
export const HEADER_LINES = 4;
/** The line of messages and keys below. */
export const FOOTER_LINES = 1;
/** Terminals of fewer rows show either the rows or the details. */
const SPLIT_ROWS = 24;

const emptyPage: Page = { total: 0, first: 0, rows: [], chosen: undefined };
/** No rates yet. */
export const noSeries: Series = { received: [], acked: [] };

/** The state before anything has happened. */
export function firstState(
  options: Pick<ScreenState, "size" | "host" | "allNetns" | "filter" | "sort" | "by">,
): ScreenState {
  return {
    ...options,
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
    paused: false,
    mouse: true,
    mode: { kind: "table" },
    details: undefined,
    message: undefined,
    wish: undefined,
  };
}

/** How many lines of the screen are for rows, and how many for details. */
export function heights({
  size,
  details,
  mode,
  page,
}: Pick<ScreenState, "size" | "details" | "mode" | "page">): {
  readonly rows: number;
  readonly details: number;
} {
  const prompt = mode.kind === "filter" ? 2 : 0;
  const room = Math.max(0, size.rows - HEADER_LINES - FOOTER_LINES - prompt);
  if (details === undefined) return { rows: room, details: 0 };
  // The heading of the rows goes away with them.
  if (size.rows < SPLIT_ROWS) return { rows: 0, details: room + 1 };
  // Of few rows there is no need to leave room for more.
  const rows = Math.max(3, Math.min(Math.floor(room / 3), page.total));
  return { rows, details: room - rows };
}

/** The text that rows must have: while a plain text is typed, that. */
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

/** What the rows are: groups, unless those of one are shown. */
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
