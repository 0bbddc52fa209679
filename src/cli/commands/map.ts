/** `sockscope map`: which programs depend on which services. */
import { EXIT_USAGE, type Stop } from "../getopt.ts";
import type { Command } from "./command.ts";
import { commandWords } from "./command-names.ts";
import { type MapSettings, mapForms } from "./map/settings.ts";

function refuse(message: string): Stop {
  return { kind: "error", message, usage: false, status: EXIT_USAGE };
}

/** The command. */
export const map: Command<MapSettings> = {
  doc:
    `${commandWords.map}: the TCP connections of this host, or of those that --host names, as edges from clients to ` +
    "services, with bytes per second, round trip times and retransmissions. A program stands for all of its " +
    "sockets, a container for its programs with --container. Two samples are taken, two seconds apart. --top sets " +
    "how many edges are shown (50); a filter chooses the sockets.",
  options: [
    {
      longs: ["as"],
      inFull: true,
      value: { name: "FORM", kind: "word", choices: mapForms },
      brief: "table, json, mermaid or dot (table)",
      doc: "Draw the map as a table, as JSON, as a flowchart of Mermaid, or as a digraph of Graphviz (dot).",
      apply(settings, value, program) {
        const as = mapForms.find((known) => known === value);
        return as === undefined
          ? refuse(`${program}: "${value}" is not one of ${mapForms.join(", ")}`)
          : { ...settings, as };
      },
    },
  ],
  settings: { as: "table" },
  run: async (task) => (await import("./map/run.ts")).runMap(task),
};
