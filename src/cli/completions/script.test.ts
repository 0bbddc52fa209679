import { expect, test } from "bun:test";
import { join } from "node:path";
import { manPage } from "../man.ts";
import { nothingChosen, select } from "../select.ts";
import { commandOptions } from "./options.ts";
import { completionScript } from "./script.ts";
import { type Shell, shells } from "./shells.ts";
import { plainRelations, stateKeywords, stateNames } from "./vocabulary.ts";

/** How a script spells that an option exists, as a pattern. */
const spellings: Readonly<Record<Shell, { short: string; long: string }>> = {
  bash: { short: " -", long: " --" },
  zsh: { short: "[)*]-", long: "[)*]--" },
  fish: { short: " -s ", long: " -l " },
};

const everyOption = commandOptions.flatMap(({ command, own }) =>
  own.map((option) => [command, option.longs[0], option] as const),
);

test.each(shells.flatMap((shell) => everyOption.map((each) => [shell, ...each] as const)))(
  "the script for %s knows that %s has --%s",
  (shell, _command, _long, option) => {
    const script = completionScript(shell);
    const { short, long } = spellings[shell];
    const names = [
      ...[...(option.shorts ?? "")].map((letter) => short + letter),
      ...option.longs.map((name) => long + name),
    ];
    for (const name of names) expect(script).toMatch(new RegExp(`${name}(?![\\w-])`));
    for (const choice of option.value?.choices ?? []) expect(script).toMatch(new RegExp(`\\b${choice}\\b`));
  },
);

test.each(shells)("the script for %s completes the program that printed it", (shell) => {
  expect(completionScript(shell, "ss")).toMatch(/^(#compdef|complete\b.*) ss\b/m);
  expect(completionScript(shell, "ss")).not.toMatch(/(compdef|complete -c|-F) sockscope/);
});

test("select accepts the state words", () => {
  for (const keyword of stateKeywords)
    for (const state of stateNames.filter((name) => name !== "all"))
      expect(select(nothingChosen, [keyword, state], "ss")).toHaveProperty("selection");
});

test("a relation is offered in a spelling that needs no quotes", () => {
  expect(plainRelations("sport")).toEqual(["=", "!=", "ge", "le", "gt", "lt"]);
  expect(plainRelations("src")).toEqual(["="]);
  expect(plainRelations("autobound")).toEqual([]);
});

/** Runs the command from its source. */
function sockscope(...args: string[]) {
  const main = join(import.meta.dirname, "../main.ts");
  const { stdout, stderr, exitCode } = Bun.spawnSync([process.execPath, main, ...args]);
  return { stdout: stdout.toString(), stderr: stderr.toString(), exitCode };
}

test.each(shells)("--completions %s prints the script", (shell) => {
  expect(sockscope("--completions", shell)).toEqual({
    stdout: completionScript(shell),
    stderr: "",
    exitCode: 0,
  });
});

test("--completions of an unsupported shell prints one line on standard error", () => {
  expect(sockscope("--completions=tcsh")).toEqual({
    stdout: "",
    stderr: 'sockscope: "tcsh" is not a supported shell: use bash, zsh, fish\n',
    exitCode: 255,
  });
});

test("--man prints the page", () => {
  expect(sockscope("-t", "--man")).toEqual({ stdout: manPage(), stderr: "", exitCode: 0 });
});
