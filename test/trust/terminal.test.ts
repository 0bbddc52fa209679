/** What arguments and recordings contain is shown on a terminal, and not obeyed by it. */
import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
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

// Found by an hour of damaged recordings.
test.skipIf(Bun.which("python3") === null)("the name of a congestion control in a recording", () => {
  const folder = mkdtempSync(join(tmpdir(), "hostile-recording-"));
  afterAll(() => rmSync(folder, { recursive: true }));
  const recorded = readFileSync(join(import.meta.dirname, "../fixtures/mixed-500/recording.pcap"), "latin1");
  const pcap = join(folder, "recording.pcap");
  writeFileSync(pcap, recorded.replaceAll("cubic\0", "\u001b[2J\u009b\0"), "latin1");
  // Rows that are written straight from messages, and rows of sockets that are kept.
  for (const options of [
    ["-tni"],
    ["-tnip"],
    ["-tni", "--sort", "local"],
    ["-tn", "--columns", "local,congestion"],
  ]) {
    const args = ["--replay", folder, ...options];
    const shown = onTerminal(...args);
    expect(shown).toContain("\\x1b[2J");
    expect(shown.replace(/\r+\n/g, "")).not.toMatch(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/);
    const piped = Bun.spawnSync([executable, ...args]).stdout.toString("latin1");
    if (options[1] !== "--columns") expect(piped).toContain("\u001b[2J\u009b");
  }
});
