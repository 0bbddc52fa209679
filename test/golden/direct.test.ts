/** Rows written straight from messages are the rows that are written from views, over the whole corpus. */
import { expect, test } from "bun:test";
import type { RowSink } from "../../src/query/query.ts";
import { fixtureNames, type GoldenCase, readCases, readList } from "./cases.ts";
import { replay } from "./replay.ts";

const pending = readList("pending.txt");

/** Counts the rows that a sink writes straight from messages, and those that it leaves to the other writer. */
function counting(counts: { direct: number; left: number }): (rows: RowSink) => RowSink {
  return (rows) => ({
    ...rows,
    begin(table, netns) {
      const writer = rows.begin(table, netns);
      if (writer === undefined) return undefined;
      return {
        put(offset, length) {
          const written = writer.put(offset, length);
          if (written) counts.direct++;
          return written;
        },
        write(socket) {
          counts.left++;
          writer.write(socket);
        },
      };
    },
  });
}

const totals = { direct: 0, left: 0, listings: 0 };

for (const fixture of fixtureNames())
  test(`${fixture}: a listing is the same from views`, async () => {
    for (const golden of readCases(fixture)) {
      if (pending.has(golden.id)) continue;
      let offered = false;
      const fromViews = await replay(fixture, golden, () => {
        offered = true;
        return undefined;
      });
      if (!offered) continue;
      const counts = { direct: 0, left: 0 };
      expect({ id: golden.id, ...(await replay(fixture, golden, counting(counts))) }).toEqual({
        id: golden.id,
        ...fromViews,
      });
      totals.direct += counts.direct;
      totals.left += counts.left;
      totals.listings++;
    }
  });

/** Every option that adds something to an object and does not keep it from being written straight. */
const jsonArguments: readonly (readonly string[])[] = [
  ["--json", "-an"],
  ["--ndjson", "-aemi", "-t", "-u", "-w", "--cgroup"],
  ["--json", "-aen", "--sort", "-local.port"],
];
const objects = { direct: 0, left: 0 };

test.each(fixtureNames().map((name) => [name]))("%s: JSON is the same from views", async (fixture) => {
  const [first] = readCases(fixture);
  if (first === undefined) return;
  for (const args of jsonArguments) {
    const golden = { ...first, args, writes: {} };
    const fromViews = await replay(fixture, golden, () => undefined);
    expect({ args, ...(await replay(fixture, golden, counting(objects))) }).toEqual({ args, ...fromViews });
  }
});

test("most objects of inet sockets in the corpus are written straight from messages", () => {
  expect(objects.direct).toBeGreaterThan(2000);
  expect(objects.direct).toBeGreaterThan(20 * objects.left);
});

test("most rows of the corpus are written straight from messages", () => {
  expect(totals.direct).toBeGreaterThan(20 * totals.left);
});

/** Listings that are sorted: of the messages that were kept, their rows are written straight, too. */
const sortedListings: readonly (readonly [fixture: string, args: readonly string[], direct: number])[] = [
  ["tcp-info-values", ["-tan", "--sort", "recvq,peer"], 39],
  ["tcp-info-values", ["-tanm", "--sort", "peer", "--top", "5"], 5],
  ["owners", ["-tanp", "--sort", "local"], 21],
  ["mixed-500", ["-an", "--sort", "sendq,local"], 435],
  // The filter needs attributes that the output must not show, which only views hide.
  ["tcp-info-values", ["-tanm", "--sort", "recvq", "cwnd", ">", "1"], 0],
];

test.each(sortedListings)("%s %j is the same from views", async (fixture, args, direct) => {
  const golden: GoldenCase = { ...readCases(fixture)[0]!, args: [...args], env: {} };
  const counts = { direct: 0, left: 0 };
  const outcome = await replay(fixture, golden, counting(counts));
  expect(outcome).toEqual(await replay(fixture, golden, () => undefined));
  expect(outcome.stdout.split("\n").length).toBeGreaterThan(5);
  expect(counts.direct).toBe(direct);
});

/** Cases by name, with how many rows are written straight from messages, and how many are left to the other writer. */
const expectedCounts: Readonly<Record<string, readonly [direct: number, left: number]>> = {
  "owners/000": [21, 0],
  "owners/007": [5, 0],
  // With owners, and more of them than a direct row has.
  "buffer-5mb/000": [1400, 0],
  "buffer-5mb/001": [1400, 0],
  "mixed-500/000": [435, 0],
  "real-linux-6.18/000": [29, 0],
  "real-linux-6.18/001": [29, 0],
  "tcp-info-values/001": [37, 0],
  "tcp-info-values/005": [39, 0],
  "udp/002": [12, 0],
  // Filters that the kernel evaluates, and one that is evaluated again.
  "real-linux-6.18/026": [14, 0],
  "filters/041": [8, 0],
  "filters/003": [6, 0],
  "udp/006": [12, 0],
  "unix/000": [7, 0],
  "unix/001": [24, 0],
  // A protocol that needs an attribute of its own.
  "raw/002": [12, 1],
  // Keys of signatures, and protocols on top of TCP.
  "tcp-md5-ulp/000": [0, 21],
  "tcp-md5-ulp/002": [24, 0],
  // Without a cgroup2 mount ss complains of every socket that has a cgroup.
  "no-cgroup2/000": [1, 3],
};

test.each(Object.entries(expectedCounts))(
  "%s writes as many rows straight from messages",
  async (id, rows) => {
    const [fixture = ""] = id.split("/");
    const golden = readCases(fixture).find((each) => each.id === id)!;
    const counts = { direct: 0, left: 0 };
    await replay(fixture, golden, counting(counts));
    expect([counts.direct, counts.left]).toEqual([...rows]);
  },
);
