import { expect, test } from "bun:test";
import { noNames } from "../fields/names.ts";
import type { Kind } from "../model/selection.ts";
import { catalog } from "./catalog.ts";
import { kinds } from "./describe.ts";
import { groupSockets } from "./group.ts";

const spelling = ({ key }: { key: string }) => (key === "tcpInfo.lastDataSentMs" ? "lastsnd:" : undefined);
const { find, columns, derived } = catalog(noNames, kinds, spelling);
const keys = (name: string, whole = false) => find(name, whole)?.map(({ key }) => key);

const names: [name: string, keys: string[] | undefined][] = [
  ["netid", ["netid"]],
  ["tcpInfo.rttUs", ["tcpInfo.rttUs"]],
  ["rtt", ["tcpInfo.rttUs"]],
  ["RTT", ["tcpInfo.rttUs"]],
  ["retrans", ["tcpInfo.retrans"]],
  ["bytes_sent", ["tcpInfo.bytesSent"]],
  ["lastsnd", ["tcpInfo.lastDataSentMs"]],
  ["recvq", ["recvQueueBytes"]],
  ["recv-queue", ["recvQueueBytes"]],
  ["sport", ["local.port"]],
  ["cong", ["congestion"]],
  ["timer", ["timer.name", "timer.expiresMs", "timer.retransmits"]],
  ["local", ["local"]],
  ["process", ["process"]],
  ["peer.address/24", ["peer.network"]],
  ["dst/24/56", ["peer.network"]],
  ["peer.port/24", undefined],
  ["peer.address/200", undefined],
  ["memory/24", undefined],
  ["retransmits", ["tcpInfo.retransmits"]],
  ["expires", ["timer.expiresMs"]],
  ["port", undefined],
  ["address", undefined],
  ["constructor", undefined],
  ["", undefined],
];

test.each(names)("%s stands for %j", (name, expected) => {
  expect(keys(name)).toEqual(expected!);
});

test("in JSON what is made of others stands for those", () => {
  expect(keys("local", true)).toContain("local.address");
  expect(keys("local", true)).toContain("local.path");
  expect(keys("process", true)).toEqual(["processes"]);
  expect(keys("rtt", true)).toEqual(["tcpInfo.rttUs"]);
});

test("every key and every short name means its own column", () => {
  for (const { key, shorts } of [...columns, ...derived])
    for (const name of [key, ...shorts]) expect(keys(name)).toEqual([key]);
});

test("a column of several kinds is one", () => {
  expect(columns.filter(({ key }) => key === "inode").length).toBe(1);
  const own = catalog(noNames, ["unix", "inet"], spelling).columns;
  expect(own.find(({ key }) => key === "local.path")).toBeDefined();
  expect(own.find(({ key }) => key === "local.portId")).toBeUndefined();
});

/** A socket of the test, and what its columns are. */
interface Fake {
  readonly kind: Kind;
  readonly values: Readonly<Record<string, never>>;
}

const fake = (values: object) => ({ kind: "inet", values }) as unknown as Fake;
const column = (key: string) => ({
  key,
  type: "string" as const,
  doc: "",
  shorts: [],
  readerOf: () => ({ read: (socket: unknown) => (socket as Fake).values[key] }),
  read: (socket: { readonly kind: Kind }) => (socket as Fake).values[key],
});

test("groups count sockets and add numbers up; a socket of two processes counts for both", () => {
  const sockets = [
    fake({ state: "ESTAB", process: ["a", "b"], bytes: 5 }),
    fake({ state: "ESTAB", process: ["a"] }),
    fake({ state: "LISTEN", process: [], bytes: 7 }),
    fake({ process: ["a", "a"], bytes: 0 }),
  ];
  const groupsOf = (...columns: Parameters<typeof groupSockets>) => {
    const grouping = groupSockets(...columns);
    for (const socket of sockets) grouping.add(socket);
    return grouping.groups();
  };
  expect(groupsOf([column("process")], [column("bytes")])).toEqual([
    { values: ["a"], count: 3, sums: [5] },
    { values: ["b"], count: 1, sums: [5] },
    { values: [undefined], count: 1, sums: [7] },
  ]);
  expect(groupsOf([column("state"), column("process")], [])).toEqual([
    { values: ["ESTAB", "a"], count: 2, sums: [] },
    { values: ["ESTAB", "b"], count: 1, sums: [] },
    { values: ["LISTEN", undefined], count: 1, sums: [] },
    { values: [undefined, "a"], count: 1, sums: [] },
  ]);
});
