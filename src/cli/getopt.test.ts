import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { getopt, type OptionNames } from "./getopt.ts";

const rows: readonly OptionNames[] = [
  { shorts: "a", longs: ["all"] },
  { shorts: "f", longs: ["family"], value: {} },
  { shorts: "F", longs: ["filter"], value: {} },
  { shorts: "A", longs: ["socket", "sockets-too", "query"], value: {} },
  { longs: ["tipc"] },
  { longs: ["tipcinfo"] },
  { shorts: "Vv", longs: ["version"] },
  { shorts: "j", longs: ["json"], inFull: true },
  { longs: ["also"], inFull: true },
];

function run(args: readonly string[], firstWordEnds = false) {
  const { steps, words, error } = getopt(rows, args, { program: "ss", firstWordEnds });
  const given = steps.map(({ row, value }) => `${row.longs[0]}${value && `=${value}`}`);
  return { given, words, message: error?.kind === "error" ? error.message : undefined };
}

describe("options are found", () => {
  const cases: [args: string[], given: string[], words?: string[]][] = [
    [[], []],
    [["-av"], ["all", "version"]],
    [["-fx"], ["family=x"]],
    [["-af", "x", "y"], ["all", "family=x"], ["y"]],
    [["-f", "--"], ["family=--"]],
    [["-f", ""], ["family"]],
    [["-f-a"], ["family=-a"]],
    [["--family=x"], ["family=x"]],
    [["--family="], ["family"]],
    [["--family=a=b"], ["family=a=b"]],
    [["--fam", "x"], ["family=x"]],
    [["--fam=x"], ["family=x"]],
    [["--tipc"], ["tipc"]],
    [["--tipci"], ["tipcinfo"]],
    [["--sock", "x"], ["socket=x"]],
    [["--al"], ["all"]],
    [
      ["--json", "-j"],
      ["json", "json"],
    ],
    [["x", "-a", "y", "--", "-z", "--", "x"], ["all"], ["x", "y", "-z", "--", "x"]],
    [["-", "-a"], ["all"], ["-"]],
  ];
  test.each(cases)("%j", (args, given, words = []) => {
    expect(run(args)).toEqual({ given, words, message: undefined });
  });
});

describe("POSIXLY_CORRECT", () => {
  test("the first word ends the options", () => {
    expect(run(["-a", "x", "-a", "--"], true)).toEqual({
      given: ["all"],
      words: ["x", "-a", "--"],
      message: undefined,
    });
  });
  test("-- still ends the options and is not a word", () => {
    expect(run(["--", "-a"], true).words).toEqual(["-a"]);
  });
});

describe("complaints", () => {
  const cases: [args: string[], message: string][] = [
    [["-ak"], "ss: invalid option -- 'k'"],
    [["-é"], "ss: invalid option -- '\udcc3'"],
    [["--foo=1"], "ss: unrecognized option '--foo=1'"],
    [["--js"], "ss: unrecognized option '--js'"],
    [["--ti=1"], "ss: option '--ti=1' is ambiguous; possibilities: '--tipc' '--tipcinfo'"],
    [["--f"], "ss: option '--f' is ambiguous; possibilities: '--family' '--filter'"],
    [
      ["--="],
      "ss: option '--=' is ambiguous; possibilities: '--all' '--family' '--filter' '--socket' '--sockets-too' '--query' '--tipc' '--tipcinfo' '--version'",
    ],
    [["--al=1"], "ss: option '--all' doesn't allow an argument"],
    [["--json=1"], "ss: option '--json' doesn't allow an argument"],
    [["-\udcff"], "ss: invalid option -- '\udcff'"],
    [["--fam"], "ss: option '--family' requires an argument"],
    [["-af"], "ss: option requires an argument -- 'f'"],
  ];
  test.each(cases)("%j", (args, message) => {
    expect(run(args).message).toBe(message);
  });

  test("come with usage and status 255, and end the parsing", () => {
    const { steps, error } = getopt(rows, ["-a", "-k", "-v"], { program: "sockscope", firstWordEnds: false });
    expect(steps.map(({ row }) => row.longs[0])).toEqual(["all"]);
    expect(error).toEqual({
      kind: "error",
      message: "sockscope: invalid option -- 'k'",
      usage: true,
      status: 255,
    });
  });
});

test("permutation keeps the order of options and of words", () => {
  const pieces = fc.array(
    fc.oneof(
      fc.record({
        args: fc.constantFrom(["-a"], ["--al"]),
        given: fc.constant("all"),
        word: fc.constant(undefined),
      }),
      fc
        .string({ minLength: 1 })
        .map((value) => ({ args: ["-f", value], given: `family=${value}`, word: undefined })),
      fc
        .string()
        .filter((word) => !word.startsWith("-"))
        .map((word) => ({ args: [word], given: undefined, word })),
    ),
  );
  fc.assert(
    fc.property(pieces, (typed) => {
      expect(run(typed.flatMap(({ args }) => args))).toEqual({
        given: typed.flatMap(({ given }) => given ?? []),
        words: typed.flatMap(({ word }) => word ?? []),
        message: undefined,
      });
    }),
  );
});

test("words after -- are returned unchanged", () => {
  fc.assert(
    fc.property(fc.array(fc.string()), (words) => {
      expect(run(["-a", "--", ...words])).toEqual({ given: ["all"], words, message: undefined });
    }),
  );
});
