/**
 * Runs this program with other arguments as a process of its own: what it costs is not charged to the answers of the
 * agent that starts it, and its memory is its own.
 */
import type { World } from "../world.ts";

/** Takes whole lines. */
export type TakeLines = (lines: readonly string[]) => void;

/**
 * Runs a command line.
 *
 * @param take takes what it prints
 * @param say takes its messages
 * @param signal ends it; what it has printed until then is taken
 * @returns its exit status
 */
export type Follow = (
  args: readonly string[],
  take: TakeLines,
  say: (text: string) => void,
  signal: AbortSignal,
) => Promise<number>;

/** Where the modules of a compiled executable are. Bun's documentation, "Single-file executable". */
const EMBEDDED = "/$bunfs/";
/** The executable of this process, even if another one has its path by now. proc_pid_exe(5). */
const OWN_EXECUTABLE = "/proc/self/exe";
/** Characters of a line without an end that are kept. */
const LINE_LIMIT = 1 << 20;

/** How this program is started. */
function ownProgram(): readonly [string, ...string[]] {
  return Bun.main.startsWith(EMBEDDED) ? [OWN_EXECUTABLE] : [process.execPath, Bun.main];
}

/** Passes on the lines of a stream. The end of a line that is too long is dropped. */
async function readLines(stream: AsyncIterable<Uint8Array>, take: TakeLines): Promise<void> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of stream) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = lines.pop()!.slice(0, LINE_LIMIT);
    if (lines.length > 0) take(lines);
  }
}

/** Makes what runs command lines in processes of their own. */
export function followInProcess({ env, program }: Pick<World, "env" | "program">): Follow {
  return async (args, take, say, signal) => {
    const child = Bun.spawn([...ownProgram(), ...args], {
      argv0: program,
      env: { ...env, SOCKSCOPE_CALLED: program },
      stdin: "ignore",
      stdout: "pipe",
      stderr: "pipe",
    });
    const end = () => child.kill("SIGTERM");
    signal.addEventListener("abort", end);
    if (signal.aborted) end();
    try {
      await Promise.all([
        readLines(child.stdout, take),
        readLines(child.stderr, (lines) => {
          for (const line of lines) say(line.replace(`${program}: `, ""));
        }),
      ]);
      return await child.exited;
    } finally {
      signal.removeEventListener("abort", end);
    }
  };
}
