/** The filter, with its mistakes and its completion; the tables, states and columns. */
import { useComputed, useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import type { FilterWord } from "./answers.ts";
import { complete, insert } from "./completion.ts";
import { answer, failure } from "./rows-data.ts";
import { columns, fields, narrow, opened, show, view } from "./state.ts";
import { headingOf, isNumber } from "./table.tsx";

/** Pause after the last key before the filter is applied, in milliseconds. */
const PAUSE = 200;

function Mistake({ draft, scrolled }: { readonly draft: string; readonly scrolled: number }) {
  const filter = failure.value?.filter;
  if (failure.value === undefined || view.value.filter === "") return null;
  const isSame = filter?.line === draft;
  return (
    <div class="mistake" id="mistake" role="alert">
      {filter === undefined ? (
        failure.value.text
      ) : (
        <>
          <pre aria-hidden="true" style={isSame ? { transform: `translateX(${-scrolled}px)` } : {}}>
            {isSame ? filter.caret : `${filter.line}\n${filter.caret}`}
          </pre>
          <span>Expected {filter.expected}.</span>
        </>
      )}
    </div>
  );
}

/** The input of the filter. */
function Filter() {
  const draft = useSignal(view.value.filter);
  const at = useSignal(draft.value.length);
  const active = useSignal(-1);
  const isListed = useSignal(false);
  const scrolled = useSignal(0);
  const input = useRef<HTMLInputElement>(null);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  const completion = useComputed(() => complete(draft.value, at.value, fields.value?.filter ?? []));
  const listed = isListed.value ? completion.value.words : [];

  const applied = useRef(view.value.filter);

  // Another part of the page, or the address bar, has changed the filter: what is being written stays otherwise.
  useEffect(() => {
    const { filter } = view.value;
    if (filter === applied.current) return;
    applied.current = filter;
    clearTimeout(timer.current);
    draft.value = filter;
  }, [view.value.filter, draft]);

  function apply(how: "push" | "replace"): void {
    clearTimeout(timer.current);
    applied.current = draft.value.trim() === "" ? "" : draft.value;
    show({ filter: applied.current }, how);
  }
  function write(text: string, cursor: number): void {
    draft.value = text;
    at.value = cursor;
    active.value = -1;
    clearTimeout(timer.current);
    timer.current = setTimeout(() => apply("replace"), PAUSE);
  }
  function take({ word }: FilterWord): void {
    const { text, cursor } = insert(draft.value, completion.value, word);
    write(text, cursor);
    isListed.value = false;
    const element = input.current!;
    element.value = text;
    element.setSelectionRange(cursor, cursor);
    element.focus();
  }
  function key(event: KeyboardEvent): void {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step !== undefined && completion.value.words.length > 0) {
      const { length } = completion.value.words;
      active.value = isListed.value
        ? (active.value + step + length + (active.value < 0 && step < 0 ? 1 : 0)) % length
        : 0;
      isListed.value = true;
    } else if (event.key === "Tab" && listed.length > 0 && !event.shiftKey)
      take(listed[Math.max(0, active.value)]!);
    else if (event.key === "Enter") {
      if (active.value >= 0 && listed[active.value] !== undefined) take(listed[active.value]!);
      else {
        isListed.value = false;
        apply("push");
        if (failure.value?.filter === undefined) document.getElementById("grid")?.focus();
      }
    } else if (event.key === "Escape") {
      if (isListed.value) isListed.value = false;
      else if (draft.value !== "") write("", 0);
      else document.getElementById("grid")?.focus();
    } else return;
    event.preventDefault();
    event.stopPropagation();
  }
  return (
    <div class="filter">
      <label class="unseen" for="filter">
        Filter, in the language of the command line
      </label>
      <svg viewBox="0 0 16 16" aria-hidden="true">
        <path d="M2 3h12L9.5 8.5V13l-3-1.5v-3z" />
      </svg>
      <input
        ref={input}
        id="filter"
        type="text"
        role="combobox"
        autocomplete="off"
        autocapitalize="off"
        spellcheck={false}
        placeholder={
          narrow.value
            ? "Filter: dport = :443"
            : "Filter: dport = :443 and rtt > 50ms, comm nginx, dst 10.0.0.0/8 …"
        }
        value={draft.value}
        aria-expanded={listed.length > 0}
        aria-controls="completions"
        aria-autocomplete="list"
        aria-invalid={failure.value?.filter !== undefined}
        aria-describedby="mistake"
        aria-activedescendant={active.value >= 0 ? `completion-${active.value}` : undefined}
        onInput={({ currentTarget }) => {
          isListed.value = true;
          write(currentTarget.value, currentTarget.selectionStart ?? currentTarget.value.length);
        }}
        onScroll={({ currentTarget }) => {
          scrolled.value = currentTarget.scrollLeft;
        }}
        onKeyDown={key}
        onBlur={() => {
          isListed.value = false;
        }}
      />
      {draft.value === "" ? (
        <kbd>/</kbd>
      ) : (
        <button
          type="button"
          class="clear"
          aria-label="Clear the filter"
          onClick={() => {
            write("", 0);
            apply("push");
          }}
        >
          ×
        </button>
      )}
      <div
        class="completions"
        id="completions"
        role="listbox"
        aria-label="Words of the filter"
        hidden={listed.length === 0}
      >
        {listed.map((word, index) => (
          <div
            key={word.word}
            id={`completion-${index}`}
            role="option"
            tabIndex={-1}
            aria-selected={index === active.value}
            onMouseDown={(event) => {
              event.preventDefault();
              take(word);
            }}
          >
            <code>{word.word}</code> <i>{word.operands}</i>
            <span>{word.doc}</span>
          </div>
        ))}
      </div>
      <Mistake draft={draft.value} scrolled={scrolled.value} />
    </div>
  );
}

