import { describe, expect, test } from "bun:test";
import { batch, inetSocket, type SocketLike } from "../../test/live/sockets.ts";
import { SS_LISTEN } from "../model/state.ts";
import { groupWords } from "./groups.ts";
import type { Holders } from "./owners.ts";
import { type PageRequest, pageOf } from "./page.ts";
import { SocketTable } from "./table.ts";

const holders: Holders = {
  name: (pid) => (pid === 0 ? undefined : `p${pid}`),
  label: (pid) => (pid === 0 ? undefined : `p${pid} ${pid}`),
  container: (pid) => (pid === 7 ? "docker:web" : undefined),
  unit: (pid) => (pid === 7 ? "web.service" : undefined),
  user: (uid) => (uid === 0 ? "root" : `${uid}`),
};

function tableOf(now: readonly SocketLike[], later: readonly SocketLike[] = now): SocketTable {
  const table = new SocketTable();
  [now, later].forEach((likes, index) => {
    table.begin(index * 1000);
    for (const like of likes) table.add(batch(like), index * 1000);
    table.finish();
  });
  return table;
}

const byRate: PageRequest = { sort: { column: "rate", descending: true }, first: 0, count: 3 };

/** Sockets 1 to 9, each of which receives a hundred times its cookie in a second; 5 is a listener. */
const likes = (factor: number) =>
  Array.from({ length: 9 }, (_, index): SocketLike => {
    const cookie = index + 1;
    return {
      cookie,
      localPort: cookie % 2 === 0 ? 80 : 443,
      peer: cookie < 4 ? [10, 0, 0, 1] : [10, 0, 0, 9],
      inode: cookie,
      info: { bytesReceived: cookie * factor, bytesAcked: 0 },
      ...(cookie === 5 ? { state: SS_LISTEN, receiveQueue: 3 } : {}),
    };
  });
const table = tableOf(likes(0), likes(100));
for (const cookie of [1, 2]) table.process[table.slotOf(`/${cookie}`)!] = 7;
table.process[table.slotOf("/3")!] = 8;

const keys = (request: Partial<PageRequest>) => pageOf(table, holders, { ...byRate, ...request });

describe("rows of sockets", () => {
  test("the largest rates come first", () => {
    const page = keys({});
    expect(page.rows.map(({ key }) => key)).toEqual(["/9", "/8", "/7"]);
    expect(page).toMatchObject({ total: 9, first: 0, chosen: undefined });
    expect(page.rows[0]!.values).toMatchObject({
      rx: 900,
      tx: 0,
      rate: 900,
      peer: "10.0.0.9:2",
      drops: undefined,
    });
  });

  test("what is not known comes last, whichever way", () => {
    const order = (descending: boolean) =>
      keys({ sort: { column: "rate", descending }, count: 9 }).rows.map(({ key }) => key);
    expect(order(true).at(-1)).toBe("/5");
    expect(order(false)[0]).toBe("/1");
    expect(order(false).at(-1)).toBe("/5");
  });

  test("every column can be sorted by, both ways", () => {
    for (const column of Object.keys(keys({}).rows[0]!.values)) {
      const order = (descending: boolean) =>
        keys({ sort: { column, descending }, count: 9 }).rows.map(({ values }) => values[column]);
      const known = order(false).filter((value) => value !== undefined);
      const sorted = order(true)
        .filter((value) => value !== undefined)
        .reverse();
      if (typeof known[0] === "number")
        expect(known).toEqual([...known].sort((a, b) => Number(a) - Number(b)));
      expect(sorted).toEqual(known);
    }
  });

  test("addresses are sorted as numbers", () => {
    const page = keys({ sort: { column: "peer", descending: false }, count: 4 });
    expect(page.rows.map(({ key }) => key)).toEqual(["/1", "/2", "/3", "/4"]);
  });

  test("the window moves to the chosen row, wherever it has come to", () => {
    expect(keys({ chosen: "/2" })).toMatchObject({ first: 4, chosen: 2 });
    expect(keys({ chosen: "/2", first: 6 })).toMatchObject({ first: 6, chosen: 0 });
    expect(keys({ chosen: "/99" })).toMatchObject({ first: 0, chosen: undefined });
  });

  test("a step goes to a row nearby, and no further than the ends", () => {
    expect(keys({ step: 1 })).toMatchObject({ first: 0, chosen: 0 });
    expect(keys({ step: -1 })).toMatchObject({ first: 0, chosen: 2 });
    expect(keys({ chosen: "/7", step: 1 })).toMatchObject({ first: 1, chosen: 2 });
    expect(keys({ chosen: "/7", step: 100 })).toMatchObject({ first: 6, chosen: 2 });
    expect(keys({ chosen: "/7", step: -100, first: 2 })).toMatchObject({ first: 0, chosen: 0 });
  });

  test("a window beyond the end shows the last rows", () => {
    expect(keys({ first: 100 }).rows.map(({ key }) => key)).toEqual(["/2", "/1", "/5"]);
  });

  test("the chosen row keeps its place on the page while others move around it", () => {
    expect(keys({ chosen: "/5", first: 0, at: 1 })).toMatchObject({ first: 6, chosen: 2 });
    expect(keys({ chosen: "/4", first: 0, at: 1 })).toMatchObject({ first: 3, chosen: 1 });
    expect(keys({ chosen: "/9", first: 4, at: 2 })).toMatchObject({ first: 0, chosen: 0 });
  });

  test("a text chooses by process, container, address and port", () => {
    const found = (text: string) => keys({ text, count: 9 }).rows.map(({ key }) => key);
    expect(found("P7")).toEqual(["/2", "/1"]);
    expect(found("docker")).toEqual(["/2", "/1"]);
    expect(found("10.0.0.1:")).toEqual(["/3", "/2", "/1"]);
    expect(found(":80")).toEqual(["/8", "/6", "/4", "/2"]);
    expect(keys({ text: "nothing" })).toMatchObject({ total: 0, rows: [] });
    expect(keys({ text: "", count: 9 }).total).toBe(9);
  });

  test("nothing is nothing", () => {
    const empty = pageOf(new SocketTable(), holders, { ...byRate, step: 1 });
    expect(empty).toEqual({ rows: [], total: 0, first: 0, chosen: undefined });
  });
});

