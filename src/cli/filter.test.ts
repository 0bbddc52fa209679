/** Filters as they are typed: those of the documentation, on a terminal, and what they cost. */
import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { FilterError } from "../filter/errors.ts";
import { type FactRow, factPredicates } from "../filter/facts.ts";
import { formatFilter } from "../filter/format.ts";
import { parseFilter } from "../filter/parser.ts";
import { isKeyword } from "../filter/predicates.ts";
import type { FilterContext } from "../filter/reading.ts";
import { relationWords } from "../filter/relations.ts";
import { liveFiles } from "../host/live.ts";
import { stateGroups, states } from "../model/state.ts";
import { replayHost } from "../replay/host.ts";
import { filterUsage } from "./filter-help.ts";
import { filterReport } from "./filter-report.ts";
import { HELP_COLUMNS, help } from "./help.ts";
import { run } from "./run.ts";

const fixtures = join(import.meta.dirname, "../../test/fixtures");
const document = readFileSync(join(import.meta.dirname, "../../docs/filter.md"), "utf8");
const FIXTURE = "real-linux-6.18";

/** Files that say the same on every machine. */
const etc: Readonly<Record<string, string>> = {
  "/etc/services": "ssh 22/tcp\nhttps 443/tcp\n",
  "/etc/passwd": "root:x:0:0::/:\nwww-data:x:33:33::/:\n",
};

interface Outcome {
  readonly stdout: string;
  readonly stderr: string;
  readonly exit: number;
  /** Paths below /proc that were listed. */
  readonly listed: readonly string[];
  /** What the kernel was requested. */
  readonly requests: readonly Uint8Array[];
}

interface Setting {
  readonly fixture?: string;
  readonly stdin?: string;
  /** Columns of the terminal that standard error is. */
  readonly columns?: number;
}

async function sockscope(
  args: readonly string[],
  { fixture = FIXTURE, stdin = "", columns }: Setting = {},
): Promise<Outcome> {
  const output = { stdout: "", stderr: "" };
  const listed: string[] = [];
  const requests: Uint8Array[] = [];
  const host = replayHost(join(fixtures, fixture), {
    ...liveFiles,
    read: (path) => (etc[path] === undefined ? liveFiles.read(path) : new TextEncoder().encode(etc[path])),
  });
  const to = (name: keyof typeof output, terminalColumns?: number) => ({
    write: (bytes: Uint8Array) => {
      output[name] += new TextDecoder().decode(bytes);
    },
    terminalColumns,
  });
  const exit = await run({
    program: "sockscope",
    args,
    env: {},
    stdout: to("stdout"),
    stderr: to("stderr", columns),
    readStdin: () => new TextEncoder().encode(stdin),
    terminal: () => undefined,
    interrupted: () => new AbortController().signal,
    host: {
      ...host,
      cgroups: () => [
        [1n, "/"],
        [7n, "/user.slice"],
      ],
      files: {
        ...host.files,
        list: (path) => {
          listed.push(path);
          return host.files.list(path);
        },
      },
      transport: {
        ...host.transport,
        open: (...given) => {
          const socket = host.transport.open(...given);
          return {
            portId: socket.portId,
            send: (datagram) => {
              requests.push(datagram.slice());
              socket.send(datagram);
            },
            receive: (allocate) => socket.receive(allocate),
            close: () => socket.close(),
          };
        },
      },
    },
  });
  return { ...output, exit, listed, requests };
}

/** Rows without the blanks that depend on other rows. */
function rows({ stdout }: Outcome): string[] {
  return stdout.split("\n").flatMap((line) => line.trim().replace(/ +/g, " ") || []);
}

async function ports(...args: readonly string[]): Promise<string> {
  const { stdout, stderr, exit } = await sockscope(["--ndjson", ...args]);
  expect([exit, stderr]).toEqual([0, ""]);
  const sockets = stdout.split("\n").flatMap((line) => (line === "" ? [] : [JSON.parse(line)]));
  return sockets.map(({ local, peer }) => `${local.port}-${peer.port}`).join(" ");
}

const context: FilterContext = {
  tables: new Set(["tcp"]),
  preferred: undefined,
  lookups: {
    port: () => undefined,
    interfaceIndex: () => undefined,
    netlinkProtocol: () => undefined,
    cgroupId: () => 1n,
    knowsCgroups: () => true,
  },
};

/** The words of a shell's command line: quotes, and no other of its tricks. */
function shellWords(line: string): string[] {
  return Array.from(line.matchAll(/(?:'[^']*'|[^ '])+/g), ([word]) => word.replaceAll("'", ""));
}

/** The rows of the documentation's table whose head begins so, in cells. */
function table(head: string): string[][] {
  const from = document.indexOf(`| ${head}`);
  expect(from).toBeGreaterThan(0);
  const lines = document.slice(from).split("\n\n")[0]!.trim().split("\n");
  return lines.slice(2).map((line) =>
    line
      .slice(2, -1)
      .trim()
      .split(" | ")
      .map((cell) => cell.trim()),
  );
}

