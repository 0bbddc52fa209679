/** How time and memory grow with the number of sockets, as a plot. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { compare, peakMemory } from "./measure.ts";
import { multiply } from "./replayed.ts";

/** The listings that are measured. */
const listings = ["-tan", "-tani", "-tan --json", "-tan --by state", "-tanp"] as const;
const LIVE = [1000, 10_000, 108_000];
/** The sockets of a recording: more than this host can be given. */
const REPLAYED = 1_000_000;
/** A listing by ss takes too long for more than this many repetitions. */
const MOST_RUNS = 3;

/** A measured point of a line. */
interface Point {
  readonly sockets: number;
  /** Milliseconds, and peak memory in MiB. */
  readonly ms: number;
  readonly mib: number;
}

interface Line {
  readonly name: string;
  readonly points: Point[];
}

const MIB = 2 ** 20;
/** Most attempts to measure the peak memory of a command: it may end before the measurement. */
const PEAK_RUNS = 5;

/** The peak memory of a command in MiB; 0 if it cannot be measured. */
async function peak(command: readonly string[]): Promise<number> {
  for (let run = 0; run < PEAK_RUNS; run++) {
    const bytes = await peakMemory(command);
    if (bytes > 0) return bytes / MIB;
  }
  return 0;
}

/** Measures one number of sockets for all lines. */
async function measureAll(
  lines: readonly Line[],
  commands: readonly (readonly string[])[],
  sockets: number,
  runs: number,
): Promise<void> {
  for (const [index, command] of commands.entries()) {
    const [cost] = compare([command], "/dev/null", runs);
    lines[index]!.points.push({ sockets, ms: cost!.wall, mib: await peak(command) });
  }
}

const WIDTH = 420;
const HEIGHT = 300;
const LEFT = 64;
const TOP = 28;
const PLOT = { width: 320, height: 220 };
const colors = ["#2f6fdf", "#d9532c", "#2e9e5b", "#9a4fd0", "#b8860b"];

const log = Math.log10;

/** One chart with logarithmic axes, where growth in proportion is a slope of one. */
function chart(
  lines: readonly (Line & { readonly color: string; readonly dashed: boolean })[],
  value: (point: Point) => number,
  title: string,
  shift: number,
): string {
  const drawn = lines.map((line) => ({ ...line, points: line.points.filter((point) => value(point) > 0) }));
  const points = drawn.flatMap(({ points }) => points);
  const [low, high] = [
    Math.floor(log(Math.min(...points.map(value)))),
    Math.ceil(log(Math.max(...points.map(value)))),
  ];
  const x = (sockets: number) => LEFT + ((log(sockets) - 3) / 3) * PLOT.width;
  const y = (amount: number) => TOP + PLOT.height - ((log(amount) - low) / (high - low)) * PLOT.height;
  const parts = [
    `<g transform="translate(${shift},0)"><text x="${LEFT}" y="16" class="title">${title}</text>`,
  ];
  for (let power = low; power <= high; power++)
    parts.push(
      `<path class="grid" d="M${LEFT} ${y(10 ** power).toFixed(1)}h${PLOT.width}"/>`,
      `<text x="${LEFT - 6}" y="${(y(10 ** power) + 4).toFixed(1)}" text-anchor="end">${(10 ** power).toLocaleString("en")}</text>`,
    );
  for (const sockets of [1000, 10_000, 100_000, 1_000_000])
    parts.push(
      `<text x="${x(sockets).toFixed(1)}" y="${TOP + PLOT.height + 18}" text-anchor="middle">${sockets.toLocaleString("en")}</text>`,
    );
  for (const { points, color, dashed } of drawn) {
    const path = points
      .map((point) => `${x(point.sockets).toFixed(1)} ${y(value(point)).toFixed(1)}`)
      .join("L");
    parts.push(
      `<path class="line" stroke="${color}"${dashed ? ' stroke-dasharray="4 3"' : ""} d="M${path}"/>`,
    );
  }
  return `${parts.join("\n")}</g>`;
}

/** The whole picture; its colours follow the reader's choice of light or dark. */
function picture(ours: readonly Line[], ss: readonly Line[]): string {
  const lines = [
    ...ours.map((line, index) => ({ ...line, color: colors[index]!, dashed: false })),
    ...ss
      .map((line, index) => ({ ...line, color: colors[index]!, dashed: true }))
      .filter(({ points }) => points.length > 0),
  ];
  const legend = ours.map(({ name }, index) => {
    const left = LEFT + index * 150;
    return `<path class="line" stroke="${colors[index]}" d="M${left} ${HEIGHT - 4}h20"/><text x="${left + 26}" y="${HEIGHT}">${name.replace(/^\w+ /, "")}</text>`;
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${2 * WIDTH} ${HEIGHT + 10}" font-family="sans-serif" font-size="11">
<title>Time and memory by the number of sockets</title>
<style>text{fill:#333}.title{font-weight:bold}.grid{stroke:#ccc;stroke-width:.5}.line{fill:none;stroke-width:1.8}@media(prefers-color-scheme:dark){text{fill:#ddd}.grid{stroke:#555}}</style>
${chart(lines, ({ ms }) => ms, "Milliseconds by sockets (dashed: ss)", 0)}
${chart(lines, ({ mib }) => mib, "Peak memory in MiB by sockets (dashed: ss)", WIDTH)}
${legend.join("\n")}
</svg>
`;
}

function printTable(lines: readonly Line[]): void {
  for (const { name, points } of lines)
    for (const { sockets, ms, mib } of points)
      console.log(`| \`${name}\` | ${sockets.toLocaleString("en")} | ${ms.toFixed(0)} | ${mib.toFixed(0)} |`);
}

/**
 * Measures the growth, and draws docs/growth.svg.
 *
 * @param makeSockets makes so many sockets in this network namespace, and gives what ends them
 */
export async function drawGrowth(
  executable: string,
  runs: number,
  makeSockets: (sockets: number) => Promise<() => Promise<void>>,
): Promise<void> {
  const few = Math.min(runs, MOST_RUNS);
  const linesOf = (program: string) =>
    listings.map((args): Line => ({ name: `${program} ${args}`, points: [] }));
  const ours = linesOf("sockscope");
  const hasSs = Bun.which("ss") !== null;
  const ssListings = listings.filter((args) => !args.includes("--"));
  const ss = linesOf("ss");
  const ssLines = ss.filter((_, index) => ssListings.includes(listings[index]!));
  const commands = listings.map((args) => [executable, ...args.split(" ")]);
  const folder = mkdtempSync(join(tmpdir(), "sockscope-growth-"));
  try {
    for (const sockets of LIVE) {
      const end = await makeSockets(sockets);
      await measureAll(ours, commands, sockets, few);
      if (hasSs)
        await measureAll(
          ssLines,
          ssListings.map((args) => ["ss", ...args.split(" ")]),
          sockets,
          few,
        );
      if (sockets === LIVE.at(-1)) {
        const recording = join(folder, "recording");
        const made = Bun.spawnSync([executable, "--record", recording, "-tanip"], { stdout: "ignore" });
        if (made.exitCode !== 0) throw new Error("The sockets cannot be recorded");
        multiply(recording, REPLAYED);
        const replayed = commands.map(([, ...args]) => [executable, "--replay", recording, ...args]);
        await measureAll(ours, replayed, REPLAYED, 1);
      }
      await end();
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  console.log("| command | sockets | ms | MiB |\n|---|--:|--:|--:|");
  printTable(ours);
  printTable(ssLines);
  writeFileSync(join(import.meta.dirname, "../docs/growth.svg"), picture(ours, ss));
}
