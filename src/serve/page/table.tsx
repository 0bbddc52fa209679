/** The table of sockets. */
import type { ColumnInfo, Row } from "./answers.ts";
import { cellText } from "./format.ts";
import { List } from "./list.tsx";
import { answer, answered, cursor, failure, outdated, range, rowAt, sortWord } from "./rows-data.ts";
import { columns, narrow, show, staleSeconds, stateName, view } from "./state.ts";

/** Pixels of a row, as in the style sheet. */
const ROW = 28;
const NARROW_ROW = 54;

/** Widths of columns: the least, in rem, and the share of what is left. */
const widths: Readonly<Record<string, readonly [least: number, share: number]>> = {
  netid: [3.4, 0],
  state: [6.6, 0],
  local: [10.5, 1.2],
  peer: [10.5, 1.2],
  process: [7, 1],
  pid: [4.2, 0],
  container: [6.5, 0.7],
  "tcpInfo.bytesReceived": [5.4, 0],
  closed: [8.6, 0],
  opened: [8.6, 0],
};
const NUMBER_WIDTH = [4.5, 0] as const;
const TEXT_WIDTH = [7, 0.8] as const;

/** Whether a column is of numbers, which stand at the right. */
export function isNumber({ type }: ColumnInfo): boolean {
  return type === "number" || type === "integer";
}

/** The widths of columns, as style sheets have them. */
function layoutOf(shown: readonly ColumnInfo[]): Readonly<Record<"--columns" | "--least", string>> {
  const each = shown.map((column) => widths[column.name] ?? (isNumber(column) ? NUMBER_WIDTH : TEXT_WIDTH));
  const columns = each.map(([least, share]) =>
    share === 0 ? `${least}rem` : `minmax(${least}rem,${share}fr)`,
  );
  return {
    "--columns": columns.join(" "),
    // With the padding of the row.
    "--least": `${each.reduce((sum, [least]) => sum + least, 1)}rem`,
  };
}

/** The columns of the rows that are shown. */
function shownColumns(): readonly ColumnInfo[] {
  return answered.value ?? columns.value;
}

/** Whether a word of an order names a column, in whatever direction. */
function isSortedBy(sort: string, { names }: ColumnInfo): boolean {
  return names.includes(sort.replace(/^-/, ""));
}

/** Sorts by a column: largest first for numbers, and in reverse if it is the order already. */
function sortBy(column: ColumnInfo): void {
  const sort = sortWord();
  const largest = `-${column.name}`;
  const first = isNumber(column) ? largest : column.name;
  const second = first === largest ? column.name : largest;
  const isFirst = isSortedBy(sort, column) && sort.startsWith("-") === first.startsWith("-");
  show({ sort: isFirst ? second : first });
}

function Heading({ column }: { readonly column: ColumnInfo }) {
  const sort = sortWord();
  const sorted = !isSortedBy(sort, column) ? "none" : sort.startsWith("-") ? "descending" : "ascending";
  return (
    <div
      role="columnheader"
      aria-sort={sorted}
      class={isNumber(column) ? "number" : ""}
      data-column={column.name}
    >
      <button type="button" tabIndex={-1} title={column.doc} onClick={() => sortBy(column)}>
        {headingOf(column)}
      </button>
    </div>
  );
}

/** The longest bar of a column of rates, and the shortest one, in powers of ten. */
const BAR = { most: 9, least: 2 };

/** How far the bar behind a rate goes: by its power of ten, so that small rates are seen beside big ones. */
function bar(value: unknown, column: ColumnInfo): string | undefined {
  if (column.unit !== "bytes/s" || typeof value !== "number" || value <= 0) return undefined;
  const share = (Math.log10(value) - BAR.least) / (BAR.most - BAR.least);
  return `${Math.round(100 * Math.max(0.02, Math.min(1, share)))}%`;
}

/** Whether a number says that nothing was measured yet: no round trip takes no time. */
function isUnmeasured({ unit }: ColumnInfo, value: unknown): boolean {
  return unit === "us" && value === 0;
}

