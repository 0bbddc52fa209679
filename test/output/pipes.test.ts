/** The executable with readers that stop, sleep or have no space left: partial output is never reported as success. */
import { beforeAll, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { fixtures } from "../golden/cases.ts";

const executable = join(import.meta.dirname, "../../dist/sockscope");
/** A fixture with more output than a pipe holds (64 KiB), in every format. */
const listing = `"${executable}" --replay . -a`;

/** The formats, with options for long output. */
const formats = ["", "-Oe", "--json", "--ndjson", "--csv", "--columns cookie,local,peer,inode,family"];

beforeAll(() => {
  if (!existsSync(executable)) throw new Error("dist/sockscope is not built: npm run build");
});

/** Runs a shell script, which prints the executable's exit status on the last line of standard error. */
function shell(script: string): { stdout: string; stderr: string; exit: number } {
  const { stdout, stderr, exitCode } = Bun.spawnSync(["bash", "-c", script], {
    cwd: join(fixtures, "buffer-5mb"),
    env: { PATH: process.env["PATH"] ?? "", LC_ALL: "C" },
  });
  return { stdout: stdout.toString(), stderr: stderr.toString(), exit: exitCode };
}

test.each(formats)("a run ends as with SIGPIPE if the reader stops: %s", (format) => {
  const { stdout, stderr } = shell(`${listing} ${format} | { read -r line; exec 0<&-; echo "$line"; }
    echo "\${PIPESTATUS[0]}" >&2`);
  expect(stdout).not.toBe("");
  expect(stderr).toBe("141\n");
});

test("head receives its line", () => {
  const { stdout, stderr } = shell(`${listing} -H --csv | head -1; echo "\${PIPESTATUS[0]}" >&2`);
  expect(stdout).toMatch(/^udp,inet.*\r\n$/);
  expect(stderr).toBe("141\n");
});

test.each([...formats, "--by state", "-s", "--help", "--columns help", "--by local --json"])(
  "a full disk is said, and is a failure: %s",
  (format) => {
    expect(shell(`${listing} ${format} > /dev/full`)).toEqual({
      stdout: "",
      stderr: expect.stringMatching(/Cannot write to standard output: No space left on device\n$/),
      exit: 1,
    });
  },
);

test.each(formats)("a slow reader receives everything: %s", (format) => {
  const whole = shell(`${listing} ${format} > >(cat)`);
  expect(whole.exit).toBe(0);
  expect(whole.stdout.length).toBeGreaterThan(1 << 16);
  expect(shell(`${listing} ${format} | { sleep 0.2; cat; }`).stdout).toBe(whole.stdout);
});

test.each(["2> /dev/full", "2>&-"])(
  "what cannot be said on standard error is not said, the status tells: %s",
  (where) => {
    expect(shell(`${listing} -f nothing ${where}`)).toEqual({ stdout: "", stderr: "", exit: 255 });
  },
);

test("a closed standard output is an error", () => {
  const { stderr, exit } = shell(`${listing} >&-`);
  expect(stderr).toContain("Cannot write to standard output: Bad file descriptor");
  expect(exit).toBe(1);
});

test.each(["> /dev/null", "1<> /dev/null"])("/dev/null is not a closed standard output: %s", (where) => {
  expect(shell(`${listing} ${where}`)).toEqual({ stdout: "", stderr: "", exit: 0 });
});