/** The columns to choose from. */
function ColumnMenu() {
  const wanted = useSignal("");
  const search = useRef<HTMLInputElement>(null);
  useEffect(() => search.current?.focus(), []);
  const all = fields.value?.columns ?? [];
  const shown = new Set(columns.value.map(({ name }) => name));
  const found = all.filter(({ name, heading, doc }) =>
    `${name} ${heading} ${doc}`.toLowerCase().includes(wanted.value.toLowerCase()),
  );
  function toggle(name: string): void {
    const names = columns.value.map((column) => column.name);
    const next = shown.has(name) ? names.filter((each) => each !== name) : [...names, name];
    if (next.length > 0) show({ columns: next.join(",") }, "replace");
  }
  return (
    <div class="menu" role="dialog" aria-label="Columns">
      <input
        type="search"
        placeholder={`Search ${all.length} columns`}
        aria-label="Search columns"
        ref={search}
        value={wanted.value}
        onInput={({ currentTarget }) => {
          wanted.value = currentTarget.value;
        }}
      />
      <div class="choices">
        {found.map(({ name, heading, doc, unit }) => (
          <label key={name}>
            <input type="checkbox" checked={shown.has(name)} onChange={() => toggle(name)} />
            <span>
              <b>{heading}</b> <code>{name}</code> {unit && <i>{unit}</i>}
              <small>{doc}</small>
            </span>
          </label>
        ))}
      </div>
      <footer>
        <button type="button" class="quiet" onClick={() => show({ columns: "" })}>
          Default columns
        </button>
        <button
          type="button"
          onClick={() => {
            opened.value = "";
          }}
        >
          Done
        </button>
      </footer>
    </div>
  );
}

/** Tables that most people want, with their names. */
const tableChoices = [
  ["", "IP sockets"],
  ["tcp", "TCP"],
  ["udp", "UDP"],
  ["unix", "UNIX"],
  ["all", "All tables"],
] as const;

/** The order of the table on a phone, where it has no headings. */
function Order() {
  const { sort } = view.value;
  const choices = columns.value;
  return (
    <select
      aria-label="Order"
      value={sort}
      onChange={({ currentTarget }) => show({ sort: currentTarget.value })}
    >
      {choices.map((column) => {
        const value = isNumber(column) ? `-${column.name}` : column.name;
        return (
          <option key={value} value={value}>
            by {headingOf(column)}
          </option>
        );
      })}
    </select>
  );
}

/** The line above the table. */
export function FilterBar() {
  const held = answer.value;
  const { tables, tab } = view.value;
  const isKnown = tableChoices.some(([value]) => value === tables);
  return (
    <div class="bar">
      <Filter />
      <select
        aria-label="Tables"
        value={tables}
        onChange={({ currentTarget }) => show({ tables: currentTarget.value, state: "" })}
      >
        {tableChoices.map(([value, name]) => (
          <option key={value} value={value}>
            {name}
          </option>
        ))}
        {isKnown ? null : <option value={tables}>{tables}</option>}
      </select>
      {tab === "sockets" && narrow.value ? <Order /> : null}
      {tab === "sockets" && !narrow.value ? (
        <div class="anchor">
          <button
            type="button"
            aria-haspopup="dialog"
            aria-expanded={opened.value === "columns"}
            onClick={() => {
              opened.value = opened.value === "columns" ? "" : "columns";
            }}
          >
            Columns
          </button>
          {opened.value === "columns" ? <ColumnMenu /> : null}
        </div>
      ) : null}
      {tab === "sockets" && held !== undefined ? (
        <output class="matched">
          <b>{held.matched.toLocaleString("en")}</b>
          {held.matched === held.total ? " sockets" : ` of ${held.total.toLocaleString("en")}`}
        </output>
      ) : null}
    </div>
  );
}
