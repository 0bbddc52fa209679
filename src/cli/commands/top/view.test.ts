import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import type { Row } from "../../../live/page.ts";
import type { Sample } from "../../../live/table.ts";
import { painted, plainText } from "./line.ts";
import { firstState, type ScreenState } from "./state.ts";
import { widthOf } from "./text.ts";
import { next } from "./transition.ts";
import { viewOf } from "./view.ts";

const row = (key: string, values: Row["values"] = {}): Row => ({
  key,
  values: {
    netid: "tcp",
    state: "ESTAB",
    recvq: 0,
    sendq: 1234,
    local: "10.0.0.1:80",
    peer: "[2001:db8::1234:5678:9abc:def0]:54321",
    rx: 1_234_567,
    tx: 0,
    rate: 1_234_567,
    retrans: 2,
    rtt: 45,
    process: "nginx 42",
    ...values,
  },
});
const sample: Sample = {
  number: 2,
  intervalMs: 1000,
  sockets: 12,
  opened: 3,
  closed: 2,
  states: [0, 10, 0, 0, 0, 0, 2],
  totals: { receivedRate: 1_234_567, ackedRate: 0, retransmittedRate: 2 },
};

function stateAt(columns: number, rows: number, shown: readonly Row[] = [row("/1"), row("/2")]): ScreenState {
  const begun = firstState({
    size: { columns, rows },
    host: "host",
    allNetns: false,
    filter: "",
    sort: { column: "rate", descending: true },
    by: undefined,
  });
  const sampled = next(begun, { kind: "sample", sample, time: new Date(2026, 10, 21, 8, 5, 9), notes: [] });
  const page = { total: shown.length, first: 0, rows: shown, chosen: shown.length > 1 ? 1 : undefined };
  return next(sampled, { kind: "page", page, moved: 1 });
}
const text = (state: ScreenState) => viewOf(state).map(plainText);
const press = (state: ScreenState, ...keys: string[]) =>
  keys.reduce((each, key) => next(each, { kind: "key", key }), state);

