/** The end of a run that lists no socket. */
import { encodeBytes } from "../bytes/text.ts";
import type { Stop } from "./getopt.ts";
import { usage, version } from "./help.ts";
import type { World } from "./world.ts";

const encoder = new TextEncoder();

/** A stop that asks for a text other than help and version. */
export type TextStop = Extract<Stop, { kind: "man" | "columns" | "completions" }>;

/** The texts of a run beside ss's own. */
export interface StopTexts {
  /** What `--help` prints; that of ss if left out. */
  help?(): string;
  /** The text that an option asks for; nothing if left out. */
  text?(stop: TextStop): Promise<string>;
}

/**
 * Ends a run that lists no socket: prints the text that an option asked for, or a complaint on standard error.
 *
 * @returns the exit status
 */
export async function halt(
  world: World,
  stop: Stop,
  { help = () => usage(world), text = async () => "" }: StopTexts = {},
): Promise<number> {
  if (stop.kind === "error") {
    world.stderr.write(encodeBytes(`${stop.message}\n${stop.usage ? help() : ""}`));
    return stop.status;
  }
  const answer =
    stop.kind === "help" ? help() : stop.kind === "version" ? version(world.program) : await text(stop);
  world.stdout.write(encoder.encode(answer));
  return 0;
}
