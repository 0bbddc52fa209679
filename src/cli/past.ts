/** `--at`: the machine as it was. */
import type { Host } from "../host/host.ts";
import { systemClock } from "../store/clock.ts";
import { StoreError } from "../store/error.ts";
import { defaultFolder } from "../store/folder.ts";
import { limitsOf, longestAgeMs, pastMachine } from "../store/past-machine.ts";
import { StoreReader } from "../store/reader.ts";
import { durationText, readTime, timeSpelling, timeText } from "../store/time.ts";
import { EXIT_USAGE, type Stop } from "./getopt.ts";
import { noteText } from "./past-notes.ts";
import type { World } from "./world.ts";

const encoder = new TextEncoder();

/** The folder of the store. @throws StoreError if nothing says where it is */
export function storeFolder({ env }: Pick<World, "env">, store: string | undefined): string {
  const folder = store ?? defaultFolder(env, process.geteuid?.() === 0);
  if (folder === undefined) throw new StoreError("--store is needed: there is no home folder");
  return folder;
}

/**
 * The machine at a time, and a line on standard error that says how well the sample fits.
 *
 * @param at the time as typed
 * @returns a Stop if that is no time
 * @throws StoreError if nothing was recorded then
 */
export function machineAt(world: World, store: string | undefined, at: string): Host | Stop {
  const { program, stderr, host } = world;
  const atMs = readTime(at, systemClock.wallMs());
  if (atMs === undefined) {
    const message = `${program}: --at "${at}" is not ${timeSpelling}`;
    return { kind: "error", message, usage: false, status: EXIT_USAGE };
  }
  const reader = new StoreReader(storeFolder(world, store));
  const moment = reader.moment(atMs);
  const wanted = timeText(atMs);
  const next = (): string => {
    const after = reader.sampleAfter(atMs);
    return after === undefined ? "" : `, the next ${durationText(after - atMs)} after`;
  };
  if (moment === undefined) throw new StoreError(`nothing was recorded up to ${wanted}${next()}`);
  const ageMs = atMs - moment.wallMs;
  if (ageMs > longestAgeMs(moment))
    throw new StoreError(
      `nothing was recorded at ${wanted}: the last sample is ${durationText(ageMs)} before${next()}`,
    );
  const limits = limitsOf(moment);
  const coverage = reader.coverage({ fromMs: moment.wallMs, untilMs: Math.max(atMs, moment.wallMs) });
  const notes = [
    `sockets of ${timeText(moment.wallMs)}${ageMs >= 1000 ? `, ${durationText(ageMs)} before` : ""}`,
    ...(limits === "" ? [] : [`recorded were only ${limits}`]),
    ...coverage.notes.map(noteText),
    ...(moment.damaged ? ["later samples are damaged"] : []),
  ];
  stderr.write(encoder.encode(`${program}: ${notes.join("; ")}\n`));
  return pastMachine(reader, moment, host.files, host.resolver);
}
