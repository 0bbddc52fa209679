/** `sockscope agent`: answers the questions of other hosts. */
import { unsigned } from "../../bytes/c-numbers.ts";
import { usageError } from "../getopt.ts";
import { feedOptions, noFeeds } from "./agent/feed-options.ts";
import type { AgentSettings } from "./agent/settings.ts";
import type { Command, CommandOption } from "./command.ts";
import { commandWords } from "./command-names.ts";

/** Rows of one answer: ten times what a big host has. */
const MOST_ROWS = 1_000_000;

/** An option whose value is kept as it is. */
function text(
  long: string,
  field: "nats" | "name" | "trust" | "makeKey",
  value: NonNullable<CommandOption<AgentSettings>["value"]>,
  brief: string,
  doc: string,
): CommandOption<AgentSettings> {
  return {
    longs: [long],
    inFull: true,
    value,
    brief,
    doc,
    apply: (settings, value) => ({ ...settings, [field]: value }),
  };
}

/** The command. */
export const agent: Command<AgentSettings> = {
  doc:
    `${commandWords.agent}. 'sockscope --host' starts it over ssh with --stdio, sends one question to its standard ` +
    "input and reads the answer from its standard output. With --nats it stays, and answers the questions " +
    "of 'sockscope --fleet' that a NATS server delivers. It shows what this user may see, changes nothing, writes " +
    "no file but its own spool, and reads none that the question names. With --events and --findings it also puts what " +
    "happens on this host into the stream that 'events --fleet' and 'doctor --watch --fleet' read.",
  options: [
    {
      longs: ["stdio"],
      inFull: true,
      brief: "Answer one question from standard input",
      doc: "Read one question from standard input, write the answer to standard output, and end.",
      apply: (settings) => ({ ...settings, stdio: true }),
    },
    text(
      "nats",
      "nats",
      { name: "URL", kind: "hosts" },
      "Answer the questions at a NATS server",
      "Connect to a NATS server (nats://HOST:PORT, tls://HOST:PORT; several of one cluster separated by commas), and answer the questions of 'sockscope --fleet' until interrupted. A connection that is lost is made again, for ever.",
    ),
    text(
      "name",
      "name",
      { name: "NAME", kind: "word" },
      "The host's name in the fleet (its host name)",
      "Answer in this name. By default that is the host's name.",
    ),
    text(
      "trust",
      "trust",
      { name: "FILE", kind: "file" },
      "Answer only questions signed with the keys of a file",
      "Answer only questions that are signed with one of the public keys in this file, one in each line; # begins a comment. Without it, every client is answered that the server lets ask.",
    ),
    {
      longs: ["max-rows"],
      inFull: true,
      value: { name: "NUMBER", kind: "number" },
      brief: `Rows of an answer to any client (${MOST_ROWS})`,
      doc: `Send at most this many rows in an answer, whatever the question says (${MOST_ROWS}).`,
      apply(settings, value, program) {
        const maxRows = unsigned(value, Number.MAX_SAFE_INTEGER);
        return maxRows === undefined
          ? usageError(`${program}: "${value}" is not a number of rows`)
          : { ...settings, maxRows };
      },
    },
    {
      longs: ["max-cpu"],
      inFull: true,
      value: { name: "PERCENT", kind: "number" },
      brief: "Share of one core for all answers (--nats: 25)",
      doc: "Use at most this share of one core for answers, averaged over a minute, for all clients: 10 allows six seconds at once. An answer that reaches the limit is cut, and questions beyond it are refused. The default is 25 with --nats, and no limit with --stdio.",
      apply(settings, value, program) {
        const percent = Number(value);
        return /^\d+(\.\d+)?$/.test(value) && percent > 0
          ? { ...settings, maxCpuShare: percent / 100 }
          : usageError(`${program}: "${value}" is not a share of a core in percent`);
      },
    },
    text(
      "make-key",
      "makeKey",
      { name: "FILE", kind: "file" },
      "Make a key for --sign-key, print its public half",
      "Make a new key that signs questions, write it to this file, which only you can read and which must not exist, and print its public half for the file of --trust.",
    ),
    ...feedOptions<AgentSettings>(),
  ],
  // With --nats it expects a long one itself.
  isShort: true,
  settings: { stdio: false, maxRows: MOST_ROWS, feeds: noFeeds },
  run: async (task) => (await import("./agent/run.ts")).runAgent(task),
};
