/** The keys of the page. */
import { tabs } from "./address.ts";
import { closeDetails } from "./details.tsx";
import { answer, cursor, range, rowAt } from "./rows-data.ts";
import { columns, opened, show, view } from "./state.ts";

/** The keys with their meaning, for the help. */
export const keyHelp: readonly (readonly [keys: string, meaning: string])[] = [
  ["/", "write a filter; ↓ proposes words, Tab takes one, Enter applies"],
  ["j k ↓ ↑", "next and previous row, finding, edge or event"],
  ["Enter", "open the row, or follow it"],
  ["Esc", "close what is open, then clear the filter"],
  ["g G", "first and last row"],
  ["PgUp PgDn", "a screen of rows"],
  ["< >", "sort by the column to the left or right"],
  ["r", "reverse the order"],
  ["1 2 3 4", "sockets, map, doctor, events"],
  ["c", "choose columns"],
  ["?", "these keys"],
];

/** Moves the cursor of the table to a row. */
function goTo(index: number): void {
  const count = answer.value?.matched ?? 0;
  if (count === 0) return;
  const at = Math.max(0, Math.min(count - 1, index));
  cursor.value = { index: at, id: rowAt(at)?.id };
  if (!document.activeElement?.closest(".details"))
    document.getElementById("grid")?.focus({ preventScroll: true });
}

/** Moves the focus among findings, edges or events. */
function step(by: 1 | -1): void {
  const all = [...document.querySelectorAll<HTMLElement>("[data-step]")];
  const at = all.indexOf(document.activeElement as HTMLElement);
  const next = all[at < 0 ? 0 : Math.max(0, Math.min(all.length - 1, at + by))];
  next?.focus();
  next?.scrollIntoView({ block: "nearest" });
}

function move(by: 1 | -1): void {
  if (view.value.tab === "sockets") goTo(cursor.value.index + by);
  else step(by);
}

function sortByNeighbour(by: 1 | -1): void {
  const { sort } = view.value;
  const names = columns.value.map(({ name }) => name);
  const at = names.indexOf(sort.replace(/^-/, ""));
  const next = names[(at + by + names.length) % names.length];
  if (next !== undefined) show({ sort: (sort.startsWith("-") ? "-" : "") + next }, "replace");
}

function openCursor(): void {
  const row = rowAt(cursor.value.index);
  if (row !== undefined) show({ open: row.id });
}

/** Closes one thing: the innermost that is open. */
function closeOne(): void {
  if (opened.value !== "") opened.value = "";
  else if (view.value.open !== "") closeDetails();
  else if (view.value.filter !== "") show({ filter: "" });
  else show({ state: "" });
}

function focusFilter(): void {
  const input = () => document.getElementById("filter");
  // At once, if it is there: what is typed next belongs to it.
  if (input() === null) {
    show({ tab: "sockets" });
    requestAnimationFrame(() => input()?.focus());
  } else input()?.focus();
}

const screen = () => Math.max(1, range.value.count - 20);

/** What each key does, wherever the focus is, except in inputs. */
const actions: Readonly<Record<string, () => void>> = {
  "/": focusFilter,
  j: () => move(1),
  k: () => move(-1),
  Escape: closeOne,
  r: () =>
    show(
      { sort: view.value.sort.startsWith("-") ? view.value.sort.slice(1) : `-${view.value.sort}` },
      "replace",
    ),
  "<": () => sortByNeighbour(-1),
  ">": () => sortByNeighbour(1),
  g: () => goTo(0),
  G: () => goTo(Number.POSITIVE_INFINITY),
  c: () => {
    show({ tab: "sockets" });
    opened.value = "columns";
  },
  "?": () => {
    opened.value = "help";
  },
};

/** What a key does while the focus is in the table, or nowhere. */
const gridActions: Readonly<Record<string, () => void>> = {
  ArrowDown: () => move(1),
  ArrowUp: () => move(-1),
  Home: () => goTo(0),
  End: () => goTo(Number.POSITIVE_INFINITY),
  PageDown: () => goTo(cursor.value.index + screen()),
  PageUp: () => goTo(cursor.value.index - screen()),
  Enter: openCursor,
};

function isWriting(target: EventTarget | null): boolean {
  return target instanceof Element && target.matches("input:not([type=checkbox]), select, textarea");
}

function onKey(event: KeyboardEvent): void {
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
  const { key, target } = event;
  if (isWriting(target) && key !== "Escape") return;
  const tab = tabs[Number(key) - 1];
  const inGrid = target === document.body || (target instanceof Element && target.closest("#grid") !== null);
  const action =
    tab !== undefined
      ? () => show({ tab, open: "" })
      : (actions[key] ?? (inGrid && view.value.tab === "sockets" ? gridActions[key] : undefined));
  if (action === undefined) return;
  event.preventDefault();
  action();
}

/** Listens to the keyboard. */
export function followKeys(): void {
  document.addEventListener("keydown", onKey);
}
