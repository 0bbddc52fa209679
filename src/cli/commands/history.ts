/** `history`: what the recorder has kept. */
import { timeSpelling } from "../../store/time.ts";
import type { Command } from "./command.ts";
import { commandWords } from "./command-names.ts";
import type { HistorySettings } from "./history/settings.ts";

/** The command. */
export const history: Command<HistorySettings> = {
  doc:
    `${commandWords.history}: TCP and UDP connections that ended in a span of time, and those that were still open at ` +
    "its end, each with its owner and counters. The filter, --columns, --by, --sort, --top and the formats are those " +
    "of the listing. Columns of their own are opened, closed, durationMs and reason. A first word asks another question: " +
    "'history diff [A [B]]' shows what changed between two times: listeners, peers and connections; 'history new' shows " +
    "the listeners and peers that were never seen before; 'history findings [RULE...]' shows what the doctor's rules " +
    "found; 'history export --at TIME FOLDER' writes a moment as a recording; 'history coverage' shows when a recorder ran, and what was lost. Every answer ends with its coverage: a line " +
    "on standard error, or a part of the JSON. Times are " +
    `${timeSpelling.replace(/^a time such as /, "")}.`,
  options: [
    {
      longs: ["since"],
      inFull: true,
      value: { name: "TIME", kind: "word" },
      brief: "Beginning of the span (-1h)",
      doc: "The beginning of the span (default: an hour ago).",
      apply: (settings, since) => ({ ...settings, since }),
    },
    {
      longs: ["until"],
      inFull: true,
      value: { name: "TIME", kind: "word" },
      brief: "End of the span (now)",
      doc: "The end of the span (default: now).",
      apply: (settings, until) => ({ ...settings, until }),
    },
    {
      longs: ["at"],
      inFull: true,
      value: { name: "TIME", kind: "word" },
      brief: "The moment to export",
      doc: "The moment whose sockets 'history export FOLDER' writes as a recording, for --replay and for Wireshark.",
      apply: (settings, at) => ({ ...settings, at }),
    },
    {
      longs: ["store"],
      inFull: true,
      value: { name: "FOLDER", kind: "folder" },
      brief: "The folder that 'record' has written",
      doc: "The folder that 'sockscope record' has written. By default /var/lib/sockscope for root, $XDG_STATE_HOME/sockscope for others.",
      apply: (settings, store) => ({ ...settings, store }),
    },
  ],
  // `-2h` as a time of `diff`.
  dashedWords: /^-\d+(?:\.\d+)?(?:s|m|min|h|d|w)$/,
  settings: { since: "-1h", until: "now", at: undefined, store: undefined },
  run: async (task) => (await import("./history/run.ts")).runHistory(task),
};
