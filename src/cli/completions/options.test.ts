import { expect, test } from "bun:test";
import { commandTable } from "../commands/table.ts";
import { options } from "../options.ts";
import { commandOptions, optionNames, SS, takenOptions, valueWords } from "./options.ts";

/** The names of the options of ss that go with a command which has one of its own and takes the rest as told. */
function taken(own: { shorts?: string; longs: readonly string[] }, takes: readonly string[]): string[] {
  const option = { ...own, brief: "", doc: "", apply: (settings: unknown) => settings };
  const command = {
    options: [option],
    takes: ({ longs }: { longs: readonly string[] }) => takes.includes(longs[0]!),
  };
  return takenOptions(command).flatMap(optionNames);
}

test("of the options of ss, a command has those that it takes", () => {
  expect(taken({ longs: ["mine"] }, ["family", "tcp", "socket"])).toEqual([
    "-t",
    "--tcp",
    "-f",
    "--family",
    "-A",
    "--socket",
    "--query",
  ]);
});

test("names that an option of its own has are its own, and an option without any other is none", () => {
  expect(taken({ shorts: "tv", longs: ["query"] }, ["tcp", "version", "socket"])).toEqual([
    "--tcp",
    "-A",
    "--socket",
    "-V",
    "--version",
  ]);
  expect(taken({ longs: ["columns"] }, ["columns"])).toEqual([]);
});

test("what hides a name does not change what the option takes and does", () => {
  const family = options.find(({ longs }) => longs[0] === "family")!;
  const command = {
    options: [{ shorts: "f", longs: [], brief: "", doc: "", apply: () => undefined }],
    takes: (option: object) => option === family,
  };
  expect(takenOptions(command)).toEqual([{ ...family, shorts: "" }]);
});

test("every command has its options, each name once, and those that ask for its help", () => {
  expect(commandOptions.map(({ command }) => command)).toEqual([SS, ...commandTable.map(([word]) => word)]);
  for (const { own, taken } of commandOptions) {
    const names = [...own, ...taken].flatMap(optionNames);
    expect(names).toEqual([...new Set(names)]);
    expect(names).toContain("--help");
    expect(names).toContain("-h");
  }
  for (const { own } of commandOptions.slice(1))
    expect(own.flatMap(optionNames).filter((name) => /^(-h|--help)$/.test(name))).toEqual([]);
});

test("words that can be reversed are offered both ways", () => {
  const value = { name: "COLUMN", kind: "word", choices: ["rtt", "rate"] } as const;
  expect(valueWords(value)).toEqual(["rtt", "rate"]);
  expect(valueWords({ ...value, reversible: true })).toEqual(["rtt", "-rtt", "rate", "-rate"]);
});