describe("groups", () => {
  const groups = (by: (typeof groupWords)[number]) =>
    pageOf(table, holders, { ...byRate, by, count: 20 }).rows.map(({ key, values }) => [
      key,
      values["group"],
      values["sockets"],
      values["rx"],
    ]);

  test("by process", () => {
    expect(groups("process")).toEqual([
      ["0", "-", 6, 3400],
      ["7", "p7 7", 2, 300],
      ["8", "p8 8", 1, 300],
    ]);
  });

  test("by peer, ports, state, program, unit, user and container", () => {
    expect(groups("peer").map(([, ...rest]) => rest)).toEqual([
      ["10.0.0.9", 6, 3400],
      ["10.0.0.1", 3, 600],
    ]);
    expect(groups("port")).toEqual([
      ["443", ":443", 5, 2000],
      ["80", ":80", 4, 2000],
    ]);
    expect(groups("state").map(([, ...rest]) => rest)).toEqual([
      ["ESTAB", 8, 4000],
      ["LISTEN", 1, undefined],
    ]);
    expect(groups("program").map(([, ...rest]) => rest)).toEqual([
      ["-", 6, 3400],
      ["p7", 2, 300],
      ["p8", 1, 300],
    ]);
    expect(groups("unit").map(([, group, count]) => [group, count])).toEqual([
      ["-", 7],
      ["web.service", 2],
    ]);
    expect(groups("user")).toEqual([["0", "root", 9, 4000]]);
    expect(groups("dport")).toEqual([["2", ":2", 9, 4000]]);
    expect(groups("container")).toEqual([
      ["-", "-", 7, 3700],
      ["docker:web", "docker:web", 2, 300],
    ]);
  });

  test("have the rates of ended sockets, and do not count them", () => {
    const table = tableOf([{ cookie: 1, peer: [10, 0, 0, 1], info: { bytesReceived: 0, bytesAcked: 0 } }]);
    const ended = { cookie: 2, peer: [10, 0, 0, 1], info: { bytesReceived: 500, bytesAcked: 0 } };
    table.addEnded("tcp", inetSocket(ended), undefined, true);
    table.begin(2000);
    table.add(batch({ cookie: 1, peer: [10, 0, 0, 1], info: { bytesReceived: 30, bytesAcked: 0 } }), 2000);
    table.finish();
    expect(pageOf(table, holders, { ...byRate, by: "peer" }).rows).toMatchObject([
      { values: { group: "10.0.0.1", sockets: 1, rx: 530 } },
    ]);
  });

  test("a listener has no peer", () => {
    const listener = { cookie: 1, state: SS_LISTEN, peer: [0, 0, 0, 0], peerPort: 0 };
    expect(pageOf(tableOf([listener]), holders, { ...byRate, by: "peer" }).rows).toMatchObject([
      { values: { group: "-", sockets: 1 } },
    ]);
  });

  test("the queue of a listener does not count among bytes", () => {
    const { rows } = pageOf(table, holders, { ...byRate, by: "port", count: 20 });
    expect(rows.map(({ values }) => values["recvq"])).toEqual([0, 0]);
  });

  test("an IPv4 peer of an IPv6 socket is the same peer", () => {
    const mapped = [...new Array<number>(10).fill(0), 255, 255, 10, 0, 0, 1];
    const both = tableOf([
      { cookie: 1, peer: [10, 0, 0, 1] },
      { cookie: 2, local: mapped, peer: mapped },
    ]);
    expect(pageOf(both, holders, { ...byRate, by: "peer" }).rows).toMatchObject([
      { values: { group: "10.0.0.1", sockets: 2 } },
    ]);
  });

  test("each way to group gives the sockets of one group, too", () => {
    for (const by of groupWords)
      for (const group of pageOf(table, holders, { ...byRate, by, count: 20 }).rows) {
        const within = pageOf(table, holders, { ...byRate, within: { by, key: group.key }, count: 20 });
        expect(within.total).toBe(Number(group.values["sockets"]));
      }
  });
});
