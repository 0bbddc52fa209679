/** The commands by their words. */
import type { Command } from "./command.ts";
import { doctor } from "./doctor.ts";
import { events } from "./events.ts";
import { history } from "./history.ts";
import { record } from "./record.ts";
import { top } from "./top.ts";
import type { CommandWord } from "./words.ts";

/** Every command. What its work takes is loaded when it is done. */
export const commands: { readonly [Word in CommandWord]: Command<unknown> } = {
  top,
  events,
  doctor,
  record,
  history,
};

/** The commands, each with its word, in their order. */
export const commandTable = Object.entries(commands) as readonly (readonly [CommandWord, Command<unknown>])[];
