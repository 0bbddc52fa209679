/** Ends a run that lists no sockets. */
import { encodeBytes } from "../bytes/text.ts";
import type { Stop } from "./getopt.ts";
import type { World } from "./world.ts";

const encoder = new TextEncoder();

/** A stop that prints a text other than help and version. */
export type TextStop = Extract<Stop, { kind: "man" | "licenses" | "columns" | "completions" }>;

type Text = string | Promise<string>;

/** Texts that replace or extend those of a run without a command. */
export interface StopTexts {
  /** The text of `--help`. */
  help?(): Text;
  /** What follows the message about a wrong option. */
  usage?(): Text;
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
  { help, usage, text = async () => "" }: StopTexts = {},
): Promise<number> {
  if (stop.kind === "error") {
    const after = stop.usage ? ((await usage?.()) ?? (await import("./help.ts")).usage(world)) : "";
    world.stderr.write(encodeBytes(`${stop.message}\n${after}`));
    return stop.status;
  }
  const answer =
    stop.kind === "help"
      ? ((await help?.()) ?? (await import("./help.ts")).help(world))
      : stop.kind === "version"
        ? (await import("./help.ts")).version(world.program)
        : await text(stop);
  world.stdout.write(encoder.encode(answer));
  return 0;
}
