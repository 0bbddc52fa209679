/** The connections of a span of the past. */
import { signal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import type { CellValue, HistoryAnswer } from "./answers.ts";
import { request } from "./api.ts";
import { cellText, moment, spanText } from "./format.ts";
import { List, type RowRange } from "./list.tsx";
import { fields, narrow, view } from "./state.ts";

/** Connections to request. */
const MOST = 500;
const ROW = 32;
const NARROW_ROW = 54;
/** The columns, each with its heading. */
const headings = {
  closed: "Closed",
  netid: "Netid",
  local: "Local",
  peer: "Peer",
  process: "Process",
  durationMs: "Duration",
  bytes_received: "Received",
  bytes_acked: "Acked",
  reason: "Reason",
} as const;
const NAMES = Object.keys(headings).join(",");

const held = signal<HistoryAnswer | undefined>(undefined);
const failure = signal("");
const range = signal<RowRange>({ first: 0, count: 40 });

/** A value of a connection. */
function text(name: string, value: CellValue | undefined): string {
  const unit = fields.value?.columns.find(({ names }) => names.includes(name))?.unit;
  return cellText(value, /bytes/i.test(name) ? "bytes" : unit);
}

/** The list. */
export function Connections() {
  const { at, from, span, filter, tables } = view.value;
  useEffect(() => {
    const stop = new AbortController();
    const since = from || new Date(Date.parse(at) - (Number(span) || 3600) * 1000).toISOString();
    const parameters = { tables, filter, since, until: at, what: "connections", columns: NAMES, limit: MOST };
    request<HistoryAnswer>("/api/history", parameters, stop.signal).then(
      (answer) => {
        held.value = answer;
        failure.value = "";
      },
      (error: Error) => {
        if (!stop.signal.aborted) failure.value = error.message;
      },
    );
    return () => stop.abort();
  }, [at, from, span, filter, tables]);

  const answer = held.value;
  const rows = answer?.available ? (answer.rows ?? []) : [];
  const names = answer?.available ? (answer.columns ?? []) : [];
  const total = answer?.available ? (answer.total ?? rows.length) : 0;
  return (
    <div class="page full">
      <div class="heading">
        <h2>What was connected</h2>
        <output class="matched">
          <b>{rows.length}</b>
          {total > rows.length ? ` of ${total.toLocaleString("en")}` : ""} connections{" "}
          {from === "" ? `until ${moment(Date.parse(at))}` : spanText(from, at)}
        </output>
      </div>
      {failure.value === "" ? null : (
        <p class="call" data-severity="warning" role="alert">
          {failure.value}
        </p>
      )}
      {answer?.available === false ? <p class="call">{answer.why}</p> : null}
      <List
        count={rows.length}
        rowHeight={narrow.value ? NARROW_ROW : ROW}
        range={range}
        show={-1}
        draw={(index) => (
          <div role="row" class="row past" key={index} aria-rowindex={index + 2}>
            {names.map((name, at) => (
              <div role="cell" key={name} data-column={name} class={/Ms$|bytes/i.test(name) ? "number" : ""}>
                <span>{text(name, rows[index]?.values[at])}</span>
              </div>
            ))}
          </div>
        )}
        head={
          <div role="row" class="row head past" aria-rowindex={1}>
            {names.map((name, at) => (
              <div
                role="columnheader"
                key={name}
                data-column={name}
                class={/Ms$|bytes/i.test(name) ? "number" : ""}
              >
                {Object.values(headings)[at]}
              </div>
            ))}
          </div>
        }
        attributes={{
          class: "scroller connections",
          role: "table",
          "aria-label": "Connections",
          "aria-rowcount": rows.length + 1,
        }}
      />
      {rows.length === 0 && answer !== undefined ? (
        <p class="empty">Nothing was recorded in this span.</p>
      ) : null}
    </div>
  );
}
