import { describe, expect, test } from "bun:test";
import type { Page, Row } from "../../../live/page.ts";
import type { Sample } from "../../../live/table.ts";
import { firstState, requestOf, type ScreenState } from "./state.ts";
import { next, type ScreenEvent } from "./transition.ts";

const row = (key: string, rx = 10): Row => ({
  key,
  values: { netid: "tcp", local: "a:1", peer: "b:2", rx, tx: undefined },
});
const page = (chosen?: number): Page => ({
  total: 9,
  first: 0,
  rows: ["/1", "/2", "/3"].map((key) => row(key)),
  chosen,
});
const sample: Sample = {
  number: 2,
  intervalMs: 1000,
  sockets: 9,
  opened: 1,
  closed: 2,
  states: [0, 9],
  totals: { receivedRate: 5, retransmittedRate: 0 },
};

const begun = firstState({
  size: { columns: 100, rows: 30 },
  host: "h",
  allNetns: false,
  filter: "dport = :80",
  sort: { column: "rate", descending: true },
  by: undefined,
});

/** The state after events; a key stands for that it is pressed. */
function after(state: ScreenState, ...events: readonly (ScreenEvent | string)[]): ScreenState {
  return events.reduce<ScreenState>(
    (each, event) => next(each, typeof event === "string" ? { kind: "key", key: event } : event),
    state,
  );
}
const shown = (chosen?: number, sampled = false): ScreenEvent => ({
  kind: "page",
  page: page(chosen),
  sampled,
});

describe("keys of the table", () => {
  test("the arrows ask for another row, which the next page chooses", () => {
    const down = after(begun, "down");
    expect(requestOf(down)).toMatchObject({ step: 1, chosen: undefined, first: 0, count: 25 });
    const chosen = after(down, shown(0));
    expect(chosen).toMatchObject({ step: 0, chosen: "/1" });
    expect(requestOf(after(chosen, "pageDown"))).toMatchObject({ step: 3, chosen: "/1" });
    expect(requestOf(after(chosen, "end"))).toMatchObject({ step: 9 });
  });

  test("left and right sort by the columns that are shown, r turns the order round", () => {
    const right = after(begun, { kind: "resize", size: { columns: 200, rows: 30 } }, "right");
    expect(right.sort).toEqual({ column: "retrans", descending: true });
    expect(after(right, "left", "left", "left", "left").sort).toEqual({ column: "peer", descending: false });
    expect(after(right, "r").sort).toEqual({ column: "retrans", descending: false });
    expect(after(right, ...new Array<string>(30).fill("left")).sort.column).toBe("netid");
  });

  test("one key groups, and again ungroups; Enter goes into a group, Escape comes out at it", () => {
    for (const [key, by] of Object.entries({
      p: "process",
      a: "peer",
      l: "port",
      s: "state",
      c: "container",
    })) {
      const grouped = after(begun, key);
      expect(requestOf(grouped).by).toBe(by as never);
      expect(after(grouped, key).by).toBeUndefined();
    }
    const inside = after(begun, "p", shown(1), "enter");
    expect(requestOf(inside)).toMatchObject({ by: undefined, within: { by: "process", key: "/2" } });
    expect(requestOf(after(inside, "escape"))).toMatchObject({
      by: "process",
      within: undefined,
      chosen: "/2",
    });
  });

  test("an order by a column that groups lack falls back to the rates", () => {
    expect(after({ ...begun, sort: { column: "rtt", descending: false } }, "p").sort.column).toBe("rate");
  });

  test("space pauses, q and Ctrl-C quit", () => {
    expect(after(begun, " ").paused).toBe(true);
    expect(after(begun, " ", " ").paused).toBe(false);
    expect(after(begun, "q").wish).toEqual({ kind: "quit", status: 0 });
    for (const mode of ["?", "/", "q"])
      expect(after(begun, mode, "interrupt").wish).toEqual({ kind: "quit", status: 130 });
  });

  test("any key leaves the help, and does nothing else", () => {
    expect(after(begun, "?").mode.kind).toBe("help");
    expect(after(begun, "?", "q")).toMatchObject({ mode: { kind: "table" }, wish: undefined });
  });

  test("keys that mean nothing change nothing", () => {
    for (const key of ["z", "toString", "constructor", "é"]) expect(after(begun, key)).toEqual(begun);
  });
});

