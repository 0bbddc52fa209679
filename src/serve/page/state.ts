/** What the page knows and shows. Components read these signals, and are drawn again when one changes. */
import { computed, signal } from "@preact/signals";
import { defaultView, readView, type View, writeView } from "./address.ts";
import type { ColumnInfo, Fields, HostInfo, SampleTotals } from "./answers.ts";

/** The view that the address bar holds. Change it with {@link show}. */
export const view = signal<View>(readView(location.hash));

/** Changes the view and the address. @param how `push` makes a step to go back to; `replace` does not */
export function show(change: Partial<View>, how: "push" | "replace" = "push"): void {
  const next = { ...view.value, ...change };
  const address = writeView(next) || location.pathname;
  if (writeView(next) === writeView(view.value)) return;
  if (how === "push") history.pushState(null, "", address);
  else history.replaceState(null, "", address);
  view.value = next;
}

/** The rows that a filter selects, in the table, at the time that the page shows. */
export function showRows(filter: string, change: Partial<View> = {}): void {
  const { at, from, span } = view.value;
  show({ ...defaultView, at, from, span, filter, ...change });
}

/** The parameters of requests for the time that the page shows; none for now. */
export function time({ at, from } = view.value): Readonly<Record<string, string>> {
  if (at === "") return {};
  return from === "" ? { at } : { since: from, until: at };
}

/** What a state is called: a connection of a span that has ended is in the state of a closed socket. */
export function stateName(state: string): string {
  return view.value.from !== "" && state === "UNCONN" ? "ENDED" : state;
}

/** What the server is, once it has answered. */
export const host = signal<HostInfo | undefined>(undefined);

/** Columns and words, once the server has answered. */
export const fields = signal<Fields | undefined>(undefined);

/** How the page is connected. */
export type Link =
  | { readonly state: "connecting" | "live" | "refused" }
  /** Without connection until the next attempt. */
  | { readonly state: "lost"; readonly retryAt: number; readonly reason: string };

/** The connection to the server. */
export const link = signal<Link>({ state: "connecting" });

/** The last samples, oldest first. */
export const samples = signal<readonly SampleTotals[]>([]);

/** The newest sample. */
export const sample = computed(() => samples.value.at(-1));

/** When the newest sample came, by the clock of the browser: clocks of other hosts differ. */
export const heardAt = signal(0);

/** The time, each second. */
export const now = signal(Date.now());

/** How many intervals may pass before data is old. */
const LATE = 4;

/** How old the data is, in seconds; 0 while it is fresh, and for a moment of the past. */
export const staleSeconds = computed(() => {
  if (view.value.at !== "" || heardAt.value === 0) return 0;
  const age = now.value - heardAt.value;
  return age > LATE * (host.value?.intervalMs ?? 1000) ? Math.round(age / 1000) : 0;
});

/** Whether the screen is as narrow as a phone's. */
export const narrow = signal(false);

/** Whether the screen is wider than a phone's, and not as wide as the default columns. */
export const compact = signal(false);

/** Which menu or dialog is open; only one is. */
export const opened = signal<"" | "columns" | "help">("");

/** What a screen reader is to say next. */
export const announcement = signal("");

/** The columns unless others are chosen, by their words. */
const defaultColumns = "netid state recvq sendq local peer rx tx rate retransRate rtt process pid".split(" ");

/** The columns on a screen that is not as wide as those. */
const compactColumns = "state local peer rx tx rate process".split(" ");

/** The columns of the connections of a span. */
const spanColumns =
  "netid state local peer bytes_received bytes_acked totalRetrans rtt durationMs closed reason process".split(
    " ",
  );

/** The words of the columns that the table shows. */
export function columnWords(): readonly string[] {
  const { columns, from } = view.value;
  if (columns !== "") return columns.split(",");
  if (from !== "") return spanColumns;
  return compact.value ? compactColumns : defaultColumns;
}

/** The columns that the table shows. */
export const columns = computed<readonly ColumnInfo[]>(() => {
  const all = fields.value?.columns ?? [];
  const words = columnWords();
  return words.flatMap((word) => all.find(({ names }) => names.includes(word)) ?? []);
});
