/** ss's messages and exit statuses for mistakes in a filter. */
import type { FilterError, FilterErrorKind } from "../filter/errors.ts";
import { EXIT_USAGE } from "./getopt.ts";

/** How ss answers one kind of mistake. */
interface Answer {
  /** Exit status. */
  readonly status: number;
  /** Whether the usage follows the lines. */
  readonly usage?: boolean;
  /** The lines for standard error. */
  lines(error: FilterError, program: string): readonly string[];
}

const EXIT_OPERAND = 1;
const BAD_HOST = "Cannot parse dst/src address.";

function operand(lines: Answer["lines"]): Answer {
  return { status: EXIT_OPERAND, lines };
}

const answers: Readonly<Record<FilterErrorKind, Answer>> = {
  syntax: {
    status: EXIT_USAGE,
    usage: true,
    lines: (_, program) => [`${program}: bison bellows (while parsing filter): "syntax error!" Sorry.`],
  },
  longLine: { status: EXIT_USAGE, lines: () => ["Too long line in filter"] },
  unsupported: {
    status: EXIT_USAGE,
    lines: ({ reason }) => [
      ...(reason === undefined ? [] : [reason]),
      "It looks like such filter is not supported! Too old kernel?",
    ],
  },
  host: operand(() => [BAD_HOST]),
  address: operand(({ text }) => [`Error: an inet prefix is expected rather than "${text}".`, BAD_HOST]),
  name: operand(({ text }) => [`Error: cannot look up the host name "${text}" here.`, BAD_HOST]),
  port: operand(({ text }) => [`Error: "${text}" does not look like a port.`, BAD_HOST]),
  ambiguousPort: operand(({ text }) => [`Error: ambiguous port "${text}".`, BAD_HOST]),
  device: operand(() => ["Cannot parse device."]),
  mark: operand(({ text }) => [`Cannot parse mark ${text}.`]),
  cgroup: operand(({ text, reason = "" }) => [reason, `Cannot parse cgroup ${text}.`]),
  fact: operand(({ text, expected }) => [`Error: ${expected} is expected rather than "${text}".`]),
};

/** What ss makes of a mistake. */
export interface FilterReport {
  /** Whole lines for standard error. */
  readonly text: string;
  /** Whether the usage follows the text. */
  readonly usage: boolean;
  /** Exit status: 255 for a mistake of grammar, 1 for a wrong operand. */
  readonly status: number;
}

/** ss's answer to a mistake in a filter. @param program the name at the beginning of its messages */
export function filterReport(error: FilterError, program: string): FilterReport {
  const { status, usage = false, lines } = answers[error.kind];
  return {
    text: lines(error, program)
      .map((line) => `${line}\n`)
      .join(""),
    usage,
    status,
  };
}
