/** The time line: what the recorder has kept, and the moment that the page shows. */
import { signal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import type { HistoryAnswer, Span } from "./answers.ts";
import { request } from "./api.ts";
import { clock, moment } from "./format.ts";
import { announcement, show, view } from "./state.ts";

const spans = [
  [900, "15 minutes"],
  [3600, "1 hour"],
  [21_600, "6 hours"],
  [86_400, "24 hours"],
  [604_800, "7 days"],
] as const;

/** The end of the time line, in milliseconds; 0 before it is known. */
const end = signal(0);
const recorded = signal<readonly Span[]>([]);
const problem = signal("");

/** Steps of the keys, as shares of the span. */
const steps: Readonly<Record<string, number>> = {
  ArrowLeft: -0.01,
  ArrowRight: 0.01,
  PageDown: -0.1,
  PageUp: 0.1,
};

/** The track, in units of its own picture. */
const WIDTH = 1000;

/** The time line. */
export function Past() {
  const { span, at } = view.value;
  const seconds = Number(span) || 3600;
  const chosen = at === "" ? undefined : Date.parse(at);
  if (
    end.value === 0 ||
    (chosen !== undefined && (chosen > end.value || chosen < end.value - seconds * 1000))
  )
    end.value = chosen === undefined ? Date.now() : Math.min(Date.now(), chosen + seconds * 500);
  const until = end.value;
  const since = until - seconds * 1000;

  useEffect(() => {
    const stop = new AbortController();
    const parameters = {
      what: "coverage",
      since: new Date(since).toISOString(),
      until: new Date(until).toISOString(),
    };
    request<HistoryAnswer>("/api/history", parameters, stop.signal).then(
      (answer) => {
        recorded.value = answer.available ? answer.coverage.recorded : [];
        problem.value = answer.available ? "" : answer.why;
      },
      (error: Error) => {
        if (!stop.signal.aborted) problem.value = error.message;
      },
    );
    return () => stop.abort();
  }, [since, until]);

  const placeOf = (time: number) => Math.max(0, Math.min(WIDTH, ((time - since) / (until - since)) * WIDTH));
  function choose(time: number): void {
    const within = Math.max(since, Math.min(until, time));
    show({ at: new Date(within).toISOString() }, "replace");
    announcement.value = moment(within);
  }
  function point({
    currentTarget,
    clientX,
  }: {
    readonly currentTarget: Element;
    readonly clientX: number;
  }): void {
    const { left, width } = currentTarget.getBoundingClientRect();
    choose(since + ((clientX - left) / width) * (until - since));
  }
  function key(event: KeyboardEvent): void {
    const step = steps[event.key];
    const from = chosen ?? until;
    if (step !== undefined) choose(from + step * (until - since));
    else if (event.key === "Home") choose(since);
    else if (event.key === "End") choose(until);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }
  const shift = (share: number) => {
    end.value = Math.min(Date.now(), until + share * (until - since));
    if (chosen !== undefined) choose(Math.max(end.value - seconds * 1000, Math.min(end.value, chosen)));
  };
  return (
    <section class="past" id="past" aria-label="Time line">
      <select
        aria-label="Length of the time line"
        value={`${seconds}`}
        onChange={({ currentTarget }) => show({ span: currentTarget.value }, "replace")}
      >
        {spans.map(([value, name]) => (
          <option key={value} value={`${value}`}>
            {name}
          </option>
        ))}
      </select>
      <button type="button" aria-label="Earlier" onClick={() => shift(-0.5)}>
        ‹
      </button>
      <div class="line">
        <div
          class="track"
          role="slider"
          tabIndex={0}
          aria-label="Moment"
          aria-valuemin={since}
          aria-valuemax={until}
          aria-valuenow={chosen ?? until}
          aria-valuetext={chosen === undefined ? "now" : moment(chosen)}
          onKeyDown={key}
          onPointerDown={(event) => {
            event.currentTarget.setPointerCapture(event.pointerId);
            point(event);
          }}
          onPointerMove={(event) => {
            if (event.buttons & 1) point(event);
          }}
        >
          <svg viewBox={`0 0 ${WIDTH} 20`} preserveAspectRatio="none" aria-hidden="true">
            {recorded.value.map(({ from, until }) => {
              const left = placeOf(Date.parse(from));
              return (
                <rect
                  key={from}
                  x={left}
                  width={Math.max(1, placeOf(Date.parse(until)) - left)}
                  height="20"
                />
              );
            })}
            {chosen === undefined ? null : <path d={`M${placeOf(chosen)} 0v20`} />}
          </svg>
        </div>
        <div class="ends">
          <span>{moment(since)}</span>
          <b>{chosen === undefined ? "Choose a moment" : moment(chosen)}</b>
          <span>{clock(until)}</span>
        </div>
      </div>
      <button type="button" aria-label="Later" onClick={() => shift(0.5)}>
        ›
      </button>
      {problem.value === "" ? null : <p class="note">{problem.value}</p>}
    </section>
  );
}
