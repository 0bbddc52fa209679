/** Names of the commands: a first argument that ss does not have. No filter begins with one of these words. */

/** Each command's name, with its description for one line of `--help`. */
export const commandWords = {
  top: "Watch sockets live: bytes per second, queues, drops",
  events: "Follow sockets as they open, change state and close",
  doctor: "Find problems with sockets, and say how to fix them",
  record: "Keep the sockets of the past, for --at and history",
  history: "List the connections that record has kept",
} as const satisfies Record<string, string>;

/** The name of a command. */
export type CommandWord = keyof typeof commandWords;

/** Whether a first argument names a command. */
export function isCommand(word: string): word is CommandWord {
  return Object.hasOwn(commandWords, word);
}
