/** Random command lines, given to the installed netstat and lsof and to Sockscope under their names. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { Random } from "./command-lines.ts";
import { lsofLine, netstatLine } from "./habits-lines.ts";
import { type HabitWorld, habitObstacle, makeHabitWorld } from "./habits-world.ts";

const executable = join(import.meta.dirname, "../../dist/sockscope");
const LINES = Number(process.env["FUZZ_RUNS"] === undefined ? 40 : (process.env["FUZZ_LINES"] ?? 3000));
/** With a number of your own, other lines; with that of a failure, the same again. */
const SEED = Number(process.env["FUZZ_SEED"] ?? 7);
const BATCH = 20;
/** A timer may fire between two runs. */
const ATTEMPTS = 5;
const TIMEOUT_MS = 1_800_000;

const programs = {
  netstat: { line: netstatLine, usage: 3 },
  lsof: { line: lsofLine, usage: 1 },
} as const;

const MARK = "\u0001";

function quoted(word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`;
}

/** What moves by itself between two runs, and what follows the first line of a complaint. */
function comparable(program: keyof typeof programs, output: string): string {
  const [stdout = "", stderr = "", exit = ""] = output.split("\u0002");
  const still = stdout.replace(/\(\d+\.\d\d\//g, "(TIME/");
  const isUsage = Number(exit) === programs[program].usage;
  return [still, isUsage ? stderr.split("\n")[0] : stderr, exit].join("\u0002");
}

describe.each(Object.keys(programs) as (keyof typeof programs)[])("random command lines", (program) => {
  const obstacle = habitObstacle(program);
  describe.skipIf(obstacle !== undefined)(`${program}${obstacle ? ` (${obstacle})` : ""}`, () => {
    let world: HabitWorld;
    let ours: string;

    beforeAll(async () => {
      world = await makeHabitWorld();
      mkdirSync(join(world.folder, "ours"));
      ours = join(world.folder, "ours", program);
      symlinkSync(executable, ours);
    }, 60_000);
    afterAll(() => world?.[Symbol.asyncDispose]());

    /** Runs lines of one program, one after the other, in one shell. */
    function outputs(command: string, lines: readonly string[]): string[] {
      const errors = join(world.folder, "stderr");
      const script = lines.map(
        (line) =>
          `${command} ${line.split(" ").filter(Boolean).map(quoted).join(" ")} 2>${errors}; ` +
          `status=$?; printf '\\002'; cat ${errors}; printf '\\002%s\\001' $status`,
      );
      return world
        .run(["sh", "-c", script.join("\n")])
        .stdout.split(MARK)
        .slice(0, -1);
    }

    test(
      `${LINES} lines, seed ${SEED}`,
      () => {
        const random = new Random(SEED);
        const all = Array.from({ length: LINES }, () => programs[program].line(random));
        const differences: { line: string; ours: string; theirs: string }[] = [];
        for (let at = 0; at < all.length; at += BATCH) {
          let lines = all.slice(at, at + BATCH);
          for (let attempt = 1; lines.length > 0; attempt++) {
            const theirs = outputs(program, lines).map((each) => comparable(program, each));
            const own = outputs(ours, lines).map((each) => comparable(program, each));
            expect(own.length).toBe(lines.length);
            const different = lines.flatMap((_, index) => (own[index] === theirs[index] ? [] : index));
            if (attempt === ATTEMPTS) {
              for (const index of different)
                differences.push({ line: lines[index]!, ours: own[index]!, theirs: theirs[index]! });
              break;
            }
            lines = different.map((index) => lines[index]!);
          }
        }
        expect(differences).toEqual([]);
      },
      TIMEOUT_MS,
    );
  });
});
