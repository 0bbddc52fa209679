/** The end of a run that shows no socket. */
import { encodeBytes } from "../bytes/text.ts";
import type { Stop } from "./getopt.ts";
import { usage, version } from "./help.ts";
import type { World } from "./world.ts";

const encoder = new TextEncoder();

/**
 * Ends a run that shows no socket: with a text that was asked for, or with a complaint.
 *
 * @param help what `--help` shows
 * @returns the exit status
 */
export async function halt(
  world: World,
  stop: Stop,
  help: () => string = () => usage(world),
): Promise<number> {
  if (stop.kind !== "error") {
    world.stdout.write(encoder.encode(await answer(world, stop, help)));
    return 0;
  }
  world.stderr.write(encodeBytes(`${stop.message}\n${stop.usage ? help() : ""}`));
  return stop.status;
}

/** The text that a run was asked for instead of sockets. */
async function answer(
  world: World,
  stop: Exclude<Stop, { kind: "error" }>,
  help: () => string,
): Promise<string> {
  switch (stop.kind) {
    case "help":
      return help();
    case "version":
      return version(world.program);
    case "columns":
      return (await import("./columns-help.ts")).columnsHelp(world.stdout.terminalColumns);
    case "man":
      return (await import("./man.ts")).manPage();
    case "completions":
      return (await import("./completions/script.ts")).completionScript(stop.shell, world.program);
  }
}
