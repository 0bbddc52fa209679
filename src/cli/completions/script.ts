/** Shell completion scripts (`--completions`). */
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
 * The completion script for a shell.
 *
 * @param program the command to complete
 */
export function completionScript(shell: Shell, program = "sockscope"): string {
  return generators[shell](program);
}
