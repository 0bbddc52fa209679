/** The window of rows that the table shows. */
import { batch, effect, signal } from "@preact/signals";
import { defaultView } from "./address.ts";
import type { ColumnInfo, FilterProblem, LiveAnswer, Row } from "./answers.ts";
import { type Parameters, pathOf, Refusal, request } from "./api.ts";
import { loader } from "./loader.ts";
import { announcement, columns, columnWords, fields, link, sample, time, view } from "./state.ts";

/** Rows to request beyond each end of the visible ones, so that scrolling by a page shows no gap. */
const MARGIN = 40;

/** The newest answer. */
export const answer = signal<LiveAnswer | undefined>(undefined);

/** The columns of the newest answer: other ones may be chosen, and on their way. */
export const answered = signal<readonly ColumnInfo[] | undefined>(undefined);

/** Why there is no newer answer. */
export const failure = signal<
  { readonly text: string; readonly filter?: FilterProblem | undefined } | undefined
>(undefined);

/** Whether the answer is the one to another view, and the right one is on its way. */
export const outdated = signal(false);

/** The rows that are on the screen. */
export const range = signal({ first: 0, count: 40 });

/** The row that j and k move, and Enter opens. */
export const cursor = signal<{ readonly index: number; readonly id: string | undefined }>({
  index: -1,
  id: undefined,
});

/** A row by its index in the whole list, if it was requested. */
export function rowAt(index: number): Row | undefined {
  const held = answer.value;
  return held?.rows[index - held.offset];
}

/** The parameters that choose sockets. */
export function selection(): Record<string, string> {
  const { tables, state, filter } = view.value;
  return { tables, state, filter, ...time() };
}

/** The column to sort by: a span has no rates, so what was carried in it takes their place. */
export function sortWord(): string {
  const { sort, from } = view.value;
  return from !== "" && sort === defaultView.sort ? "-bytes_received" : sort;
}

/** The parameters of a request for rows around the visible ones. */
function windowOf(names: readonly string[]): Parameters {
  const { first, count } = range.peek();
  const offset = Math.max(0, first - MARGIN);
  const limit = Math.min(1000, count + first - offset + MARGIN);
  return { ...selection(), columns: names.join(","), sort: sortWord(), offset, limit };
}

/** A request for rows that was sent before the page knew the columns. */
let early: { readonly path: string; readonly answer: Promise<LiveAnswer> } | undefined;

/** Requests the first rows before the page knows the columns: the server's first sample takes longest of all. */
export function requestEarly(): void {
  const { at, tab } = view.peek();
  if (at !== "" || tab !== "sockets") return;
  const parameters = windowOf(columnWords());
  const answer = request<LiveAnswer>("/api/live", parameters);
  // Whoever uses the answer reports the error.
  answer.catch(() => undefined);
  early = { path: pathOf("/api/live", parameters), answer };
}

/** The answer with rows: that of the early request, once, if it was for the same. */
function requestRows(parameters: Parameters, signal: AbortSignal): Promise<LiveAnswer> {
  const sent = early;
  if (sent?.path !== pathOf("/api/live", parameters)) {
    early = undefined;
    return request<LiveAnswer>("/api/live", parameters, signal);
  }
  // Until it comes, others may want it, too: the page begins with several changes of its view.
  const forget = () => {
    if (early === sent) early = undefined;
  };
  sent.answer.then(forget, forget);
  return sent.answer;
}

/** Keeps the cursor on its socket, while other rows come and go. */
function followCursor({ rows, offset }: LiveAnswer): void {
  const { index, id } = cursor.peek();
  if (index < 0) return;
  const found = id === undefined ? -1 : rows.findIndex((row) => row.id === id);
  cursor.value = found >= 0 ? { index: offset + found, id } : { index, id: rows[index - offset]?.id };
}

async function load(signal: AbortSignal): Promise<void> {
  const shown = columns.peek();
  try {
    const next = await requestRows(windowOf(shown.map(({ name }) => name)), signal);
    if (signal.aborted) return;
    batch(() => {
      if (outdated.peek()) announcement.value = `${next.matched} sockets`;
      answer.value = next;
      answered.value = shown;
      failure.value = undefined;
      outdated.value = false;
      followCursor(next);
    });
  } catch (error) {
    if (signal.aborted) return;
    failure.value =
      error instanceof Refusal
        ? { text: error.message, filter: error.filter }
        : { text: "The server does not answer." };
    // The rest is the connection's to say.
    if (error instanceof Refusal && error.filter !== undefined) announcement.value = error.message;
  }
}

const rows = loader(load);

/** Whether a range of rows was requested. */
function isHeld(first: number, count: number): boolean {
  const held = answer.peek();
  if (held === undefined) return false;
  const end = Math.min(first + count, held.matched);
  return first >= held.offset && end <= held.offset + held.rows.length;
}

/** Requests rows whenever the view, the visible range or the sockets change. */
export function followRows(): void {
  let before = "";
  effect(() => {
    if (fields.value === undefined || view.value.tab !== "sockets") return;
    const { tables, state, filter, sort, at, from } = view.value;
    const next = JSON.stringify([
      tables,
      state,
      filter,
      sort,
      at,
      from,
      columns.value.map(({ name }) => name),
    ]);
    // An open row or a time line changes the view, and not the list.
    if (next === before && answer.peek() !== undefined) return;
    before = next;
    outdated.value = true;
    cursor.value = { index: -1, id: undefined };
    rows.restart();
  });
  effect(() => {
    const { first, count } = range.value;
    if (fields.peek() !== undefined && !isHeld(first, count)) rows.refresh();
  });
  effect(() => {
    void [sample.value?.generation, link.value.state];
    const { at, tab } = view.peek();
    // A wrong filter stays wrong.
    const canChange = at === "" && tab === "sockets" && failure.peek()?.filter === undefined;
    if (canChange && fields.peek() !== undefined && document.visibilityState === "visible") rows.refresh();
  });
}
