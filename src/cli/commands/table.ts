/** The table of commands. */
import type { Command } from "./command.ts";
import type { CommandWord } from "./command-names.ts";

/** How each command is loaded. A run needs the options of one command, and some of them need much code. */
const commands: { readonly [Word in CommandWord]: () => Promise<Command<unknown>> } = {
  top: async () => (await import("./top.ts")).top,
  events: async () => (await import("./events.ts")).events,
  doctor: async () => (await import("./doctor.ts")).doctor,
  netstat: async () => (await import("./netstat.ts")).netstat,
  lsof: async () => (await import("./lsof.ts")).lsof,
  who: async () => (await import("./who.ts")).who,
  record: async () => (await import("./record.ts")).record,
  history: async () => (await import("./history.ts")).history,
  serve: async () => (await import("./serve.ts")).serve,
  map: async () => (await import("./map.ts")).map,
  agent: async () => (await import("./agent.ts")).agent,
};

/** Loads a command's options. The code that does its work is loaded when it runs. */
export function loadCommand(word: CommandWord): Promise<Command<unknown>> {
  return commands[word]();
}
