import { describe, expect, test } from "bun:test";
import { demandSet } from "../model/demand.ts";
import { plainStyle } from "../table/style.ts";
import type { Draft } from "./draft.ts";
import { categories } from "./option.ts";
import { options } from "./options.ts";
import { parse } from "./parse.ts";

const run = (...args: string[]) => parse({ program: "ss", args, env: {} });

/** The draft of a command line that must be in order. */
function draftOf(...args: string[]): Draft {
  const { draft, stop } = run(...args);
  expect(stop).toBeUndefined();
  return draft;
}

describe("the table", () => {
  test("has no duplicate names", () => {
    const names = options.flatMap(({ shorts, longs }) => [...(shorts ?? ""), ...longs]);
    expect(names).toEqual([...new Set(names)]);
  });

  test.each(options.map((option) => [option.longs[0], option] as const))(
    "--%s is well formed",
    (_, option) => {
      for (const long of option.longs) expect(long).toMatch(/^[a-z][a-z0-9-]+$/);
      expect(option.shorts ?? "a").toMatch(/^[A-Za-z0-9]+$/);
      expect(Object.keys(categories)).toContain(option.category);
      expect(option.brief).toMatch(/^[A-Za-z].*[^.]$/);
      expect(option.doc).toMatch(/^[A-Z].*\.$/);
      if (option.value) expect(option.value.name).toMatch(/^[A-Z]+$/);
      const needsChoices = option.value?.kind === "word" || option.value?.kind === "list";
      expect(option.value?.choices !== undefined).toBe(needsChoices);
    },
  );

  test("has an option in every category", () => {
    expect(new Set(options.map(({ category }) => category))).toEqual(
      new Set(Object.keys(categories) as (keyof typeof categories)[]),
    );
  });

  test("has every letter of ss", () => {
    const letters = options.flatMap(({ shorts }) => [...(shorts ?? "")]);
    for (const letter of "dhalBetuwxnro460spTbEfmMiADFvVzZNKHQSO") expect(letters).toContain(letter);
  });

  test("lists ambiguous options in ss's order", () => {
    const possibilities = (arg: string) => {
      const { stop } = run(arg);
      return stop?.kind === "error"
        ? stop.message.replace(/.*possibilities: /, "").replaceAll(/['-]{1,3}/g, "")
        : "";
    };
    expect(possibilities("--i")).toBe("info ipv4 ipv6 inetsockopt");
    expect(possibilities("--t")).toBe("threads tcp tipc tipcinfo tos");
    expect(possibilities("--c")).toBe("context contexts cgroup");
    expect(possibilities("--n")).toBe("numeric net noheader noqueues");
    expect(possibilities("--r")).toBe("resolve raw");
    expect(possibilities("--s")).toBe("sctp socket summary");
    expect(possibilities("--js")).toBe("ss: unrecognized option js");
  });
});

describe("a draft", () => {
  test("is unchanged without options", () => {
    const { draft, words } = run("sport", "=", "22");
    expect(draft.actions).toEqual([]);
    expect(draft.choice.made).toBe(false);
    expect(words).toEqual(["sport", "=", "22"]);
  });

  const fields: [args: string[], fields: Partial<Draft>][] = [
    [["-n"], { style: { ...plainStyle, numeric: true } }],
    [
      ["-e"],
      { style: { ...plainStyle, extended: true, timers: true }, demands: demandSet(["extended", "cgroup"]) },
    ],
    [["-b"], { style: { ...plainStyle, bpf: true, timers: true } }],
    [["-T"], { style: { ...plainStyle, threads: true }, demands: demandSet(["threads", "owners"]) }],
    [["-HQO"], { header: false, queues: false, style: { ...plainStyle, oneline: true } }],
    [["-j"], { format: "json" }],
    [["--json", "--ndjson"], { format: "ndjson" }],
    [["--record", "r", "--replay=p"], { record: "r", replay: "p" }],
    [["-D", "x", "-D-"], { diagFile: "-" }],
    [["--bpf-map-id=0x10", "--bpf-map-id", "2"], { style: { ...plainStyle, bpfMapIds: [16, 2] } }],
    [
      ["--inet", "--cg", "--tos", "--tipcinfo"],
      { style: { ...plainStyle, inetSockopt: true, cgroup: true, tos: true, tipcinfo: true } },
    ],
  ];
  test.each(fields)("of %j", (args, expected) => {
    expect(draftOf(...args)).toMatchObject(expected);
  });

  test("keeps actions in command-line order, including those before a stop", () => {
    expect(run("-F", "f", "-Nx", "-Z", "--bpf-map-id=7", "--nope", "-Ny").draft.actions).toEqual([
      { kind: "filterFile", path: "f" },
      { kind: "netns", name: "x" },
      { kind: "selinux" },
      { kind: "bpfMap", id: 7 },
    ]);
  });
});

describe("parsing stops", () => {
  test("at help and version, before later errors", () => {
    expect(run("-h", "--nope").stop).toEqual({ kind: "help" });
    expect(run("-f", "help", "-X").stop).toEqual({ kind: "help" });
    expect(run("-Vh").stop).toEqual({ kind: "version" });
    expect(run("-X", "-h").stop).toMatchObject({ kind: "error" });
  });

  const mistakes: [args: string[], message: string, usage: boolean, status: number][] = [
    [["-f", "INET"], 'ss: "INET" is invalid family', true, 255],
    [["-f", "toString"], 'ss: "toString" is invalid family', true, 255],
    [["-A", "!foo"], 'ss: "!foo" is illegal socket table id', true, 255],
    [["-A", "tcp,!"], 'ss: "!" is illegal socket table id', true, 255],
    [["-F", "a", "-F", "a"], "More than one filter file", false, 255],
    [["--bpf-map-id="], "ss: invalid BPF map ID ", false, 1],
    [["--bpf-map-id=4294967295"], "ss: invalid BPF map ID 4294967295", false, 1],
    [["--bpf-maps", "--bpf-map-id=1"], "ss: --bpf-maps and --bpf-map-id cannot be used together", false, 1],
    [["--bpf-map-id=1", "--bpf-maps"], "ss: --bpf-maps and --bpf-map-id cannot be used together", false, 255],
  ];
  test.each(mistakes)("at the mistake in %j", (args, message, usage, status) => {
    expect(run(...args).stop).toEqual({ kind: "error", message, usage, status });
  });

  test("at the first word, if POSIXLY_CORRECT is set, even to nothing", () => {
    expect(parse({ program: "ss", args: ["x", "-n"], env: { POSIXLY_CORRECT: "" } }).words).toEqual([
      "x",
      "-n",
    ]);
  });
});

test.each([
  ["010", 8],
  ["0x10", 16],
  ["+7", 7],
  [" 7", 7],
])("--bpf-map-id=%s is a number as strtoul(3) reads it", (text, id) => {
  expect(draftOf(`--bpf-map-id=${text}`).style.bpfMapIds).toEqual([id]);
});
