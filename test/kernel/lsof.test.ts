import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { type HabitWorld, habitObstacle, type Manner, makeHabitWorld } from "./habits-world.ts";
import { lsofCases } from "./lsof-cases.ts";

const executable = join(import.meta.dirname, "../../dist/sockscope");
const obstacle = habitObstacle("lsof");
/** A timer may fire between two runs. */
const ATTEMPTS = 5;

let world: HabitWorld;

/** The same but for what follows the first line of a complaint: lsof's usage. */
function seen(program: readonly string[], args: string, manner: Manner) {
  const { stdout, stderr, exit } = world.run([...program, ...args.split(" ")], manner);
  return { stdout, complaint: stderr.split("\n")[0], exit };
}

function expectSame(args: string, manner: Manner = {}): void {
  for (let attempt = 1; ; attempt++) {
    const theirs = seen(["lsof"], args, manner);
    const ours = seen([executable, "lsof"], args, manner);
    if (attempt < ATTEMPTS && !Bun.deepEquals(ours, theirs)) continue;
    expect(ours).toEqual(theirs);
    return;
  }
}

describe.skipIf(obstacle !== undefined)(
  `lsof beside the installed one${obstacle ? ` (${obstacle})` : ""}`,
  () => {
    beforeAll(async () => {
      world = await makeHabitWorld();
    }, 60_000);
    afterAll(() => world?.[Symbol.asyncDispose]());

    test.each(lsofCases)("lsof %s", (args) => expectSame(args), 60_000);
    test.each(lsofCases.filter((_, index) => index % 8 === 0))(
      "as another user: lsof %s",
      (args) => expectSame(args, { uid: 65534 }),
      60_000,
    );
    test.each([40, 80, 200])(
      "on a terminal of %i columns",
      (columns) => {
        for (const args of ["-nP -i", "-U -a -c bun", "-F -nP -i"]) expectSame(args, { columns });
      },
      60_000,
    );
    test("a terminal gets no character that turns the direction of others", () => {
      const { stdout } = world.run([executable, "lsof", "-U"], { columns: 80 });
      expect(stdout).toContain("\\xe2\\x80\\xaebidi");
    });
    test("without UTF-8", () => expectSame("-U", { env: { LC_ALL: "C" } }));
  },
);