describe("the filter", () => {
  test("is typed, edited, applied", () => {
    const typed = after(begun, "/", ...Array.from(" or  x"), "backspace", "y");
    expect(typed.mode).toMatchObject({ kind: "filter", text: "dport = :80 or  y" });
    expect(after(typed, "enter").wish).toEqual({ kind: "filter", text: "dport = :80 or y" });
    expect(after(typed, "home", "x", "left", "left", "backspace").mode).toMatchObject({
      text: "xdport = :80 or  y",
      cursor: 0,
    });
    expect(after(typed, "escape")).toMatchObject({ mode: { kind: "table" }, filter: "dport = :80" });
  });

  test("characters beyond the basic plane are one step wide", () => {
    const typed = after({ ...begun, filter: "" }, "/", "a", "🙂", "b", "left", "backspace");
    expect(typed.mode).toMatchObject({ text: "ab", cursor: 1 });
  });

  test("what is wrong is pointed out until something is typed", () => {
    const problem = { offset: 8, length: 3, message: "expected a port" };
    const wrong = after(begun, "/", { kind: "unfiltered", text: "dport = abc", problem });
    expect(wrong.mode).toMatchObject({ kind: "filter", problem, cursor: 11 });
    expect(after(wrong, "backspace").mode).toEqual({ kind: "filter", text: "dport = ab", cursor: 10 });
  });

  test("a new one begins anew", () => {
    const before = after(begun, { kind: "sample", sample, time: new Date(0), notes: [] }, shown(1, true));
    const filtered = after(before, "/", { kind: "filtered", filter: "x" });
    expect(filtered).toMatchObject({
      filter: "x",
      mode: { kind: "table" },
      sample: undefined,
      chosen: undefined,
    });
    expect(filtered.totals.received).toEqual([]);
  });
});

describe("what may do harm", () => {
  const chosen = after(begun, shown(1));
  const action = { kind: "close", key: "/2", what: "tcp a:1 → b:2" } as const;

  test("first it is asked whether it is allowed at all", () => {
    expect(after(chosen, "k").wish).toEqual({ kind: "may", action });
    expect(after(chosen, "t").wish).toMatchObject({ action: { kind: "signal", signal: "SIGTERM" } });
    expect(after(chosen, "K").wish).toMatchObject({ action: { signal: "SIGKILL" } });
    expect(after(begun, "k")).toMatchObject({ wish: undefined, message: "Choose a socket first" });
    expect(after(chosen, "p", shown(1), "k").wish).toBeUndefined();
  });

  test("then twice whether it is meant, by two keys", () => {
    const asked = after(chosen, { kind: "allowed", action, target: "it" });
    expect(asked.mode).toMatchObject({ kind: "confirm", agreed: 0 });
    const again = after(asked, "y");
    expect(again).toMatchObject({ mode: { kind: "confirm", agreed: 1 }, wish: undefined });
    expect(after(again, "Y")).toMatchObject({ mode: { kind: "table" }, wish: { kind: "act", action } });
  });

  test("anything else is a no", () => {
    const asked = after(chosen, { kind: "allowed", action, target: "it" });
    for (const keys of [["n"], ["Y"], ["enter"], ["escape"], ["y", "y"], ["y", "enter"], ["y", "n"]])
      expect(after(asked, ...keys)).toMatchObject({
        mode: { kind: "table" },
        wish: undefined,
        message: "Nothing was done",
      });
  });
});

describe("details", () => {
  test("are asked for, shown, kept up, and followed to another row", () => {
    const open = after(begun, shown(1), "enter");
    expect(open).toMatchObject({ details: { key: "/2" }, wish: { kind: "details", key: "/2" } });
    const groups = [{ title: "Socket", facts: [{ value: "1 ms", meaning: "x" }] }];
    const known = after(open, { kind: "details", key: "/2", groups });
    expect(known.details?.groups).toEqual(groups);
    expect(after(known, { kind: "details", key: "/9", groups: [] }).details?.groups).toEqual(groups);
    expect(after(known, shown(1)).wish).toBeUndefined();
    expect(after(known, shown(1, true))).toMatchObject({
      details: { groups },
      wish: { kind: "details", key: "/2" },
    });
    expect(after(known, "down", shown(2))).toMatchObject({ details: { key: "/3" }, wish: { key: "/3" } });
    expect(after(known, "]", "[", "[").details?.scroll).toBe(0);
    expect(after(known, "escape").details).toBeUndefined();
  });

  test("go away with their socket", () => {
    const gone = after(begun, shown(1), "enter", shown());
    expect(gone).toMatchObject({ details: undefined, message: "The chosen socket is gone" });
  });
});

describe("rates over time", () => {
  test("are kept for the totals and for the rows that are shown, and not without end", () => {
    let state = begun;
    for (let round = 0; round < 400; round++)
      state = after(state, { kind: "sample", sample, time: new Date(round), notes: [] }, shown(0, true));
    expect(state.totals.received).toHaveLength(300);
    expect(state.totals.acked.at(-1)).toBeUndefined();
    expect(state.series.get("/1")?.received).toHaveLength(300);
    for (let round = 0; round < 400; round++)
      state = after(state, { kind: "page", page: { ...page(), rows: [row(`/${round}`)] }, sampled: true });
    expect(state.series.size).toBe(256);
    expect(state.series.has("/399")).toBe(true);
    expect(state.series.has("/2")).toBe(false);
  });
});
