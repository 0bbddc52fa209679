/** `--columns`, `--by`, `--sort` and `--top` end to end, in this process, over recordings. */
import { expect, test } from "bun:test";
import { fixtureNames, type GoldenCase, readCases } from "../golden/cases.ts";
import { replay } from "../golden/replay.ts";

const base: GoldenCase = {
  id: "",
  args: [],
  env: {},
  tty_columns: null,
  stdout: null,
  stderr: "",
  exit: 0,
  requests: [],
};

async function run(fixture: string, args: readonly string[], more: Partial<GoldenCase> = {}) {
  const outcome = await replay(fixture, { ...base, args, ...more });
  return { ...outcome, stdout: Buffer.from(outcome.stdout, "latin1").toString("utf8") };
}

async function textOf(fixture: string, ...args: readonly string[]): Promise<string> {
  const { stdout, stderr, exit } = await run(fixture, args);
  expect({ stderr, exit }).toEqual({ stderr: "", exit: 0 });
  return stdout;
}

const linesOf = (text: string) => text.split(/\r?\n/).slice(0, -1);
const objectsOf = <O extends object>(text: string): O[] => linesOf(text).map((line) => JSON.parse(line));

test("a table of columns accepts short names and keys, and requests what they need", async () => {
  const text = await textOf(
    "owners",
    "-tn",
    "--columns",
    "netid,state,local,peer,rtt,process",
    "dport = 50000",
  );
  expect(text).toBe(
    "netid state local       peer           rtt(us) process\n" +
      "tcp   ESTAB 10.9.0.1:22 10.9.0.2:50000       - sshd\n",
  );
  const info = await textOf("tcp-info-values", "-tn", "-H", "--columns", "rtt");
  expect(linesOf(info).some((line) => /^\s*\d+$/.test(line))).toBe(true);
});

test("the same columns in CSV and in JSON", async () => {
  const args = ["-tn", "--columns", "state,peer,process", "dport = 50000"];
  expect(await textOf("owners", "--csv", ...args)).toBe(
    "state,peer,process\r\nESTAB,10.9.0.2:50000,sshd\r\n",
  );
  expect(await textOf("owners", "--csv", "-H", ...args)).toBe("ESTAB,10.9.0.2:50000,sshd\r\n");
  const [object] = objectsOf(await textOf("owners", "--ndjson", ...args)) as object[];
  expect(object).toMatchObject({ state: "ESTAB", peer: { address: "10.9.0.2", port: 50000 } });
  expect(Object.keys(object!)).toEqual(["state", "peer", "processes"]);
});

test("CSV columns depend on tables and options, not on the sockets", async () => {
  const header = async (...args: string[]) =>
    linesOf(await textOf("mixed-500", "--csv", ...args))[0]!.split(",");
  const plain = await header("-t");
  expect(plain).toContain("peer.port");
  expect(plain).not.toContain("tcpInfo.rttUs");
  expect(plain).not.toContain("local.path");
  expect(await header("-ti")).toContain("tcpInfo.rttUs");
  expect(await header("-tx")).toContain("local.path");
});

test("every record of CSV has as many fields as the header", async () => {
  for (const fixture of fixtureNames()) {
    const golden = readCases(fixture)[0]!;
    const args = ["--csv", "-a", "-A", "all,tipc", "-iemp"];
    const { stdout } = await run(fixture, args, { env: golden.env });
    const fields = /(?:"(?:[^"]|"")*"|[^",\r\n]*)(,|\r\n)/g;
    let counts = [0];
    for (const [, end] of stdout.matchAll(fields)) {
      counts[counts.length - 1]!++;
      if (end !== ",") counts.push(0);
    }
    counts = counts.slice(0, -1);
    expect(new Set(counts).size).toBe(1);
  }
});

test("groups are counted, added up and sorted, in every format", async () => {
  const args = ["-ta", "--by", "state", "--top", "2"];
  const sockets = objectsOf(await textOf("mixed-500", "-ta", "--ndjson")) as {
    state: string;
    recvQueueBytes: number;
  }[];
  const groups = Object.entries(Object.groupBy(sockets, ({ state }) => state))
    .map(([state, own]) => ({
      state,
      count: own!.length,
      recvq: own!.reduce((sum, { recvQueueBytes = 0 }) => sum + recvQueueBytes, 0),
    }))
    .sort((a, b) => b.count - a.count);
  const found = objectsOf(await textOf("mixed-500", "--ndjson", ...args)) as {
    by: { state: string };
    count: number;
    sum: { recvQueueBytes?: number };
  }[];
  expect(found.map(({ count }) => count)).toEqual(groups.slice(0, 2).map(({ count }) => count));
  for (const { by, count, sum } of found)
    expect({ state: by.state, count, recvq: sum?.recvQueueBytes ?? 0 }).toEqual(
      groups.find(({ state }) => state === by.state)!,
    );
  const csv = linesOf(await textOf("mixed-500", "--csv", ...args));
  expect(csv[0]).toBe("by.state,count,sum.recvQueueBytes,sum.sendQueueBytes");
  expect(csv.length).toBe(3);
  const table = linesOf(await textOf("mixed-500", ...args));
  expect(table[0]).toMatch(/^state +count +recvq\(bytes\) +sendq\(bytes\)$/);
  expect(table.length).toBe(3);
});

