/** Messages on a terminal's standard error quote arguments, but do not obey them. */
import { expect, test } from "bun:test";
import { join } from "node:path";

const executable = join(import.meta.dirname, "../../dist/sockscope");

/** What a program prints on a terminal of its own. */
function onTerminal(...args: readonly string[]): string {
  const source = "import pty, sys; pty.spawn(sys.argv[1:])";
  const { stdout } = Bun.spawnSync(["python3", "-c", source, executable, ...args], { stdin: "ignore" });
  return stdout.toString();
}

const hostile = "\u001b[31mred\u0007\u009b2J\u202eevil";

test
  .skipIf(Bun.which("python3") === null)
  .each([
    [`--${hostile}`],
    ["-A", hostile],
    ["-f", hostile],
    ["-N", hostile],
    ["state", hostile],
    ["--replay", hostile],
    ["--columns", hostile],
    ["-tn", "dst", hostile],
    ["doctor", "--rule", hostile],
  ] as string[][])("an argument that a terminal would obey: case %#", (...args: string[]) => {
  const shown = onTerminal(...args);
  expect(shown).toContain("\\x1b");
  expect(shown.replaceAll("\r\n", "")).not.toMatch(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202e]/);
});
