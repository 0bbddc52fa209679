/** Ends a run that lists no sockets. */
import { encodeBytes } from "../bytes/text.ts";
import type { Stop } from "./getopt.ts";
import type { World } from "./world.ts";

const encoder = new TextEncoder();

/** A stop that prints a text other than help and version. */
export type TextStop = Extract<Stop, { kind: "man" | "licenses" | "columns" | "completions" }>;

/** Texts that replace or extend ss's own. */
export interface StopTexts {
  /** The text of `--help`. Default: the help without a command. */
  help?(): Promise<string>;
  /** The text for a {@link TextStop}. Default: empty. */
  text?(stop: TextStop): Promise<string>;
}

/**
 * Ends a run that lists no sockets: prints the requested text, or an error message on standard error.
 *
 * @returns the exit status
 */
export async function halt(
  world: World,
  stop: Stop,
  { help, text = async () => "" }: StopTexts = {},
): Promise<number> {
  const helpText = async () => (help === undefined ? (await import("./help.ts")).usage(world) : help());
  if (stop.kind === "error") {
    world.stderr.write(encodeBytes(`${stop.message}\n${stop.usage ? await helpText() : ""}`));
    return stop.status;
  }
  const answer =
    stop.kind === "help"
      ? await helpText()
      : stop.kind === "version"
        ? (await import("./help.ts")).version(world.program)
        : await text(stop);
  world.stdout.write(encoder.encode(answer));
  return 0;
}
