/** The time line: what the recorder has kept, and the moment or span that the page shows. */
import { signal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import type { HistoryAnswer, Span } from "./answers.ts";
import { request } from "./api.ts";
import { clock, moment, spanText } from "./format.ts";
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

/** Steps of the keys, as shares of the time line. With Shift they move the end of a span. */
const steps: Readonly<Record<string, number>> = {
  ArrowLeft: -0.01,
  ArrowRight: 0.01,
  PageDown: -0.1,
  PageUp: 0.1,
};

/** The track, in units of its own picture. */
const WIDTH = 1000;
/** The shortest span, in milliseconds: less is a moment. */
const SHORTEST = 1000;
/** Pixels that a pointer moves before it draws a span. */
const DRAG = 5;

/** Where a span that is being drawn began: its time, and the place on the screen. */
let anchor: { readonly time: number; readonly x: number } | undefined;

/** The time line. */
export function Past() {
  const { span, at, from } = view.value;
  const seconds = Number(span) || 3600;
  const chosen = at === "" ? undefined : Date.parse(at);
  const begun = from === "" ? undefined : Date.parse(from);
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
  const within = (time: number) => Math.max(since, Math.min(until, time));
  function choose(time: number): void {
    const at = within(time);
    show({ at: new Date(at).toISOString(), from: "" }, "replace");
    announcement.value = moment(at);
  }
  function chooseSpan(one: number, other: number): void {
    const [first, last] = [within(Math.min(one, other)), within(Math.max(one, other))];
    if (last - first < SHORTEST) {
      choose(last);
      return;
    }
    const times = { from: new Date(first).toISOString(), at: new Date(last).toISOString() };
    show(times, "replace");
    announcement.value = spanText(times.from, times.at);
  }
  function timeAt({ currentTarget, clientX }: { readonly currentTarget: Element; readonly clientX: number }) {
    const { left, width } = currentTarget.getBoundingClientRect();
    return since + ((clientX - left) / width) * (until - since);
  }
  function key(event: KeyboardEvent): void {
    const step = steps[event.key];
    const now = chosen ?? until;
    if (step !== undefined && event.shiftKey) {
      // A span grows from the moment that was chosen, to the side of the key.
      const [first, last] = [begun ?? now, now];
      if (step < 0) chooseSpan(first + step * (until - since), last);
      else chooseSpan(first, last + step * (until - since));
    } else if (step !== undefined) choose(now + step * (until - since));
    else if (event.key === "Home") choose(since);
    else if (event.key === "End") choose(until);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }
  const shift = (share: number) => {
    end.value = Math.min(Date.now(), until + share * (until - since));
    if (chosen !== undefined && begun === undefined)
      choose(Math.max(end.value - seconds * 1000, Math.min(end.value, chosen)));
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
          aria-valuetext={chosen === undefined ? "now" : from === "" ? moment(chosen) : spanText(from, at)}
          onKeyDown={key}
          onPointerDown={(event) => {
            event.currentTarget.setPointerCapture(event.pointerId);
            anchor = { time: timeAt(event), x: event.clientX };
          }}
          onPointerMove={(event) => {
            if (anchor === undefined || !(event.buttons & 1)) return;
            if (Math.abs(event.clientX - anchor.x) >= DRAG) chooseSpan(anchor.time, timeAt(event));
          }}
          onPointerUp={(event) => {
            if (anchor !== undefined && Math.abs(event.clientX - anchor.x) < DRAG) choose(anchor.time);
            anchor = undefined;
          }}
          onPointerCancel={() => {
            anchor = undefined;
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
            {chosen === undefined || begun === undefined ? null : (
              <rect
                class="chosen"
                x={placeOf(begun)}
                width={Math.max(1, placeOf(chosen) - placeOf(begun))}
                height="20"
              />
            )}
            {begun === undefined ? null : <path d={`M${placeOf(begun)} 0v20`} />}
            {chosen === undefined ? null : <path d={`M${placeOf(chosen)} 0v20`} />}
          </svg>
        </div>
        <div class="ends">
          <span>{moment(since)}</span>
          <b>
            {chosen === undefined
              ? "Click a moment, or drag a span"
              : from === ""
                ? moment(chosen)
                : spanText(from, at)}
          </b>
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
