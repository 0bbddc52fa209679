/** Commands that other programs' users know by heart: their arguments are those of these programs. */
import type { World } from "../world.ts";
import type { Command } from "./command.ts";

/** A command that takes its arguments by itself. */
export function alone(doc: string, runAlone: (world: World) => Promise<number>): Command<undefined> {
  return { doc, options: [], settings: undefined, runAlone, run: ({ world }) => runAlone(world) };
}
