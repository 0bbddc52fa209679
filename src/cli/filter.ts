/** How a run with a wrong filter ends. */
import { pointOut, printable } from "../filter/caret.ts";
import { FilterError } from "../filter/errors.ts";
import type { FilterSource } from "../filter/source.ts";
import { filterReport } from "./filter-report.ts";
import type { Stop } from "./getopt.ts";
import { usage } from "./help.ts";
import type { World } from "./world.ts";

/** Columns of a terminal that does not report its width. */
const DEFAULT_COLUMNS = 80;

/** A note for a first argument that may be a mistyped command: for ss it is the name of a host. */
function commandNote({ program, args }: World, { kind, text }: FilterError): string {
  if (program === "ss" || kind !== "address" || text !== args[0]) return "";
  return `${program}: "${text}" is neither a command nor a host: '${program} --help' lists the commands\n`;
}

/** ss's message for a mistake in a filter; on a terminal also where the mistake is, and what was expected there. */
function filterComplaint(world: World, error: FilterError, source: FilterSource): string {
  const { terminalColumns } = world.stderr;
  const report = filterReport(error, world.program);
  const after = report.usage ? usage(world) : commandNote(world, error);
  if (terminalColumns === undefined) return `${report.text}${after}`;
  const line = pointOut(source, error, terminalColumns || DEFAULT_COLUMNS, (text) => Bun.stringWidth(text));
  return `${printable(report.text)}${line} expected ${error.expected}\n${printable(after)}`;
}

/** Ends a run whose filter is wrong. @throws the error if it is not a FilterError */
export function filterStop(world: World, error: unknown, source: FilterSource = { args: [] }): Stop {
  if (!(error instanceof FilterError)) throw error;
  const message = filterComplaint(world, error, source).replace(/\n$/, "");
  return { kind: "error", message, usage: false, status: filterReport(error, world.program).status };
}
