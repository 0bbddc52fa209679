/** The table of commands. */

import { agent } from "./agent.ts";
import type { Command } from "./command.ts";
import type { CommandWord } from "./command-names.ts";
import { doctor } from "./doctor.ts";
import { events } from "./events.ts";
import { history } from "./history.ts";
import { lsof } from "./lsof.ts";
import { map } from "./map.ts";
import { netstat } from "./netstat.ts";
import { record } from "./record.ts";
import { serve } from "./serve.ts";
import { top } from "./top.ts";
import { who } from "./who.ts";

/** Every command by name. The code that does its work is loaded when it runs. */
export const commands: { readonly [Word in CommandWord]: Command<unknown> } = {
  top,
  events,
  doctor,
  netstat,
  lsof,
  who,
  record,
  history,
  serve,
  map,
  agent,
};

/** The commands with their names, in display order. */
export const commandTable = Object.entries(commands) as readonly (readonly [CommandWord, Command<unknown>])[];
