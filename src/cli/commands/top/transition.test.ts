import { describe, expect, test } from "bun:test";
import type { Page, Row } from "../../../live/page.ts";
import type { Sample } from "../../../live/table.ts";
import { keysOfText, mouseInputs } from "./keys.ts";
import { isPlainText } from "./plain.ts";
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

/** The state after events. A key stands for its press. */
function after(state: ScreenState, ...events: readonly (ScreenEvent | string)[]): ScreenState {
  return events.reduce<ScreenState>(
    (each, event) => next(each, typeof event === "string" ? { kind: "key", key: event } : event),
    state,
  );
}
const shown = (chosen?: number, sampled = false): ScreenEvent => ({
  kind: "page",
  page: page(chosen),
  moved: sampled ? 1 : undefined,
});

describe("keys of the table", () => {
  test("the arrows request another row, and the next page chooses it", () => {
    const down = after(begun, "down");
    expect(requestOf(down)).toMatchObject({ step: 1, chosen: undefined, first: 0, count: 25 });
    const chosen = after(down, shown(0));
    expect(chosen).toMatchObject({ step: 0, chosen: "/1" });
    expect(requestOf(after(chosen, "pageDown"))).toMatchObject({ step: 3, chosen: "/1" });
    expect(requestOf(after(chosen, "end"))).toMatchObject({ step: 9 });
  });

  test("left and right reach every column, even a hidden one", () => {
    const narrow = after(begun, { kind: "resize", size: { columns: 60, rows: 30 } });
    expect(after(narrow, "right").sort).toEqual({ column: "retrans", descending: true });
    expect(after(narrow, "right", "left").sort).toEqual({ column: "rate", descending: true });
  });

  test("the chosen row stays at its place on the page", () => {
    const chosen = after(begun, "down", shown(2));
    expect(requestOf(chosen)).toMatchObject({ at: 2, step: 0 });
  });

  test("Ctrl-Z suspends in every mode", () => {
    for (const keys of [[], ["/"], ["?"]])
      expect(after(begun, ...keys, "suspend").wish).toEqual({ kind: "suspend" });
  });

  test("left and right sort, r reverses the order", () => {
    const right = after(begun, { kind: "resize", size: { columns: 200, rows: 30 } }, "right");
    expect(right.sort).toEqual({ column: "retrans", descending: true });
    expect(after(right, "left", "left", "left", "left").sort).toEqual({ column: "peer", descending: false });
    expect(after(right, "r").sort).toEqual({ column: "retrans", descending: false });
    expect(after(right, ...new Array<string>(30).fill("left")).sort.column).toBe("netid");
  });

  test("a key groups, and ungroups if pressed again; Enter opens a group, Escape returns to it", () => {
    for (const [key, by] of Object.entries({
      p: "process",
      o: "program",
      u: "user",
      U: "unit",
      c: "container",
      a: "peer",
      l: "port",
      d: "dport",
      s: "state",
      n: "netns",
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

  test("any key only closes the help", () => {
    expect(after(begun, "?").mode.kind).toBe("help");
    expect(after(begun, "?", "q")).toMatchObject({ mode: { kind: "table" }, wish: undefined });
  });

  test("keys without a meaning change nothing", () => {
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

  test("a mistake is shown until the next key", () => {
    const problem = { offset: 8, length: 3, message: "expected a port" };
    const wrong = after(begun, "/", { kind: "unfiltered", text: "dport = abc", problem });
    expect(wrong.mode).toMatchObject({ kind: "filter", problem, cursor: 11 });
    expect(after(wrong, "backspace").mode).toEqual({ kind: "filter", text: "dport = ab", cursor: 10 });
  });

  test("a new filter drops the sample, the choice and the series", () => {
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

describe("actions that may do harm", () => {
  const chosen = after(begun, shown(1));
  const action = { kind: "close", key: "/2", what: "tcp a:1 → b:2" } as const;

  test("first checks whether the action is permitted", () => {
    expect(after(chosen, "k").wish).toEqual({ kind: "may", action });
    expect(after(chosen, "t").wish).toMatchObject({ action: { kind: "signal", signal: "SIGTERM" } });
    expect(after(chosen, "K").wish).toMatchObject({ action: { signal: "SIGKILL" } });
    expect(after(begun, "k")).toMatchObject({ wish: undefined, message: "Choose a socket first" });
    expect(after(chosen, "p", shown(1), "k").wish).toBeUndefined();
  });

  test("then asks for two confirmations, by different keys", () => {
    const asked = after(chosen, { kind: "allowed", action, target: "it" });
    expect(asked.mode).toMatchObject({ kind: "confirm", agreed: 0 });
    const again = after(asked, "y");
    expect(again).toMatchObject({ mode: { kind: "confirm", agreed: 1 }, wish: undefined });
    expect(after(again, "Y")).toMatchObject({ mode: { kind: "table" }, wish: { kind: "act", action } });
  });

  test("any other key cancels", () => {
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
  test("are requested, shown, updated, and follow the chosen row", () => {
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

  test("disappear with their socket", () => {
    const gone = after(begun, shown(1), "enter", shown());
    expect(gone).toMatchObject({ details: undefined, message: "The chosen socket is gone" });
  });
});

describe("rates over time", () => {
  test("are kept for the totals and the shown rows, up to a limit", () => {
    let state = begun;
    for (let round = 0; round < 400; round++)
      state = after(state, { kind: "sample", sample, time: new Date(round), notes: [] }, shown(0, true));
    expect(state.totals.received).toHaveLength(300);
    expect(state.totals.acked.at(-1)).toBeUndefined();
    expect(state.series.get("/1")?.received).toHaveLength(300);
    for (let round = 0; round < 400; round++)
      state = after(state, { kind: "page", page: { ...page(), rows: [row(`/${round}`)] }, moved: 1 });
    expect(state.series.size).toBe(256);
    expect(state.series.has("/399")).toBe(true);
    expect(state.series.has("/2")).toBe(false);
  });
});

describe("a plain text", () => {
  const plain = firstState({ ...begun, filter: "" });

  test("chooses rows as it is typed, and stays with Enter", () => {
    const typed = after(plain, "/", ..."nginx");
    expect(requestOf(typed).text).toBe("nginx");
    expect(requestOf(after(typed, "escape")).text).toBe("");
    const entered = after(typed, "enter");
    expect(entered).toMatchObject({ text: "nginx", mode: { kind: "table" }, wish: undefined });
    expect(after(entered, "/").mode).toMatchObject({ kind: "filter", text: "nginx" });
    expect(after(entered, "escape").text).toBe("");
  });

  test("replaces an expression, and an expression replaces it", () => {
    const entered = after(begun, "/", "killLine", ..."nginx", "enter");
    expect(entered.wish).toEqual({ kind: "filter", text: "" });
    const expression = after(entered, "/", "killLine", ..."dport = :80", "enter");
    expect(expression).toMatchObject({ text: "", wish: { kind: "filter", text: "dport = :80" } });
  });

  test.each([
    ["nginx", true],
    ["10.0.0.1", true],
    [":443", true],
    ["user-service", true],
    ["", false],
    ["dport = :80", false],
    ["dport=:80", false],
    ["not dport :80", false],
    ["( dport :80 )", false],
    ["state listening", false],
    ["rtt > 5ms", false],
  ])("%j is one: %j", (text, isPlain) => {
    expect(isPlainText(text)).toBe(isPlain);
  });
});

describe("control characters", () => {
  test("edit the filter, and are not inserted into it", () => {
    expect(keysOfText("a\x15\x17\x01\x05\x0b\x08\x7f\x1a\x03\r\x00\x07\x9bb")).toEqual([
      "a",
      "killLine",
      "killWord",
      "home",
      "end",
      "killRest",
      "backspace",
      "backspace",
      "suspend",
      "interrupt",
      "enter",
      "b",
    ]);
    const typed = after(begun, "/", "killLine", ..."one two");
    expect(after(typed, "killWord").mode).toMatchObject({ text: "one ", cursor: 4 });
    expect(after(typed, "home", "killRest").mode).toMatchObject({ text: "", cursor: 0 });
    expect(after(typed, "left", "killLine").mode).toMatchObject({ text: "o", cursor: 0 });
  });
});

describe("the mouse", () => {
  const press = (line: number, column = 5): ScreenEvent => ({
    kind: "mouse",
    input: { what: "press", line, column },
  });
  const wheel = (what: "wheelUp" | "wheelDown", line = 10): ScreenEvent => ({
    kind: "mouse",
    input: { what, line, column: 5 },
  });

  test("is read from the SGR form, several events at once", () => {
    expect(mouseInputs("x\x1b[<0;10;7M\x1b[<0;10;7m\x1b[<65;1;2M\x1b[<2;1;1M")).toEqual([
      { what: "press", column: 9, line: 6 },
      { what: "wheelDown", column: 0, line: 1 },
    ]);
  });

  test("chooses a row, opens the chosen one, and does nothing elsewhere", () => {
    const rows = after(begun, shown());
    expect(after(rows, press(5))).toMatchObject({ chosen: "/2", at: 1 });
    expect(after(rows, press(0)).chosen).toBeUndefined();
    expect(after(rows, press(20)).chosen).toBeUndefined();
    expect(after(begun, shown(1), press(5)).details).toMatchObject({ key: "/2" });
  });

  test("sorts by a heading, and reverses the order", () => {
    const sorted = after(begun, press(3, 2));
    expect(sorted.sort).toEqual({ column: "netid", descending: false });
    expect(after(sorted, press(3, 2)).sort).toEqual({ column: "netid", descending: true });
  });

  test("scrolls rows, details and help", () => {
    expect(after(begun, shown(1), wheel("wheelDown")).step).toBe(3);
    const details = after(begun, shown(1), "enter");
    expect(after(details, wheel("wheelDown", 28)).details).toMatchObject({ scroll: 3 });
    expect(after(begun, "?", wheel("wheelDown"), wheel("wheelUp"), wheel("wheelDown")).mode).toEqual({
      kind: "help",
      scroll: 3,
    });
  });

  test("belongs to the terminal after m", () => {
    expect(after(begun, "m").mouse).toBe(false);
    expect(after(begun, "m", "m").mouse).toBe(true);
  });
});
