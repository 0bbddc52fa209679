/** Random command lines, given to the installed ss and to Sockscope in a world of many sockets. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { commandLine, Random, type Values } from "./command-lines.ts";
import { type FactoryName, factories } from "./factories.ts";
import { makeWorld, obstacle, type World } from "./namespace.ts";
import { comparableRun, hasCrashed, isKnownDifference, releaseOf } from "./normalise.ts";

const executable = join(import.meta.dirname, "../../dist/sockscope");
const LINES = process.env["FUZZ_RUNS"] === undefined ? 300 : 5000;
/** With a number of your own, other lines; with that of a failure, the same again. */
const SEED = Number(process.env["FUZZ_SEED"] ?? 7);
const BATCH = 50;
/** How often a line is tried until ss agrees with itself, and with Sockscope. */
const ATTEMPTS = 5;
const TIMEOUT_MS = 1_800_000;

const release = Bun.which("ss") ? releaseOf(Bun.spawnSync(["ss", "-V"]).stdout.toString()) : undefined;
const skipped = obstacle ?? (release === undefined ? "ss is not installed" : undefined);
const suite = "random command lines";

/** One run of a program. */
interface Run {
  readonly stdout: string;
  readonly stderr: string;
  readonly exit: number;
}

function quoted(word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`;
}

describe.skipIf(skipped !== undefined)(
  skipped === undefined ? suite : `${suite} (skipped: ${skipped})`,
  () => {
    const folder = mkdtempSync(join(tmpdir(), "command-lines-"));
    // Messages begin with the name of the program.
    const ours = join(folder, "ss");
    let world: World;
    let values: Values;

    beforeAll(async () => {
      symlinkSync(executable, ours);
      // ss before 6.8 does not list sockets that are bound and no more.
      const unlisted: readonly FactoryName[] = ["tcp-bound", "tcp-syn-recv"];
      const all = Object.keys(factories) as FactoryName[];
      world = await makeWorld(all.filter((name) => !unlisted.includes(name)));
      const rows = world.run([executable, "-tuwanH", "--json"]).stdout;
      const ends = (JSON.parse(rows) as { local: { address: string; port: number } }[]).map(
        ({ local }) => local,
      );
      const unique = (each: readonly string[]) => [...new Set(each)];
      const paths = JSON.parse(world.run([executable, "-xa", "--json"]).stdout) as {
        local?: { path?: string };
      }[];
      values = {
        ports: unique(ends.map(({ port }) => String(port))),
        addresses: unique(ends.map(({ address }) => (address.includes(":") ? `[${address}]` : address))),
        unixNames: unique(paths.flatMap(({ local }) => local?.path ?? [])),
      };
    });
    afterAll(async () => {
      await world?.[Symbol.asyncDispose]();
      rmSync(folder, { recursive: true });
    });

    /** Runs lines with ss, Sockscope and ss again, all in one shell. */
    function runAll(lines: readonly (readonly string[])[]): { theirs: Run; ours: Run; again: Run }[] {
      const file = (index: number, which: string) => join(folder, `${index}-${which}`);
      const programs = [
        ["theirs", "ss"],
        ["ours", ours],
        ["again", "ss"],
      ] as const;
      const script = lines.flatMap((args, index) =>
        programs.map(([which, program]) => {
          const out = quoted(file(index, which));
          const command = [program, ...args].map(quoted).join(" ");
          return `timeout 20 ${command} >${out} 2>${out}.err </dev/null; echo $? >${out}.exit`;
        }),
      );
      const path = join(folder, "script");
      writeFileSync(path, [`cd ${quoted(folder)}`, ...script].join("\n"));
      world.run(["sh", path]);
      const read = (index: number, which: string): Run => {
        const text = (suffix: string) => readFileSync(`${file(index, which)}${suffix}`, "latin1");
        return { stdout: text(""), stderr: text(".err"), exit: Number(text(".exit")) };
      };
      return lines.map((_, index) => ({
        theirs: read(index, "theirs"),
        ours: read(index, "ours"),
        again: read(index, "again"),
      }));
    }

    test(
      `${LINES} lines from seed ${SEED}`,
      () => {
        const random = new Random(SEED);
        const differing: unknown[] = [];
        let listed = 0;
        let refused = 0;
        for (let done = 0; done < LINES; done += BATCH) {
          let open = Array.from({ length: BATCH }, () => commandLine(random, values));
          open = open.filter((args) => !isKnownDifference(args));
          for (let attempt = 1; open.length > 0; attempt++) {
            const results = runAll(open);
            const failed = results.map(({ theirs, ours, again }, index) => {
              const args = open[index]!;
              const [a, b, c] = [
                comparableRun(theirs, "ss", release!),
                comparableRun(ours, "ours", release!),
                comparableRun(again, "ss", release!),
              ];
              if (attempt === 1) {
                if (a.stdout !== "") listed++;
                if (a.exit !== 0) refused++;
              }
              return {
                args,
                theirs: a,
                ours: b,
                agrees: Bun.deepEquals(a, c),
                same: hasCrashed(a) || Bun.deepEquals(a, b),
              };
            });
            const wrong = failed.filter(({ same }) => !same);
            open = wrong.map(({ args }) => args);
            if (attempt < ATTEMPTS) continue;
            // A line whose output moves by itself proves nothing.
            for (const { args, theirs, ours } of wrong.filter(({ agrees }) => agrees))
              differing.push({ line: args.map(quoted).join(" "), theirs, ours });
            break;
          }
        }
        expect(differing).toEqual([]);
        expect(listed).toBeGreaterThan(LINES / 5);
        expect(refused).toBeGreaterThan(LINES / 20);
      },
      TIMEOUT_MS,
    );
  },
);