const unquoted = (cell: string) => cell.replace(/^`(.*)`$/, "$1");

/** What documentation and help say of facts. */
const facts: readonly (readonly [
  string,
  Pick<FactRow<never>, "doc" | "operandName"> & { operand?: { relations: readonly string[] } },
])[] = Object.entries(factPredicates);

describe("docs/filter.md", () => {
  const examples = Array.from(document.matchAll(/```sh\n([^`]*)```/g), ([, block]) =>
    block!.trim().split("\n"),
  );

  for (const line of examples.flat()) {
    test(line, async () => {
      const [program, ...args] = shellWords(line);
      expect(program).toBe("sockscope");
      const { stderr, exit } = await sockscope(args);
      expect([exit, stderr]).toEqual([0, ""]);
    });
  }

  test("has examples", () => expect(examples.flat().length).toBeGreaterThan(29));

  test.each(table("typed | read as"))("%s is read as %s", (typed, readAs) => {
    const read = (text: string) => formatFilter(parseFilter({ args: [unquoted(text)] }, context).filter!);
    expect(read(typed!)).toBe(read(readAs!));
  });

  test.each(table("typed | status"))("%s is refused with %s", (typed, status, reported) => {
    let error: unknown;
    try {
      parseFilter({ args: [unquoted(typed!)] }, context);
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toBeInstanceOf(FilterError);
    const report = filterReport(error as FilterError, "ss");
    expect(report.status).toBe(Number(status));
    expect(report.text).toContain(unquoted(reported!));
  });

  test("lists every fact", () => {
    const rowsOfFacts = facts.map(([word, { operandName, doc }]) => [`\`${word}\``, operandName, doc]);
    expect(table("fact | operand")).toEqual(rowsOfFacts);
    const operands = table("operand | is");
    expect(new Set(operands.map(([operand]) => operand))).toEqual(
      new Set(rowsOfFacts.map(([, operand]) => operand)),
    );
    for (const [, { operandName, operand }] of facts)
      expect(operands.find(([name]) => name === operandName)![2]).toBe(
        operand?.relations.length === 2 ? "`=` `!=`" : "all",
      );
  });

  test("lists every relation, keyword and state", () => {
    const grammar = /```ebnf\n([^`]*)```/.exec(document)![1]!;
    for (const word of Object.keys(relationWords)) expect(grammar).toContain(`"${word}"`);
    for (const [word] of grammar.matchAll(/(?<=")(src|dst|sport|dport|dev|fwmark|cgroup|autobound)(?=")/g))
      expect(isKeyword(word)).toBe(true);
    const documented = table("word | shown as").flatMap(([words]) => words!.split(", ").map(unquoted));
    const known = [...states.flatMap(({ words }) => words), ...Object.keys(stateGroups)];
    expect(documented.sort()).toEqual(known.sort());
  });
});

describe("--help filter", () => {
  const text = filterUsage({ program: "sockscope" });

  test("is one screen, and has every fact", async () => {
    const lines = text.split("\n");
    expect(lines.length).toBeLessThanOrEqual(60);
    for (const line of lines) expect(line.length).toBeLessThanOrEqual(HELP_COLUMNS);
    const words = new Set(text.split(/\s+/));
    for (const fact of Object.keys(factPredicates)) expect(words).toContain(fact);
    expect(await sockscope(["--help", "filter"])).toMatchObject({ stdout: text, stderr: "", exit: 0 });
    expect(await sockscope(["filter", "-h"])).toMatchObject({ stdout: text });
  });

  test("does not change --help", async () => {
    const whole = help({ program: "sockscope" });
    for (const args of [["--help"], ["--help", "filters"], ["--help", "filter", "x"]])
      expect(await sockscope(args)).toMatchObject({ stdout: whole, exit: 0 });
  });

  test("has examples that work", async () => {
    const examples = text.slice(text.indexOf("Examples:")).trim().split("\n").slice(1);
    expect(examples.length).toBeGreaterThan(4);
    for (const line of examples) {
      const { stderr, exit } = await sockscope(shellWords(line.trim()).slice(1));
      expect([line, exit, stderr]).toEqual([line, 0, ""]);
    }
  });
});

describe("facts", () => {
  test.each([
    ["cong reno and sendq > 2m", "40148-8080"],
    ["retrans_total > 0", "40148-8080"],
    ["rtt > 1ms", "40148-8080"],
    ["recvq > 64k", "8080-40148"],
    ["bytes_received = 600", "40144-8080"],
    ["comm web\\ worker", "8080-0 8443-0"],
    ["comm web* and not sport 8443", "8080-0"],
    ["pid 23950 or cong reno", "8080-0 40148-8080 8443-0"],
    ["pid = 23950 and pid != 23950", ""],
  ])("%s: %s", async (filter, expected) => expect(await ports("-tan", filter)).toBe(expected));

  test("attributes that only the filter requested are not shown", async () => {
    for (const options of ["-tanOH", "-tanmOH", "-tanmeoOH", "-tanpOH"]) {
      const plain = rows(await sockscope([options]));
      const filtered = rows(await sockscope([options, "rtt > 0us and tos ge 0 or pid 23950"]));
      expect(filtered.length).toBeGreaterThan(5);
      for (const row of filtered) expect(plain).toContain(row);
    }
    const { stdout } = await sockscope(["-tan", "--ndjson", "rtt > 0us"]);
    expect(stdout).not.toContain("tcpInfo");
    expect((await sockscope(["-tani", "--ndjson", "rtt > 0us"])).stdout).toContain('"rttUs"');
  });

  test("requests only the attributes that are read", async () => {
    const bits = async (...args: readonly string[]) => {
      const { requests } = await sockscope(args);
      return new Set(requests.filter((bytes) => bytes.length >= 72).map((bytes) => bytes[18]));
    };
    expect(await bits("-tan", "recvq > 5")).toEqual(new Set([0]));
    expect(await bits("-tan", "rtt > 5ms")).toEqual(new Set([0b1110]));
    expect(await bits("-tanm", "tos 5")).toEqual(new Set([0b1110001]));
  });

  test("the kernel evaluates what it can", async () => {
    const alone = (await sockscope(["-tan", "sport", "8080"])).requests;
    const mixed = (await sockscope(["-tan", "sport", "8080", "and", "recvq", "ge", "0"])).requests;
    expect(mixed).toEqual(alone);
    expect(mixed[0]!.length).toBeGreaterThan((await sockscope(["-tan"])).requests[0]!.length);
  });

  test("/proc is scanned once, and only for owners", async () => {
    const scans = async (...args: readonly string[]) =>
      (await sockscope(args)).listed.filter((path) => path === "/proc").length;
    expect(await scans("-tan", "rtt > 5ms and inode > 5")).toBe(0);
    expect(await scans("-tan", "pid 5")).toBe(1);
    expect(await scans("-tanp", "pid 5 or comm x")).toBe(1);
    expect(await scans("-tanp", "rtt > 0us")).toBe(1);
  });

  test("finds the owners of the sockets that -p shows", async () => {
    const [row, ...others] = rows(await sockscope(["-tanHp", "pid 23950 and sport 8443"]));
    expect(others).toEqual([]);
    expect(row).toContain('("web worker",pid=23950,fd=4),("python3",pid=23905,fd=4)');
  });

  test("events have no owners", async () => {
    expect(await sockscope(["-E", "pid 5"])).toMatchObject({
      stdout: "",
      stderr: "sockscope: --events cannot be filtered by process: a destroyed socket has none\n",
      exit: 255,
    });
  });
});

describe("a mistake", () => {
  test("on a pipe is reported in ss's words", async () => {
    const { stderr, exit } = await sockscope(["-t", "sport = nosuch"]);
    expect(stderr).toBe('Error: "nosuch" does not look like a port.\nCannot parse dst/src address.\n');
    expect(exit).toBe(1);
  });

  test("on a terminal is pointed out", async () => {
    const { stderr } = await sockscope(["-t", "sport", "=", "nosuch or dev lo"], { columns: 80 });
    expect(stderr).toEndWith("\nsport = nosuch or dev lo\n        ^^^^^^ expected a port or a service\n");
    const { stderr: usageToo } = await sockscope(["-t", "sport 1", "or"], { columns: 0 });
    expect(usageToo).toContain(
      "\nsport 1 or\n          ^ expected a predicate\nUsage: sockscope [OPTIONS] [FILTER]\n",
    );
  });

  test("in a file is pointed out in its line", async () => {
    const { stderr } = await sockscope(["-t", "-F", "-", "sport 1 or"], {
      stdin: "# ports\nsport 2 or\n\tdport 東京 or\nsport 3\n",
      columns: 80,
    });
    expect(stderr).toEndWith("\n dport 東京 or\n       ^^^^ expected a port or a service\n");
  });

  test("is followed by the usage, and not by the whole help", async () => {
    const hint = "Try 'sockscope --help' or 'sockscope --help filter'.\n";
    const piped = await sockscope(["-t", "sport = 22 and"]);
    expect(piped.stderr).toStartWith(
      'sockscope: bison bellows (while parsing filter): "syntax error!" Sorry.\n',
    );
    expect(piped.stderr).toEndWith(`\n${hint}`);
    expect(piped.stderr.split("\n")).toHaveLength(5);
  });

  test("in a first argument may be a mistyped command", async () => {
    const { stderr, exit } = await sockscope(["to.p"]);
    expect(exit).toBe(1);
    expect(stderr).toEndWith(
      "\nsockscope: \"to.p\" is neither a command nor a host: 'sockscope --help' lists the commands\n",
    );
    expect((await sockscope(["-t", "to.p"])).stderr).not.toContain("command");
  });

  test("sends no control character to the terminal", async () => {
    const { stderr } = await sockscope(["-t", "sport = \x1b[31m"], { columns: 80 });
    expect(stderr).toBe(
      'Error: "\\x1b[31m" does not look like a port.\nCannot parse dst/src address.\n' +
        "sport = \\x1b[31m\n        ^^^^^^^^ expected a port or a service\n",
    );
  });
});