test("groups by network, process or two keys, sorted by name, with chosen sums", async () => {
  const text = await textOf(
    "owners",
    "-tna",
    "--by",
    "peer.address/24,state",
    "--sort",
    "state,-count",
    "-H",
  );
  expect(linesOf(text).length).toBeGreaterThan(1);
  const byProcess = objectsOf(await textOf("owners", "-tna", "--by", "process", "--ndjson")) as {
    by?: { process: string };
  }[];
  expect(byProcess.map(({ by }) => by?.process)).toContain("sshd");
  const sums = objectsOf<{ sum: object }>(
    await textOf("tcp-info-values", "-ta", "--by", "netid", "--columns", "bytes_sent", "--ndjson"),
  );
  expect(Object.keys(sums[0]!.sum)).toEqual(["tcpInfo"]);
});

test("sorting only reorders the rows of ss's table", async () => {
  const plain = linesOf(await textOf("mixed-500", "-tan"));
  const sorted = linesOf(await textOf("mixed-500", "-tan", "--sort", "-dport"));
  expect(sorted[0]).toBe(plain[0]!);
  expect(sorted.toSorted()).toEqual(plain.toSorted());
  const ports = sorted.slice(1).map((line) => Number(/:(\S+) *$/.exec(line)![1]!.replace("*", "0")));
  expect(ports).toEqual(ports.toSorted((a, b) => b - a));
  const needing = linesOf(await textOf("mixed-500", "-tan", "--sort", "rtt"));
  expect(needing.toSorted()).toEqual(plain.toSorted());
});

test("--top shows the first rows, sorted or not", async () => {
  const plain = linesOf(await textOf("mixed-500", "-tan", "-H", "--ndjson"));
  expect(linesOf(await textOf("mixed-500", "-tan", "-H", "--ndjson", "--top", "7"))).toEqual(
    plain.slice(0, 7),
  );
  const sorted = linesOf(await textOf("mixed-500", "-tan", "--ndjson", "--sort", "-inode"));
  expect(linesOf(await textOf("mixed-500", "-tan", "--ndjson", "--sort", "-inode", "--top", "3"))).toEqual(
    sorted.slice(0, 3),
  );
});

test("a table of columns fits the terminal and has no control characters", async () => {
  const args = ["-x", "-a", "--columns", "netid,state,local,peer,inode"];
  const { stdout } = await run("unix", args, { tty_columns: 60 });
  for (const line of linesOf(stdout)) expect([...line].length).toBeLessThanOrEqual(60);
  for (const format of ["--csv", "--ndjson"]) {
    const text = (await run("unix", [...args, format], { tty_columns: 40 })).stdout;
    expect(text.replaceAll(/\r?\n/g, "")).not.toMatch(/[\u0000-\u001f\u007f-\u009f]/);
  }
});

test("--columns help lists every column with its meaning", async () => {
  const text = await textOf("owners", "--columns", "help");
  expect(text).toMatch(/^COLUMN +ALSO +UNIT +OPTION +MEANING\n/);
  expect(text).toMatch(/\ntcpInfo\.rttUs +.*\brtt\b.* us +-i +smoothed round trip time/);
  expect(text).toMatch(/\nprocess +comm +/);
});

test.each([80, 60, 0])("--columns help on a terminal of %d columns fits it", async (tty_columns) => {
  const { stdout } = await run("owners", ["--columns", "help"], { tty_columns });
  for (const line of linesOf(stdout)) expect(line.length).toBeLessThanOrEqual(tty_columns || 80);
  const text = stdout.replace(/\n +/g, " ");
  const keys = linesOf(text).map((line) => line.split(" ")[0]);
  const piped = linesOf(await textOf("owners", "--columns", "help")).slice(1);
  expect(keys).toEqual(piped.map((line) => line.split(" ")[0]!));
  expect(text).toMatch(/^tcpInfo\.rttUs +smoothed round trip time, RFC 6298 \[rtt, rttUs; us; -i\]$/m);
});

test("common names of the process columns", async () => {
  const [text] = linesOf(await textOf("owners", "-tn", "-H", "--columns", "comm,pid,fd", "dport = 50000"));
  expect(text).toBe("sshd 742 4");
  const args = ["-tn", "--columns", "comm", "--ndjson", "dport = 50000"];
  expect(objectsOf<object>(await textOf("owners", ...args))).toMatchObject([
    { processes: [{ comm: "sshd" }] },
  ]);
});

const wrong: [args: string[], message: string][] = [
  [["--columns", "nope"], 'unknown column "nope"'],
  [["--columns", ","], "an empty list"],
  [["--by", "memory"], '"memory" is several columns'],
  [["--by", "state", "--columns", "netid"], '"netid" is not a number'],
  [["--by", "state", "--sort", "rtt"], 'cannot sort groups by "rtt"'],
  [["--top", "0"], '"0" is not a number of rows'],
  [["-E", "--sort", "rtt"], "--events never ends"],
  [["-K", "-t", "--top", "3"], "not with --by or --top"],
  [["-s", "--csv"], "--summary cannot be written as CSV"],
];
test.each(wrong)("%j is rejected before any work is done", async (args, message) => {
  const { stdout, stderr, exit } = await run("owners", args);
  expect(stderr).toContain(message);
  expect({ stdout, exit }).toEqual({ stdout: "", exit: 255 });
});
