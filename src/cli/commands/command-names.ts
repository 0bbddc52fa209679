/** Names of the commands: a first argument that ss does not have. No filter begins with one of these words. */

/** Each command's name, with its description for one line of `--help`. */
export const commandWords = {
  top: "Watch sockets live: bytes per second, queues, drops",
  events: "Follow sockets as they open, change state and close",
  doctor: "Find problems with sockets, and say how to fix them",
  netstat: "List sockets with the options of netstat: -tulpn, -x",
  lsof: "List sockets with the options of lsof: -i, -U",
  who: "Show who has a port, an address or a process's sockets",
  record: "Keep the sockets of the past, for --at and history",
  history: "List the connections that record has kept",
  serve: "Show sockets on a page and to programs, over HTTP",
  map: "Show which programs and hosts depend on which services",
  agent: "Answer the queries of other hosts (--host, --fleet)",
} as const satisfies Record<string, string>;

/** The name of a command. */
export type CommandWord = keyof typeof commandWords;

/** The names of all commands. */
export const commandNames = Object.keys(commandWords) as readonly CommandWord[];

/** Whether a first argument names a command. */
export function isCommand(word: string): word is CommandWord {
  return Object.hasOwn(commandWords, word);
}

/** The commands that stand in for a program of the same name: an executable with that name runs the command. */
export const habits = ["netstat", "lsof"] as const satisfies readonly CommandWord[];

/** The name of such a command. */
export type Habit = (typeof habits)[number];

/** Whether a first argument names such a command. */
export function isHabit(word: string): word is Habit {
  return (habits as readonly string[]).includes(word);
}

/** Some words without others. Every run does this, and `filter` would cost it more than the loop. */
function without(words: readonly CommandWord[], others: readonly CommandWord[]): readonly CommandWord[] {
  const rest: CommandWord[] = [];
  for (const word of words) if (!others.includes(word)) rest.push(word);
  return rest;
}

/** The commands that read the sockets of a machine. The others stand in for other programs. */
export const machineCommands: readonly CommandWord[] = without(commandNames, habits);

/** The commands whose command line selects sockets. The requests that `serve` answers do that themselves. */
export const listingCommands: readonly CommandWord[] = without(machineCommands, ["serve"]);

/** The commands that `--host` and `--fleet` run on other hosts. They change nothing there. */
export const remoteCommands: readonly CommandWord[] = ["events", "doctor", "history"];

/** Whether other hosts run a command themselves, and not only send the sockets for it. */
export function isRemote(word: CommandWord): boolean {
  return remoteCommands.includes(word);
}
