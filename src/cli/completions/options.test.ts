import { expect, test } from "bun:test";
import { commandTable } from "../commands/table.ts";
import { options } from "../options.ts";
import { commandOptions, optionNames, SS, takenOptions, valueWords } from "./options.ts";

/** The names of the options of ss that go with `top` if it had one option of its own. */
function taken(own: { shorts?: string; longs: readonly string[] }): string[] {
  const option = { ...own, brief: "", doc: "", apply: (settings: unknown) => settings };
  return takenOptions("top", { options: [option] }).flatMap(optionNames);
}

test("a command has those options of ss whose rows name it", () => {
  const names = taken({ longs: ["mine"] });
  expect(names).toContain("--tcp");
  expect(names).toContain("-A");
  expect(names).not.toContain("--kill");
});

test("names that an option of its own has are its own, and an option without any other is none", () => {
  const names = taken({ shorts: "tv", longs: ["query", "xdp"] });
  expect(names).not.toContain("-t");
  expect(names).toContain("--tcp");
  expect(names).not.toContain("-v");
  expect(names).toContain("-V");
  expect(names).toContain("--socket");
  expect(names).not.toContain("--query");
  expect(names).not.toContain("--xdp");
});

test("what hides a name does not change what the option takes and does", () => {
  const family = options.find(({ longs }) => longs[0] === "family")!;
  const command = { options: [{ shorts: "f", longs: [], brief: "", doc: "", apply: () => undefined }] };
  const found = takenOptions("top", command).find(({ longs }) => longs[0] === "family");
  expect(found).toEqual({ ...family, shorts: "" });
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
