import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { type HabitWorld, habitObstacle, type Manner, makeHabitWorld } from "./habits-world.ts";
import { netstatCases, netstatTimerCases } from "./netstat-cases.ts";

const executable = join(import.meta.dirname, "../../dist/sockscope");
const obstacle = habitObstacle("netstat");
/** A retransmission may come between two runs. */
const ATTEMPTS = 5;

let world: HabitWorld;

/** What moves by itself between two runs. */
function timeless(text: string): string {
  return text.replace(/\(\d+\.\d\d\//g, "(TIME/");
}

function seen(program: readonly string[], args: string, manner: Manner) {
  const words = args === "" ? [] : args.split(" ");
  const { stdout, stderr, exit } = world.run([...program, ...words], manner);
  // Behind the first line of a complaint about the command line stands the usage.
  const complaint = exit === 3 ? stderr.split("\n")[0] : stderr;
  return { stdout: timeless(stdout), complaint, exit };
}

function expectSame(args: string, manner: Manner = {}): void {
  for (let attempt = 1; ; attempt++) {
    const theirs = seen(["netstat"], args, manner);
    const ours = seen([executable, "netstat"], args, manner);
    if (attempt < ATTEMPTS && !Bun.deepEquals(ours, theirs)) continue;
    expect(ours).toEqual(theirs);
    return;
  }
}

describe.skipIf(obstacle !== undefined)(
  `netstat beside the installed one${obstacle ? ` (${obstacle})` : ""}`,
  () => {
    beforeAll(async () => {
      world = await makeHabitWorld();
    }, 60_000);
    afterAll(() => world?.[Symbol.asyncDispose]());

    test.each([...netstatCases, ...netstatTimerCases])("netstat %s", (args) => expectSame(args), 60_000);
    test.each(netstatCases.filter((_, index) => index % 6 === 0))(
      "as another user: netstat %s",
      (args) => expectSame(args, { uid: 65534 }),
      60_000,
    );
    test.each(["-tanp", "-anp", "-xlp"])("programs of others: netstat %s", (args) =>
      expectSame(args, { uid: 65534 }),
    );
    test.each([40, 80, 200])("on a terminal of %i columns", (columns) => {
      for (const args of ["-tulpn", "-tan", "-tanW"]) expectSame(args, { columns });
    });
    test("a terminal gets no control character of a path", () => {
      const { stdout } = world.run([executable, "netstat", "-xl"], { columns: 80 });
      expect(stdout).toContain("\\x1b[1mx");
      expect(stdout).not.toContain("\x1b");
    });
  },
);
