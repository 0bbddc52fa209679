import { expect, test } from "bun:test";
import { groupColumns, socketColumns } from "../../live/columns.ts";
import { groupWords } from "../../live/groups.ts";
import { options } from "../options.ts";
import { byWords, groupSortWords, sortWords, type TopSettings } from "./top/settings.ts";
import { top } from "./top.ts";

test("--sort and --by have the words of all columns and groupings", () => {
  const keys: readonly string[] = socketColumns.map(({ key }) => key);
  expect([...sortWords]).toEqual([...keys] as never);
  expect(groupColumns.map(({ key }) => key).filter((key) => !keys.includes(key))).toEqual([
    ...groupSortWords,
  ]);
  expect([...byWords]).toEqual([...groupWords]);
});

function apply(long: string, value: string, settings: TopSettings = top.settings) {
  return top.options.find(({ longs }) => longs.includes(long))!.apply(settings, value, "ss");
}

test("a delay is a number of seconds, down to 0.1", () => {
  for (const [value, delayMs] of Object.entries({ "0.1": 100, "2": 2000, ".5": 500, "10": 10_000 }))
    expect(apply("delay", value)).toMatchObject({ delayMs });
  for (const value of ["0", "0.09", "-1", "", "1s", "1e3", "Infinity", "NaN", "999999999"])
    expect(apply("delay", value)).toMatchObject({ kind: "error", status: 255 });
});

test("a count is at least 1", () => {
  expect(apply("count", "3")).toMatchObject({ count: 3 });
  for (const value of ["0", "-1", "x", ""]) expect(apply("count", value)).toMatchObject({ status: 255 });
});

test("--sort COLUMN is ascending, -COLUMN descending", () => {
  expect(apply("sort", "-rtt")).toMatchObject({ sort: { column: "rtt", descending: true } });
  expect(apply("sort", "peer")).toMatchObject({ sort: { column: "peer", descending: false } });
  expect(apply("sort", "speed")).toMatchObject({ kind: "error", status: 255 });
  expect(apply("by", "peer")).toMatchObject({ by: "peer" });
  expect(apply("by", "colour")).toMatchObject({ kind: "error" });
});

test("--json implies --batch, whichever comes first", () => {
  expect(apply("batch", "", apply("json", "") as TopSettings)).toMatchObject({ form: "json" });
  expect(apply("json", "", apply("batch", "") as TopSettings)).toMatchObject({ form: "json" });
});

test("accepts the options of ss that choose sockets, and no others", () => {
  const taken = options.filter(({ commands }) => commands?.includes("top")).map(({ longs }) => longs[0]);
  expect(taken).toContain("tcp");
  expect(taken).toContain("all-netns");
  for (const long of ["kill", "json", "record", "replay", "numeric", "processes", "events"])
    expect(taken).not.toContain(long);
});
