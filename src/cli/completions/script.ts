/** Completion scripts: what a shell must read to complete a command line of this program. */
import { bashCompletion } from "./bash.ts";
import { fishCompletion } from "./fish.ts";
import type { Shell } from "./shells.ts";
import { zshCompletion } from "./zsh.ts";

const generators: Readonly<Record<Shell, (program: string) => string>> = {
  bash: bashCompletion,
  zsh: zshCompletion,
  fish: fishCompletion,
};

/**
 * The script of a shell.
 *
 * @param program the command that is to be completed
 */
export function completionScript(shell: Shell, program = "sockscope"): string {
  return generators[shell](program);
}
