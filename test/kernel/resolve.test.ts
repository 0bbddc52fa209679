import { afterAll, describe, expect, test } from "bun:test";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { obstacle } from "./namespace.ts";

const executable = join(import.meta.dirname, "../../dist/sockscope");
const ADDRESSES = 200;
/** Sequential answers would take longer than the test's timeout. */
const SLOW_MS = 400;
const TEST_LIMIT_MS = 30_000;

const noRoot =
  process.getuid?.() === 0 ? undefined : "only root can put a resolv.conf in the place of another";
const skipped = obstacle ?? noRoot;

describe.skipIf(skipped !== undefined)(skipped === undefined ? "-r" : `-r (skipped: ${skipped})`, () => {
  const folder = mkdtempSync(join(tmpdir(), "resolve-"));
  afterAll(() => rmSync(folder, { recursive: true }));

  /** Lists the listeners of a world whose only name server answers after a delay. */
  async function listen(delay: string, ...args: string[]) {
    if (!existsSync(executable)) throw new Error(`There is no ${executable}: npm run build:cli`);
    const script = [process.execPath, join(import.meta.dirname, "dns-world.ts")];
    const command = ["unshare", "--net", "--mount", "--", ...script, folder, String(ADDRESSES), delay];
    const world = Bun.spawn(command, { stdin: "pipe", stderr: "inherit" });
    const { value } = await world.stdout.getReader().read();
    if (value === undefined) throw new Error("No world with a name server");
    const enter = ["nsenter", "--target", `${world.pid}`, "--net", "--mount", "--"];
    const { stdout, exitCode } = Bun.spawnSync([...enter, executable, "-tlrnH", ...args]);
    world.stdin.end();
    await world.exited;
    const locals = stdout
      .toString()
      .trimEnd()
      .split("\n")
      .map((line) => line.split(/ +/)[3]!);
    return { locals: locals.sort(), exit: exitCode };
  }

  const addresses = Array.from({ length: ADDRESSES }, (_, index) => `127.1.0.${index}`);

  test(
    "looks up side by side",
    async () => {
      const { locals, exit } = await listen(String(SLOW_MS), "--resolve-timeout", "60");
      expect(locals).toEqual(addresses.map((each) => `host-${each.replaceAll(".", "-")}.test:1000`).sort());
      expect(exit).toBe(0);
    },
    TEST_LIMIT_MS,
  );

  test(
    "shows numbers when the time is over, and ends though look-ups are under way",
    async () => {
      const { locals, exit } = await listen("never", "--resolve-timeout", "0.2");
      expect(locals).toEqual(addresses.map((each) => `${each}:1000`).sort());
      expect(exit).toBe(0);
    },
    TEST_LIMIT_MS,
  );
});