describe("the screen", () => {
  test("shows host, time, states, rates, rows", () => {
    const lines = text(stateAt(200, 50));
    expect(lines[0]).toMatch(/^sockscope top host {10,}1\.0 s {2}2026-11-21 08:05:09$/);
    expect(lines[1]).toMatch(/^12 sockets {2}\+3 -2 {2}█+▓+ {2}█ ESTAB 10 {2}▓ TIME-WAIT 2$/);
    expect(lines[2]).toMatch(
      /^Received +1\.23MB\/s .*Acknowledged +0B\/s .*retransmitted 2\/s {2}dropped -$/,
    );
    expect(lines[3]).toContain("Both/s▼");
    expect(lines[4]).toMatch(/^ tcp .* 1\.23M +0 +1\.23M +!2 +- +0\.045 +- nginx 42/);
    expect(lines[5]!.startsWith(">tcp")).toBe(true);
    expect(lines[49]).toMatch(/^\?: help .*1-2 of 2$/);
  });

  test("has as many lines as the terminal, none wider than it, in every mode and at every size", () => {
    const wild = [row("/1", { process: "\x1b[31mred\nline 漢字漢字", local: "x".repeat(300) }), row("/2")];
    const groups = [
      {
        title: "T",
        facts: [
          { value: "v".repeat(80), meaning: "m".repeat(200) },
          { value: "1", meaning: "" },
        ],
      },
    ];
    fc.assert(
      fc.property(fc.integer({ min: 20, max: 250 }), fc.integer({ min: 5, max: 80 }), (columns, rows) => {
        const state = stateAt(columns, rows, wild);
        const open = next(press(state, "enter"), { kind: "details", key: "/2", groups });
        const problem = { offset: 30, length: 9, message: "expected something" };
        const wrong = next(press(state, "/"), { kind: "unfiltered", text: "x ".repeat(90), problem });
        const action = { kind: "close", key: "/1", what: "w".repeat(90) } as const;
        const asked = next(state, { kind: "allowed", action, target: "t".repeat(90) });
        const coverage = "12 events of destroy\x1b[2J lost; ".repeat(9);
        const past = { coverage, isGap: false, isWarning: true };
        const recorded = next(state, { kind: "sample", sample, time: new Date(0), notes: [], past });
        const gap = next(state, {
          kind: "sample",
          sample: undefined,
          time: new Date(0),
          notes: [],
          past: { ...past, isGap: true },
        });
        for (const each of [
          state,
          recorded,
          press(recorded, "enter"),
          gap,
          press(state, "?"),
          press(state, "p"),
          open,
          wrong,
          asked,
          press(state, " "),
        ]) {
          const lines = text(each);
          expect(lines).toHaveLength(rows);
          for (const line of lines) {
            expect(widthOf(line)).toBeLessThanOrEqual(columns);
            expect(line).not.toMatch(/\p{Cc}/u);
          }
        }
      }),
      { numRuns: 40 },
    );
  });

  test("columns keep their places, whatever their values", () => {
    const heading = (state: ScreenState) => text(state)[3];
    const small = stateAt(120, 30, [row("/1", { rx: 0, process: "a" })]);
    const large = stateAt(120, 30, [row("/1", { rx: 9.9e12, process: "a name that is long 123456" })]);
    expect(heading(small)).toBe(heading(large)!);
  });

  test("sixty columns and fifteen rows are enough, and name the sorted column if it is hidden", () => {
    const lines = text(stateAt(60, 15));
    expect(lines[3]).toContain("Peer Address:Port");
    expect(lines[14]).toMatch(/of 2 by Both\/s▼$/);
    const help = press(stateAt(60, 15), "?");
    expect(text(help)[0]).toContain("scroll");
    expect(text(press(help, "pageDown", "pageDown")).join("\n")).toContain("q Ctrl-C");
    expect(text(press(stateAt(60, 15), "enter"))[3]).toContain("tcp 10.0.0.1:80 →");
  });

  test("80 columns show table, state, peer and RTT", () => {
    const [heading, first] = text(stateAt(80, 24)).slice(3);
    expect(heading).toMatch(/ Netid State .*Peer Address:Port .*Recv\/s Acked\/s .*RTT ms/);
    expect(first).toMatch(/^ tcp +ESTAB +\[2001.*…/);
  });

  test("a socket without known rates has no peak, and one with them has", () => {
    const details = (rx: number | undefined) => {
      const state = stateAt(100, 40, [row("/1", { rx, tx: undefined })]);
      const page = { ...state.page, chosen: 0 };
      const chosen = next(state, { kind: "page", page, moved: 1 });
      return text(press(chosen, "enter")).join("\n");
    };
    expect(details(undefined)).toMatch(/Received, at most - +│ Acknowledged, at most -/);
    expect(details(0)).toMatch(/Received, at most 0B\/s +│ Acknowledged, at most -/);
  });

  test("one socket is counted in the singular", () => {
    const state = next(stateAt(100, 30), {
      kind: "sample",
      sample: { ...sample, sockets: 1 },
      time: new Date(),
      notes: [],
    });
    expect(text(state)[1]).toStartWith("1 socket ");
  });

  test("the carets are below the mistake", () => {
    const problem = { offset: 8, length: 3, message: "expected a port" };
    const state = next(press(stateAt(100, 30), "/"), { kind: "unfiltered", text: "dport = abc", problem });
    const [typed, below] = text(state).slice(-3);
    expect(typed!.trimEnd()).toBe("/dport = abc");
    expect(below).toBe("         ^^^ expected a port");
  });

  test("problems are marked, and not by colour alone", () => {
    const line = viewOf(stateAt(200, 50))[4]!;
    expect(line.find(({ style }) => style === "warning")?.text.trim()).toBe("!2");
  });

  test("says that there are no sockets", () => {
    expect(text(stateAt(100, 30, [])).join("\n")).toContain("No socket matches");
  });
});

describe("painted()", () => {
  const line = [
    { text: "a", style: "received" },
    { text: "b", style: "warning" },
    { text: "c", style: "plain" },
  ] as const;

  test("has colours", () => {
    expect(painted(line, true)).toBe("\x1b[32ma\x1b[0m\x1b[1;31mb\x1b[0mc");
  });

  test("with NO_COLOR has only bold and inverse", () => {
    expect(painted(line, false)).toBe("a\x1b[1mb\x1b[0mc");
  });
});
