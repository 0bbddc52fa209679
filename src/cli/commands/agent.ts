/** `sockscope agent`: answers the questions of other hosts. */
import { unsigned } from "../../bytes/c-numbers.ts";
import { usageError } from "../getopt.ts";
import type { AgentSettings } from "./agent/settings.ts";
import type { Command } from "./command.ts";
import { commandWords } from "./command-names.ts";

/** Rows of one answer: ten times what a big host has. */
const MOST_ROWS = 1_000_000;

/** The command. */
export const agent: Command<AgentSettings> = {
  doc:
    `${commandWords.agent}: 'sockscope --host' starts it over ssh with --stdio, sends one question to its standard ` +
    "input and reads the answer from its standard output. It shows what this user may see, changes nothing, writes " +
    "no file, and reads none that the question names.",
  options: [
    {
      longs: ["stdio"],
      inFull: true,
      brief: "Answer one question from standard input",
      doc: "Read one question from standard input, write the answer to standard output, and end.",
      apply: (settings) => ({ ...settings, stdio: true }),
    },
    {
      longs: ["max-rows"],
      inFull: true,
      value: { name: "NUMBER", kind: "number" },
      brief: `Rows of an answer, whoever asks (${MOST_ROWS})`,
      doc: `Send at most this many rows in an answer, whatever the question says (${MOST_ROWS}).`,
      apply(settings, value, program) {
        const maxRows = unsigned(value, Number.MAX_SAFE_INTEGER);
        return maxRows === undefined
          ? usageError(`${program}: "${value}" is not a number of rows`)
          : { ...settings, maxRows };
      },
    },
  ],
  settings: { stdio: false, maxRows: MOST_ROWS },
  run: async (task) => (await import("./agent/run.ts")).runAgent(task),
};