/** Headings of columns that have none in the tables of the command line. */
const headings: Readonly<Record<string, string>> = {
  bytesReceived: "Received",
  bytesAcked: "Acked",
  totalRetrans: "Retrans",
  durationMs: "Duration",
  opened: "Opened",
  closed: "Closed",
  reason: "Reason",
  pid: "PID",
};

/** The heading of a column, with the unit of its numbers where it is not the usual one. */
export function headingOf({ heading, unit }: ColumnInfo): string {
  const own = headings[heading];
  if (own !== undefined) return own;
  return unit === "us" && !heading.endsWith("ms") ? `${heading} ms` : heading;
}

function Cell({ column, value }: { readonly column: ColumnInfo; readonly value: unknown }) {
  const numeric = isNumber(column);
  const known = column.name === "state" ? stateName(`${value}`) : value;
  const text = cellText(isUnmeasured(column, value) ? null : known, column.unit);
  const length = numeric ? bar(value, column) : undefined;
  return (
    <div
      role="gridcell"
      class={numeric ? "number" : undefined}
      data-column={column.name}
      data-state={column.name === "state" ? text : undefined}
      data-idle={value === null || value === 0 ? "" : undefined}
      style={length === undefined ? undefined : { "--bar": length }}
    >
      <span>{text}</span>
    </div>
  );
}

function open({ id }: Row): void {
  show({ open: view.value.open === id ? "" : id });
}

function SocketRow({ index }: { readonly index: number }) {
  const row = rowAt(index);
  const isCursor = cursor.value.index === index;
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: the grid handles Enter for the current row
    <div
      role="row"
      tabIndex={-1}
      class="row"
      id={`row-${index}`}
      aria-rowindex={index + 2}
      aria-selected={isCursor}
      data-open={row !== undefined && row.id === view.value.open ? "" : undefined}
      onClick={() => {
        if (row === undefined) return;
        cursor.value = { index, id: row.id };
        open(row);
      }}
    >
      {row === undefined ? (
        <div role="gridcell" class="waiting">
          <span />
        </div>
      ) : (
        shownColumns().map((column, at) => <Cell key={column.name} column={column} value={row.values[at]} />)
      )}
    </div>
  );
}

/** Why there are no rows. */
function Empty() {
  const held = answer.value;
  if (held === undefined)
    return failure.value === undefined ? (
      <p class="empty">Reading the sockets…</p>
    ) : (
      <p class="empty">{failure.value.text}</p>
    );
  if (held.matched > 0) return null;
  return (
    <div class="empty">
      <p>{held.total === 0 ? "There are no such sockets." : `None of ${held.total} sockets matches.`}</p>
      <button type="button" class="quiet" onClick={() => show({ filter: "", state: "", tables: "" })}>
        Show all sockets
      </button>
    </div>
  );
}

/** The table. */
export function SocketTable() {
  const held = answer.value;
  const { filter, tables, state, sort, at } = view.value;
  const shown = shownColumns();
  const isOld = outdated.value || staleSeconds.value > 0 || failure.value !== undefined;
  return (
    <div class="sockets" data-old={isOld ? "" : undefined} style={layoutOf(shown)}>
      <List
        count={held?.matched ?? 0}
        rowHeight={narrow.value ? NARROW_ROW : ROW}
        range={range}
        show={cursor.value.index}
        list={[filter, tables, state, sort, at].join("\n")}
        draw={(index) => <SocketRow key={index} index={index} />}
        head={
          <div role="row" class="row head" aria-rowindex={1}>
            {shown.map((column) => (
              <Heading key={column.name} column={column} />
            ))}
          </div>
        }
        attributes={{
          class: "scroller",
          id: "grid",
          role: "grid",
          tabIndex: 0,
          "aria-label": "Sockets",
          "aria-rowcount": (held?.matched ?? 0) + 1,
          "aria-colcount": shown.length,
          "aria-busy": outdated.value,
          "aria-readonly": true,
          ...(cursor.value.index < 0 ? {} : { "aria-activedescendant": `row-${cursor.value.index}` }),
        }}
      />
      <Empty />
    </div>
  );
}
