/** The words that, first on the command line, ask for something that ss does not do. No filter begins with them. */

/** Each command's word, with what it does in one line of `--help`. */
export const commandWords = {
  top: "Watch sockets live: bytes a second, queues, drops",
  events: "Follow sockets as they open, change state and close",
  doctor: "Find what is wrong with the sockets, and what to do",
  record: "Keep the sockets of the past, for --at",
  history: "List the connections that 'record' has kept",
} as const satisfies Record<string, string>;

/** The word of a command. */
export type CommandWord = keyof typeof commandWords;

/** Whether a word is that of a command. */
export function isCommand(word: string): word is CommandWord {
  return Object.hasOwn(commandWords, word);
}
