import { expect, test } from "bun:test";
import { factPredicates } from "../filter/facts.ts";
import { parseFilter } from "../filter/parser.ts";
import { commandTable } from "./commands/all.ts";
import { type CommandWord, isCommand } from "./commands/command-names.ts";
import { loadCommand } from "./commands/table.ts";
import { factKeywords, keywords, stateNames } from "./completions/vocabulary.ts";
import { getopt, type OptionNames } from "./getopt.ts";
import { LISTED_CHOICES, manPage } from "./man.ts";
import { isTaken, options } from "./options.ts";
import { parse } from "./parse.ts";
import { select } from "./select.ts";

const page = manPage();
/** The page as it was before roff's escapes were put in. */
const plain = page
  .replaceAll("\\-", "-")
  .replaceAll("\\(aq", "'")
  .replace(/\\f[BR]|\\&/g, "");

/** Runs a tool with the page as its standard input. */
function feed(...command: string[]) {
  const { stdout, stderr, exitCode } = Bun.spawnSync(command, {
    stdin: new TextEncoder().encode(page),
    env: { ...process.env, LC_ALL: "C", MANWIDTH: "78" },
  });
  return { stdout: stdout.toString(), stderr: stderr.toString(), exitCode };
}

/** The name of a test that needs a tool, and whether it must be skipped. */
function needing(tool: string, name: string): [skip: boolean, name: string] {
  return Bun.which(tool) === null ? [true, `${name} (skipped: ${tool} is not installed)`] : [false, name];
}

test.each(options.map((option) => [option.longs[0], option] as const))("--%s is described", (_, option) => {
  const names = [...(option.shorts ?? ""), ...option.longs.map((long) => `-${long}`)];
  const head = names.map((name) => `Fl ${name}`).join(" , ");
  expect(plain).toContain(`.It ${head}${option.value ? ` Ar ${option.value.name}` : ""}\n`);
  const choices = option.value?.choices ?? [];
  if (choices.length <= LISTED_CHOICES) for (const choice of choices) expect(plain).toContain(choice);
});

test.each(commandTable)("the command %s is described with its options", (word, { options }) => {
  const start = plain.indexOf(`.Ss ${word}\n`);
  expect(start).toBeGreaterThan(0);
  for (const { longs } of options)
    for (const long of longs)
      expect(plain.slice(start)).toMatch(new RegExp(`^\\.It .*Fl -${long}( |$)`, "m"));
});

test("every keyword and state is described", () => {
  for (const word of [...keywords, ...factKeywords, ...stateNames])
    expect(plain).toMatch(new RegExp(`^\\.It Cm ${word}( |$)`, "m"));
});

test("every operand of our own predicates is described", () => {
  const operands = new Set(factKeywords.map((keyword) => factPredicates[keyword].operandName));
  for (const operand of operands) expect(plain).toMatch(new RegExp(`^\\.It Ar ${operand}$`, "m"));
});

test("its sections come in this order", () => {
  expect(Array.from(page.matchAll(/^\.Sh (.+)$/gm), ([, title]) => title)).toEqual([
    "NAME",
    "SYNOPSIS",
    "DESCRIPTION",
    "OPTIONS",
    "COMMANDS",
    "FILTER",
    "STATES",
    "OUTPUT",
    "ENVIRONMENT",
    "FILES",
    "EXIT STATUS",
    "EXAMPLES",
    "COMPATIBILITY",
    "SEE ALSO",
  ]);
});

test("it has neither empty lines nor letters beyond ASCII", () => {
  expect(page).toMatch(/^[\n\x20-\x7e]+$/);
  expect(page).not.toContain("\n\n");
  expect(page).toEndWith("\n");
});

/** The words of a command as a shell takes them apart; quotes are single ones. */
function wordsOf(command: string): string[] {
  return Array.from(command.matchAll(/'([^']*)'|\S+/g), ([word, quoted]) => quoted ?? word);
}

const examples = Array.from(plain.matchAll(/^\.Bd [^\n]*\n(.*?)\n\.Ed$/gms), ([, text]) => text!.split("\n"))
  .flat()
  .map((line) => /sockscope((?: (?:'[^']*'|[^\s|')]+))+)/.exec(line)![1]!);

test("it has examples", () => {
  expect(examples.length).toBeGreaterThan(5);
});

const [commandExamples, listingExamples] = [true, false].map((ofCommand) =>
  examples.filter((example) => isCommand(wordsOf(example)[0]!) === ofCommand),
) as [string[], string[]];

test.each(commandExamples)("its example%s has options of that command", async (example) => {
  const [word, ...args] = wordsOf(example) as [CommandWord, ...string[]];
  const { options: own } = await loadCommand(word);
  const rows = [...own, ...options.filter((option) => isTaken(option, word))];
  expect(
    getopt<OptionNames>(rows, args, { program: "sockscope", firstWordEnds: false }).error,
  ).toBeUndefined();
});

test.each(listingExamples)("its example%s is valid", (example) => {
  const { draft, words, stop } = parse({ program: "sockscope", args: wordsOf(example), env: {} });
  if (stop !== undefined) return expect(stop.kind).toBe("completions");
  const selected = select(draft.choice, words, "sockscope");
  if ("kind" in selected) throw new Error(`${example} selects nothing`);
  const { tables, preferred } = selected.selection;
  const unknown = () => undefined;
  const lookups = {
    port: unknown,
    interfaceIndex: unknown,
    netlinkProtocol: unknown,
    cgroupId: () => "",
    userId: () => 33,
    knowsCgroups: () => true,
  };
  parseFilter({ args: selected.words }, { tables, preferred, lookups });
});

const [noMandoc, lintName] = needing("mandoc", "mandoc has no warning about it");
test.skipIf(noMandoc)(lintName, () => {
  expect(feed("mandoc", "-T", "lint", "-W", "warning")).toEqual({ stdout: "", stderr: "", exitCode: 0 });
});

const [noMan, renderName] = needing("man", "man shows it");
test.skipIf(noMan)(renderName, () => {
  const { stdout, stderr, exitCode } = feed("man", "-l", "-");
  expect({ stderr, exitCode }).toEqual({ stderr: "", exitCode: 0 });
  const text = stdout.replace(/.\x08/g, "").replace(/\s+/g, " ");
  expect(text).toMatch(/sockscope -+ show the sockets of this machine/);
  expect(text).toContain("--bpf-map-id ID");
  expect(text).toContain("control characters in names are shown as \\xNN");
  expect(text).toContain("sockscope -tn state established '( dport = :80 or dport = :443 )'");
});
