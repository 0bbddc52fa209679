/** The parts of the page that need no browser. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { defaultView, readView, tabs, takeToken, writeView } from "../../src/serve/page/address.ts";
import type { MapAnswer, MapEdge } from "../../src/serve/page/answers.ts";
import { complete, insert } from "../../src/serve/page/completion.ts";
import { cellText, duration, milliseconds, short } from "../../src/serve/page/format.ts";
import { plotData } from "../../src/serve/page/gaps.ts";
import { loader } from "../../src/serve/page/loader.ts";
import { layOut, newMemory, remember } from "../../src/serve/page/map-layout.ts";
import { nearest, scaleEnd, shapeOf } from "../../src/serve/page/plot-shape.ts";
import { readMessages } from "../../src/serve/page/server-events.ts";
import { scrollTo, visibleRows } from "../../src/serve/page/visible-rows.ts";

describe("the address", () => {
  test("keeps every view, whatever its filter", () => {
    const view = fc.record({
      tab: fc.constantFrom(...tabs),
      filter: fc.string({ unit: "binary", maxLength: 60 }).filter((text) => text.isWellFormed()),
      tables: fc.constantFrom("", "tcp", "unix"),
      state: fc.constantFrom("", "close-wait"),
      sort: fc.constantFrom("-rate", "local"),
      columns: fc.constantFrom("", "netid,peer"),
      open: fc.string(),
      at: fc.constantFrom("", "2026-11-21T20:00:00.000Z"),
      from: fc.constantFrom("", "2026-11-21T19:50:00.000Z"),
      span: fc.constantFrom("", "3600"),
      by: fc.constantFrom("process", "container"),
      peer: fc.constantFrom("peer", "dport"),
      hosts: fc.constantFrom("", "others"),
    });
    fc.assert(fc.property(view, (each) => expect(readView(writeView(each))).toEqual(each)));
  });

  test("leaves out what is the default", () => {
    expect(writeView(defaultView)).toBe("");
    expect(writeView({ ...defaultView, tab: "map", filter: "dport = :443" })).toBe(
      "#tab=map&filter=dport+%3D+%3A443",
    );
  });

  test("ignores unknown tabs, unknown parts and values that are too long", () => {
    expect(readView(`#tab=admin&constructor=1&filter=${"x".repeat(5000)}`)).toEqual(defaultView);
  });

  test("gives the token, and the address without it", () => {
    expect(takeToken("#token=ab%2Bc&tab=map")).toEqual({ token: "ab+c", rest: "#tab=map" });
    expect(takeToken("#token=abc")).toEqual({ token: "abc", rest: "" });
    expect(takeToken("")).toEqual({ token: undefined, rest: "" });
  });
});

describe("the visible rows", () => {
  const list = fc.record({
    count: fc.integer({ min: 0, max: 3_000_000 }),
    rowHeight: fc.constantFrom(28, 54),
    height: fc.integer({ min: 54, max: 3000 }),
  });
  const scrolled = list.chain((each) => {
    const { total } = visibleRows({ ...each, top: 0 });
    return fc.record({
      count: fc.constant(each.count),
      rowHeight: fc.constant(each.rowHeight),
      height: fc.constant(each.height),
      top: fc.integer({ min: 0, max: Math.max(0, total - each.height) }),
    });
  });

  test("cover the visible part, and are few", () => {
    fc.assert(
      fc.property(scrolled, (each) => {
        const { first, count, offset, total } = visibleRows(each);
        const { rowHeight, height, top } = each;
        expect(count).toBeLessThanOrEqual(Math.ceil(height / rowHeight) + 18);
        expect(first + count).toBeLessThanOrEqual(each.count);
        expect(offset).toBeLessThanOrEqual(top + 1e-6);
        expect(offset + count * rowHeight).toBeGreaterThanOrEqual(Math.min(total, top + height) - 1e-6);
      }),
    );
  });

  test("end with the last row where the scrollbar ends, however many there are", () => {
    for (const count of [10, 100_000, 2_000_000]) {
      const list = { count, rowHeight: 28, height: 600, top: 0 };
      const { total } = visibleRows(list);
      expect(total).toBeLessThanOrEqual(15_000_000);
      const { first, count: drawn } = visibleRows({ ...list, top: Math.max(0, total - 600) });
      expect(first + drawn).toBe(count);
    }
  });

  test("include a row that was scrolled to", () => {
    const row = scrolled.chain((each) =>
      fc.tuple(fc.constant(each), fc.nat({ max: Math.max(0, each.count - 1) })),
    );
    fc.assert(
      fc.property(row, ([each, index]) => {
        fc.pre(each.count > 0);
        const { first, count } = visibleRows({ ...each, top: scrollTo(each, index) });
        expect(index).toBeGreaterThanOrEqual(first);
        expect(index).toBeLessThan(first + count);
      }),
    );
  });
});

describe("the completion of a filter", () => {
  const words = ["rtt", "rto", "minrtt", "retrans", "dport"].map((word) => ({ word }));
  const proposed = (text: string, cursor = text.length) =>
    complete(text, cursor, words).words.map(({ word }) => word);

  test("proposes words that begin so, then those that contain it", () => {
    expect(proposed("rt")).toEqual(["rtt", "rto", "minrtt", "dport"]);
    expect(proposed("(rt")).toEqual(["rtt", "rto", "minrtt", "dport"]);
    expect(proposed("rtt > 5ms an")).toEqual(["and", "retrans"]);
  });

  test("proposes nothing before a word begins, or when it is complete", () => {
    expect(proposed("")).toEqual([]);
    expect(proposed("rtt ")).toEqual([]);
    expect(proposed("dport")).toEqual([]);
  });

  test("replaces the whole word at the cursor", () => {
    const text = "not rxt > 5ms";
    const completion = complete(text, 5, words);
    expect(insert(text, completion, "rtt")).toEqual({ text: "not rtt > 5ms", cursor: 8 });
  });
});

describe("numbers", () => {
  test("have at most five characters", () => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: 9e20, noNaN: true }), (value) => short(value).length <= 5),
    );
  });

  test("are written by their unit", () => {
    expect(cellText(1234.6, "bytes/s")).toBe("1.24K");
    expect(cellText(41, "us")).toBe("0.041");
    expect(cellText(null, "us")).toBe("–");
    expect(cellText(0, undefined)).toBe("0");
    expect(cellText(["a", "b"], undefined)).toBe("a, b");
    expect(cellText([], undefined)).toBe("–");
    expect(milliseconds(45_000)).toBe("45");
    expect([0.45, 12, 90, 7200, 400_000].map(duration)).toEqual([
      "450 ms",
      "12 s",
      "1.5 min",
      "2 h",
      "4.6 d",
    ]);
  });
});

describe("a plot", () => {
  test("has a gap where samples are missing, and no line across it", () => {
    const rows = [0, 1, 2, 9, 10].map((second) => [second * 1000, second] as const);
    const data = plotData(rows, 1, 1000);
    expect(data).toEqual([
      [0, 1, 2, 3, 9, 10],
      [0, 1, 2, null, 9, 10],
    ]);
    expect(shapeOf(data, 0, 10).line.match(/M/g)).toHaveLength(2);
  });

  test("draws unknown values as a gap, and a lone value as a dot", () => {
    const data = plotData(
      [
        [1000, null],
        [2000, 5],
        [3000, null],
      ],
      1,
      1000,
    );
    expect(shapeOf(data, 0, 10).line).toMatch(/^M[\d.]+ 50\.0h0$/);
    expect(shapeOf(plotData([], 1, 1000), 0, 1)).toEqual({ line: "", area: "" });
  });

  test("ends its scale at a round number that is not smaller than any value", () => {
    expect([0.3, 1, 1.2, 2.1, 3, 700, 999_999].map(scaleEnd)).toEqual([0.5, 1, 2, 2.5, 5, 1000, 1_000_000]);
    fc.assert(
      fc.property(fc.double({ min: 1e-6, max: 1e15, noNaN: true }), (most) => scaleEnd(most) >= most * 0.999),
    );
  });

  test("finds the sample below the pointer", () => {
    const data = plotData(
      [0, 30, 60].map((second) => [second * 1000, 1] as const),
      1,
      30_000,
    );
    expect([0, 0.4, 0.9].map((place) => nearest(data, place))).toEqual([0, 1, 2]);
  });
});

describe("the map", () => {
  const edge = (from: string, to: string, rx: number): MapEdge => ({
    from,
    to,
    sockets: 1,
    rx,
    tx: 0,
    rttUs: null,
    retransRate: 0,
    filter: null,
  });
  function answer(edges: readonly MapEdge[]): MapAnswer {
    const node = (id: string, side: "own" | "peer") => ({ id, side, label: id, sockets: 1, rx: 0, tx: 0 });
    const ids = (key: "from" | "to") => [...new Set(edges.map((each) => each[key]))];
    return {
      time: "",
      nodes: [...ids("from").map((id) => node(id, "own")), ...ids("to").map((id) => node(id, "peer"))],
      edges,
    };
  }
  const places = (picture: ReturnType<typeof layOut>) =>
    new Map(picture.graph.nodes.map(({ id, y0 = 0, y1 = 0 }) => [id, Math.round(y0 + y1)]));

  test("keeps every node in its place while rates tremble", () => {
    const memory = newMemory();
    let before: Map<string, number> | undefined;
    for (let round = 0; round < 20; round++) {
      const edges = Array.from({ length: 30 }, (_, index) =>
        edge(
          `process ${index % 5}`,
          `peer ${index % 11}`,
          10_000 * (1 + index) * (0.7 + ((round * 7 + index) % 6) / 10),
        ),
      );
      const unique = [...new Map(edges.map((each) => [`${each.from} ${each.to}`, each])).values()];
      // The server sorts by rate, so that the order differs each time.
      const next = answer(unique.sort((a, b) => (b.rx ?? 0) - (a.rx ?? 0)));
      remember(memory, next);
      const now = places(layOut(next, memory, 1200, 200));
      if (before !== undefined) expect(now).toEqual(before);
      before = now;
    }
  });

  test("puts new nodes below the old ones, and the folded rest last", () => {
    const memory = newMemory();
    const first = answer([edge("p", "a", 5), edge("p", "b", 5)]);
    remember(memory, first);
    const later = answer([
      edge("p", "new", 900),
      edge("p", "rest", 1e9),
      edge("p", "b", 5),
      edge("p", "a", 5),
    ]);
    const folded = {
      ...later,
      nodes: later.nodes.map((node) => (node.id === "rest" ? { ...node, folded: 990 } : node)),
    };
    remember(memory, folded);
    const at = places(layOut(folded, memory, 1200, 200));
    expect([at.get("a")!, at.get("b")!].sort((x, y) => x - y)[1]).toBeLessThan(at.get("new")!);
    expect(at.get("new")!).toBeLessThan(at.get("rest")!);
  });

  test("forgets nodes that stay away", () => {
    const memory = newMemory();
    remember(memory, answer([edge("p", "gone", 5)]));
    for (let round = 0; round < 40; round++) remember(memory, answer([edge("p", `peer ${round}`, 5)]));
    expect(memory.ranks.has("gone")).toBe(false);
    expect(memory.ranks.size).toBeLessThan(40);
    expect(memory.widths.size).toBe(1);
  });
});

describe("the stream", () => {
  test("gives its messages, however they are cut", async () => {
    const text = ': hello\n\nid: 7-1\nevent: sample\ndata: {"a":\ndata: 1}\n\nevent: bye\ndata: é\n\n';
    const bytes = new TextEncoder().encode(text);
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: bytes.length }), async (size) => {
        const body = new ReadableStream<Uint8Array<ArrayBuffer>>({
          start(controller) {
            for (let at = 0; at < bytes.length; at += size) controller.enqueue(bytes.slice(at, at + size));
            controller.close();
          },
        });
        let heard = 0;
        const found = await Array.fromAsync(readMessages(body, () => heard++));
        expect(found).toEqual([
          { event: "sample", data: '{"a":\n1}', id: "7-1" },
          { event: "bye", data: "é", id: undefined },
        ]);
        expect(heard).toBeGreaterThan(0);
      }),
    );
  });
});

describe("a loader", () => {
  test("has one request under way, and one more for all refreshes meanwhile", async () => {
    const waiting: (() => void)[] = [];
    const rows = loader(() => new Promise<void>((done) => waiting.push(done)));
    for (let count = 0; count < 5; count++) rows.refresh();
    expect(waiting).toHaveLength(1);
    waiting[0]!();
    await Bun.sleep(0);
    expect(waiting).toHaveLength(2);
    waiting[1]!();
    await Bun.sleep(0);
    expect(waiting).toHaveLength(2);
  });

  test("drops the request under way when another is wanted", async () => {
    const signals: AbortSignal[] = [];
    const rows = loader((signal) => {
      signals.push(signal);
      return new Promise<void>((_, fail) => signal.addEventListener("abort", () => fail(signal.reason)));
    });
    rows.refresh();
    rows.restart();
    expect(signals.map(({ aborted }) => aborted)).toEqual([true, false]);
  });
});
