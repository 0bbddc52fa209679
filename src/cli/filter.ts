/** Error messages for a filter that cannot be parsed. */
import { pointOut, printable } from "../filter/caret.ts";
import { FilterError } from "../filter/errors.ts";
import type { FilterSource } from "../filter/words.ts";
import type { Stop } from "./getopt.ts";
import { usage } from "./help.ts";
import type { World } from "./world.ts";

/** Columns of a terminal that does not report its width. */
const DEFAULT_COLUMNS = 80;

/** ss's message for a wrong filter. On a terminal it also points at the mistake and says what was expected. */
function filterComplaint(world: World, error: FilterError, source: FilterSource): string {
  const { terminalColumns } = world.stderr;
  const help = error.usage ? usage(world) : "";
  if (terminalColumns === undefined) return `${error.report}${help}`;
  const line = pointOut(source, error, terminalColumns || DEFAULT_COLUMNS, (text) => Bun.stringWidth(text));
  return `${printable(error.report)}${help}${line} expected ${error.expected}\n`;
}

/** Ends a run whose filter is wrong. @throws the error if it is not a FilterError */
export function filterStop(world: World, error: unknown, source: FilterSource = { args: [] }): Stop {
  if (!(error instanceof FilterError)) throw error;
  const message = filterComplaint(world, error, source).replace(/\n$/, "");
  return { kind: "error", message, usage: false, status: error.status };
}
