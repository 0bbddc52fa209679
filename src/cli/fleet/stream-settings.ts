/** The options of commands that read the stream of a fleet. */
import type { CommandOption } from "../commands/command.ts";

/** Where reading begins, and where it is remembered. */
export interface StreamSettings {
  /** The time to begin at, as typed; undefined for now. */
  readonly since: string | undefined;
  /** The file that remembers what was shown. */
  readonly cursorFile: string | undefined;
}

/** Nothing is set. */
export const noStreamSettings: StreamSettings = { since: undefined, cursorFile: undefined };

/** Makes the rows of the options. */
export function streamOptions<
  Settings extends { readonly stream: StreamSettings },
>(): CommandOption<Settings>[] {
  const setting = (settings: Settings, changes: Partial<StreamSettings>): Settings => ({
    ...settings,
    stream: { ...settings.stream, ...changes },
  });
  return [
    {
      longs: ["since"],
      inFull: true,
      value: { name: "TIME", kind: "word" },
      brief: "With --fleet: begin with what came at this time",
      doc: "With --fleet, begin with what has arrived at the server since this time, as far as its stream has it. Without it, begin now.",
      apply: (settings, since) => setting(settings, { since }),
    },
    {
      longs: ["cursor-file"],
      inFull: true,
      value: { name: "FILE", kind: "file" },
      brief: "With --fleet: go on where the last run ended",
      doc: "With --fleet, begin behind what this file says was shown, and keep it up to date: a run with the same file goes on where this one ended. A file that does not exist is made, and the run begins at --since, or now.",
      apply: (settings, cursorFile) => setting(settings, { cursorFile }),
    },
  ];
}

/** Which of the options is given although nothing is read from a stream; undefined if none is. */
export function streamOptionOf({ since, cursorFile }: StreamSettings): string | undefined {
  return since !== undefined ? "--since" : cursorFile !== undefined ? "--cursor-file" : undefined;
}

/**
 * Whether a command line reads the stream of a fleet. Other command lines with --fleet send a question to its agents.
 *
 * @param settings the command's own
 */
export function readsStream(draft: { readonly fleet?: string }, command: string, settings: unknown): boolean {
  if (draft.fleet === undefined) return false;
  return command === "events" || (command === "doctor" && (settings as { readonly watch: boolean }).watch);
}
