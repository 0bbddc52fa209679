import { expect, test } from "bun:test";
import { commandTable } from "../commands/all.ts";
import { options } from "../options.ts";
import { commandOptions, optionNames, SS, takenOptions, valueWords } from "./options.ts";

/** The names of the options of ss that go with `top` if it had one option of its own. */
function taken(own: { shorts?: string; longs: readonly string[] }): string[] {
  const option = { ...own, brief: "", doc: "", apply: (settings: unknown) => settings };
  return takenOptions("top", { options: [option] }).flatMap(optionNames);
}

test("a command accepts the options of ss whose rows name it", () => {
  const names = taken({ longs: ["mine"] });
  expect(names).toContain("--tcp");
  expect(names).toContain("-A");
  expect(names).not.toContain("--kill");
});

test("a command's own names hide ss's, and an option without a name left disappears", () => {
  const names = taken({ shorts: "tv", longs: ["query", "xdp"] });
  expect(names).not.toContain("-t");
  expect(names).toContain("--tcp");
  expect(names).not.toContain("-v");
  expect(names).toContain("-V");
  expect(names).toContain("--socket");
  expect(names).not.toContain("--query");
  expect(names).not.toContain("--xdp");
});

test("hiding a name changes neither the value nor the effect of an option", () => {
  const family = options.find(({ longs }) => longs[0] === "family")!;
  const command = { options: [{ shorts: "f", longs: [], brief: "", doc: "", apply: () => undefined }] };
  const found = takenOptions("top", command).find(({ longs }) => longs[0] === "family");
  expect(found).toEqual({ ...family, shorts: "" });
});

test("every command has its options with unique names, and those for help", () => {
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

test("reversible words are offered with and without a dash", () => {
  const value = { name: "COLUMN", kind: "word", choices: ["rtt", "rate"] } as const;
  expect(valueWords(value)).toEqual(["rtt", "rate"]);
  expect(valueWords({ ...value, reversible: true })).toEqual(["rtt", "-rtt", "rate", "-rate"]);
});
